"""Rules about media: its anchors, its crypto suites, the fence, and how long it may stay held."""

from __future__ import annotations

from collections.abc import Iterator

from callseal.deployment.lines import Path
from callseal.deployment.policies import DEFAULT_SUITES, Face
from callseal.deployment.rules.raw import Finding, Raw, Rule, dotted, peers

WIDEST_ONE_ANCHOR = 256
"""Addresses a platform's media list may hold with one anchor: an SDP that points at any of them is relayed as it is."""


def one_anchor(raw: Raw) -> Iterator[Finding]:
    platform = raw.inner("platform")
    if platform.text("anchors") != "one":
        return
    partner = raw.inner("partner")
    profiles = {face.text("media_profile", "rtp") for face in (partner, platform)}
    if len(profiles) > 1:
        yield Finding(
            "CS035", (*platform.path, "anchors"), "of partner and platform one speaks SRTP, the other RTP"
        )
    elif "srtp" in profiles and len(list(partner.texts("srtp_suites"))) == 1:
        yield Finding(
            "CS035", (*partner.path, "srtp_suites"), "no suite of its own for media at home: it has only one"
        )
    for path, network in platform.networks("media"):
        if network.num_addresses > WIDEST_ONE_ANCHOR:
            yield Finding("CS035", path, f"{network} holds more than {WIDEST_ONE_ANCHOR} media addresses")


def crypto_suites(raw: Raw) -> Iterator[Finding]:
    """rtpengine copies a key to the other face where both have its suite: faces must have none in common."""
    taken: dict[str, tuple[Face, Path]] = {}
    for face, peer in peers(raw):
        if peer.text("media_profile", "rtp") != "srtp":
            continue
        listed = list(peer.texts("srtp_suites")) or [
            ((*peer.path, "media_profile"), suite) for suite in DEFAULT_SUITES[face]
        ]
        for path, suite in listed:
            other, where = taken.setdefault(suite, (face, path))
            if other != face:
                yield Finding("CS090", path, f"{suite} is already the {other}'s, {dotted(where)}")


def media_in_clear(raw: Raw) -> Iterator[Finding]:
    for face, peer in peers(raw):
        if face == "carrier" or peer.text("media_profile", "rtp") != "rtp":
            continue
        for path, network in peer.networks("media"):
            if network.is_global:
                yield Finding("CS091", path, f"RTP of the {face} crosses {network} in clear")


def deadlines(raw: Raw) -> Iterator[Finding]:
    desk, router = raw.inner("desk"), raw.inner("router")
    ttl = router.number("hold_ttl_ms", 10_000)
    keys = ("secure_timeout_ms", "restore_timeout_ms")
    timeout, key = max((desk.number(key, 3_000) or 0, key) for key in keys)
    if ttl is not None and ttl < timeout + 1_000:
        place = (*router.path, "hold_ttl_ms") if "hold_ttl_ms" in router.table else (*desk.path, key)
        yield Finding("CS037", place, f"hold_ttl_ms is {ttl}, {key} {timeout}")
    one, overall = desk.number("capture_field_ms", 120_000), desk.number("capture_overall_ms", 300_000)
    if one is not None and overall is not None and overall < one:
        key = "capture_overall_ms" if "capture_overall_ms" in desk.table else "capture_field_ms"
        yield Finding("CS038", (*desk.path, key), f"{overall} ms for all fields, {one} ms for one")


def fence(raw: Raw) -> Iterator[Finding]:
    router = raw.inner("router")
    if router.text("fence") == "unsafe-off":
        yield Finding("CS036", (*router.path, "fence"), "THE FENCE IS OFF: digits may reach the agent")


MEDIA_RULES: tuple[Rule, ...] = (one_anchor, crypto_suites, media_in_clear, deadlines, fence)
