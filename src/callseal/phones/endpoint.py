"""PJSIP's library: brought up with a null sound device, one SIP transport and one account; taken down without a crash."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from callseal.phones.settings import PhoneSettings
from callseal.phones.sound import CLOCK_HZ, FRAME_MS

_CODEC_FIRST = 250


class Account(pj.Account):  # type: ignore[misc]  # PJSIP has no types
    """Passes an incoming call on to `incoming`, with PJSIP's own parameters."""

    def __init__(self, incoming: Callable[[Any], None]) -> None:
        super().__init__()
        self._incoming = incoming

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self._incoming(prm)


def open_endpoint(settings: PhoneSettings) -> Any:
    """The running library. Everything SIP runs on the thread that polls it; only media has threads of its own."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()

    config.logConfig.level = settings.log_level if settings.log_file is not None else 0
    config.logConfig.consoleLevel = 0
    config.logConfig.msgLogging = 0
    config.logConfig.filename = settings.log_file or ""

    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.userAgent = ""
    config.uaConfig.maxCalls = 4

    config.medConfig.clockRate = CLOCK_HZ
    config.medConfig.sndClockRate = CLOCK_HZ
    config.medConfig.audioFramePtime = FRAME_MS
    config.medConfig.channelCount = 1
    config.medConfig.ecTailLen = 0
    config.medConfig.noVad = True  # packets all the time, speech or not
    config.medConfig.hasIoqueue = True
    config.medConfig.threadCnt = 1
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()

    for codec in endpoint.codecEnum2():
        name = codec.codecId.partition("/")[0]
        offered = name in settings.codecs
        endpoint.codecSetPriority(codec.codecId, _CODEC_FIRST - settings.codecs.index(name) if offered else 0)
    return endpoint


def open_transport(endpoint: Any, settings: PhoneSettings) -> int:
    """SIP on the phone's own address; returns PJSIP's transport id. Raises `pj.Error` (address in use, bad certificate)."""
    config = pj.TransportConfig()
    config.boundAddress = settings.address
    config.port = settings.sip_port
    if settings.transport == "udp":
        return int(endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, config))
    tls = config.tlsConfig
    tls.certFile = settings.tls_certificate
    tls.privKeyFile = settings.tls_key
    tls.CaListFile = settings.tls_ca
    tls.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2 | pj.PJ_SSL_SOCK_PROTO_TLS1_3
    tls.verifyServer = True
    tls.verifyClient = True
    tls.requireClientCert = True
    return int(endpoint.transportCreate(pj.PJSIP_TRANSPORT_TLS, config))


def account_config(settings: PhoneSettings, transport: int) -> Any:
    """No registrar: direct calls, or all through the outbound proxy."""
    config = pj.AccountConfig()
    config.idUri = settings.identity
    config.sipConfig.transportId = transport
    if settings.outbound_proxy is not None:
        transport_name = "" if settings.transport == "udp" else f";transport={settings.transport}"
        config.sipConfig.proxies.append(f"sip:{settings.outbound_proxy}{transport_name};lr")

    config.natConfig.iceEnabled = False
    config.natConfig.contactRewriteUse = 0
    config.natConfig.viaRewriteUse = 0
    config.natConfig.sdpNatRewriteUse = 0
    config.natConfig.sipOutboundUse = 0

    if settings.session_timer_s is None:
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
    else:
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_ALWAYS
        config.callConfig.timerSessExpiresSec = settings.session_timer_s

    media = config.mediaConfig
    media.transportConfig.boundAddress = settings.address
    media.transportConfig.port = settings.rtp_first
    media.transportConfig.portRange = settings.rtp_last - settings.rtp_first
    media.lockCodecEnabled = False  # PJSIP would send a re-INVITE of its own after an answer with two codecs
    media.streamKaEnabled = False
    media.rtcpMuxEnabled = False
    media.srtpUse = pj.PJMEDIA_SRTP_MANDATORY if settings.rtp == "srtp" else pj.PJMEDIA_SRTP_DISABLED
    media.srtpSecureSignaling = 0  # keys may go over UDP: the lab's SIP leaves no machine
    return config


def close_endpoint(endpoint: Any) -> None:
    """Call after the last reference to account, calls, players and ports is gone.

    PJSIP objects must die before the library, and Python decides when: collect now, not at interpreter exit.
    """
    gc.collect()
    endpoint.libDestroy(
        pj.PJSUA_DESTROY_NO_RX_MSG
    )  # the line has hung up already; do not wait another second
