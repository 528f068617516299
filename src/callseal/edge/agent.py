"""The agent as a whole: its parts put together, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from callseal.edge.acks import AckBook, AckListener
from callseal.edge.certificates import CertificateExpiry
from callseal.edge.courier import Courier
from callseal.edge.database import Database
from callseal.edge.events import Reporter
from callseal.edge.holds import Holds
from callseal.edge.journal import Journal
from callseal.edge.lost_forks import LostForks
from callseal.edge.metrics import EdgeMetrics
from callseal.edge.ng_client import NgClient, NgRefusedError, NgSilentError
from callseal.edge.nodes import Nodes
from callseal.edge.router_control import RouterControl
from callseal.edge.router_metrics import RouterMetrics
from callseal.edge.router_state import RouterState, read_state
from callseal.edge.settings import Address, EdgeSettings
from callseal.edge.spool import Spool
from callseal.edge.tracing import Tracer
from callseal.edge.watcher import Watcher
from callseal.observe.errors import Error
from callseal.wire.http_client import HttpClient

_CALL_AGE_LIMIT_MS = 24 * 3_600_000
_CONTROL_TIMEOUT_S = 0.5

log = structlog.get_logger("callseal.edge")


class EdgeAgent:
    """Everything the HTTP handlers need, and the tasks behind them. `async with agent.running():` serves.

    `now_ms` is unix time, `random_bytes` makes event ids and cookies, `tls` verifies the desk (None: the URL is http, or
    the system's roots are right), `nodes` replaces the clients of `settings.nodes`.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        tls: ssl.SSLContext | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        self.settings = settings
        self.now_ms = now_ms
        self.metrics = EdgeMetrics()
        self.router_metrics = RouterMetrics(settings.peer_sets)
        self.metrics.registry.register(self.router_metrics)
        self.metrics.registry.register(CertificateExpiry(settings.certificates, now_ms))
        self.acks = AckBook(now_ms)
        self._random_bytes = random_bytes
        self._tls = tls
        self._database = Database(settings.state)
        self.spool = Spool(self._database)
        self.journal = Journal(self._database)
        self.forks = LostForks(self._database)
        self.nodes = nodes or Nodes(
            {name: self._client(settings, address) for name, address in settings.nodes.items()},
            settings.own_node,
        )
        self.reporter = Reporter(self.spool, edge=settings.edge, now_ms=now_ms, random_bytes=random_bytes)
        self.holds = Holds(self.journal, self.nodes, self.reporter, settings, now_ms=now_ms)
        self.watcher = Watcher(
            self.nodes,
            self.acks,
            self.reporter,
            settings,
            is_held=self.holds.is_held,
            hold_order=self.holds.last_order,
            count=lambda leg, kind: self.metrics.verdicts.labels(leg, kind).inc(),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take over what an earlier run left, listen for ACKs, deliver, end holds in time."""
        await self.holds.load()
        long_ago = self.now_ms() - _CALL_AGE_LIMIT_MS
        await self.journal.forget_old_calls(before=long_ago)
        await self.forks.load(older_than=long_ago)
        loop = asyncio.get_running_loop()
        tracer = self._tracer(self.settings.hep) if self.settings.hep else None
        host, port = self.settings.datagrams
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: AckListener(
                    self.acks,
                    self.settings.peers,
                    lambda: self.metrics.refused.labels("datagram").inc(),
                    tracer.take if tracer else None,
                ),
                local_addr=(host, port),
            )
        except OSError as error:
            raise OSError(f"cannot listen on {host}:{port}/udp: {os.strerror(error.errno or 0)}") from None
        async with HttpClient(self._tls) as http:
            courier = Courier(
                self.spool,
                http,
                self.settings,
                now_ms=self.now_ms,
                jitter=lambda: self._random_bytes(1)[0] / 255,
                count=lambda kind, outcome: self.metrics.deliveries.labels(kind, outcome).inc(),
            )
            tasks = [asyncio.create_task(courier.run()), asyncio.create_task(self.holds.run())]
            log.info("serving", holds=self.holds.active, waiting=(await self.spool.depth()).rows)
            try:
                yield
            finally:
                transport.close()
                await self.watcher.close()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self.nodes.close()
                self._database.close()

    async def ng_answers(self) -> bool:
        """Whether this edge's own rtpengine answers a ping."""
        with contextlib.suppress(NgSilentError):
            await self.nodes.own.ping()
            return True
        return False

    async def exposition(self) -> bytes:
        """The metrics page, with the gauges brought up to date."""
        depth = await self.spool.depth()
        self.metrics.spool_depth.set(depth.rows)
        age = 0 if depth.oldest_at is None else max(self.now_ms() - depth.oldest_at, 0) / 1000
        self.metrics.spool_oldest.set(age)
        self.metrics.holds.set(self.holds.active)
        self.router_metrics.show(await asyncio.to_thread(self._router_state), await self._sessions())
        return self.metrics.render()

    def _tracer(self, collector: Address) -> Tracer:
        """Sends what may leave to the collector; what the network does not take is lost, and calls are not held up for it."""
        family = socket.AF_INET6 if ":" in collector[0] else socket.AF_INET
        sender = socket.socket(family, socket.SOCK_DGRAM)
        sender.setblocking(False)

        def send(packet: bytes) -> None:
            with contextlib.suppress(OSError):
                sender.sendto(packet, collector)

        log.warning("tracing", advice="SIP without digits and keys goes to the HEP collector.")
        return Tracer(
            agent=int(self.settings.own_node),
            token_header=self.settings.token_header,
            reference_header=self.settings.reference_header,
            now_us=lambda: self.now_ms() * 1000,
            send=send,
            refused=lambda: self.metrics.refused.labels("trace").inc(),
        )

    def _router_state(self) -> RouterState | None:
        if self.settings.router_control is None:
            return None
        try:
            return read_state(RouterControl(self.settings.router_control, timeout_s=_CONTROL_TIMEOUT_S))
        except Error as error:
            log.warning("router_unread", error=error.id)
            return None

    async def _sessions(self) -> int | None:
        try:
            return await self.nodes.own.sessions()
        except (NgSilentError, NgRefusedError):
            return None

    def _client(self, settings: EdgeSettings, address: tuple[str, int]) -> NgClient:
        return NgClient(
            address,
            cookie_prefix=self._random_bytes(8).hex(),
            timeout_ms=settings.ng_timeout_ms,
            attempts=settings.ng_attempts,
            observe=lambda command, seconds: self.metrics.ng_seconds.labels(command).observe(seconds),
        )
