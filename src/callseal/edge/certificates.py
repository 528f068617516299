"""When do the certificates end that this edge shows and trusts? One figure a file, for an alarm weeks before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cryptography import x509
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_END = b"-----END X509 CRL-----\n"
METRIC = "callseal_certificate_expiry_seconds"


def ends_at(pem: bytes) -> float:
    """Unix time at which the first of the certificates in `pem` ends, or of the revocation lists that are there instead (their
    next update). Raises `ValueError` when there is neither in it."""
    if b"-----BEGIN X509 CRL-----" in pem:
        lists = [x509.load_pem_x509_crl(one + _END) for one in pem.split(_END)[:-1]]
        return min(one.next_update_utc.timestamp() for one in lists if one.next_update_utc is not None)
    return min(one.not_valid_after_utc.timestamp() for one in x509.load_pem_x509_certificates(pem))


class CertificateExpiry(Collector):
    """Seconds left of each file, read when asked, so a renewed file shows at once; below zero once it has ended.

    A file that is not there, or is no certificate, gives -Inf: the alarm for what ends soon rings for that too.
    """

    def __init__(self, files: Iterable[Path], now_ms: Callable[[], int]) -> None:
        self._files = tuple(files)
        self._now_ms = now_ms

    def describe(self) -> list[GaugeMetricFamily]:
        return [self._family()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = self._family()
        for file in self._files:
            family.add_metric([file.name], self._left(file))
        yield family

    def _left(self, file: Path) -> float:
        try:
            return ends_at(file.read_bytes()) - self._now_ms() / 1000
        except (OSError, ValueError):
            return float("-inf")

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            METRIC, "Time left of the first certificate to end in a file", labels=("file",)
        )
