"""The hand-written configuration, read as text: what is loaded, what is called, what is counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callseal.render import hand_written

pytestmark = pytest.mark.unit

ALLOWED_MODULES = frozenset(
    [
        "async",  # wakes the postman, suspends nothing
        "corex",
        "counters",  # shows the counters of the script
        "crypto",
        "db_text",
        "debugger",  # levels of the log, where there is no log door
        "dispatcher",
        "http_client",
        "ipops",
        "jansson",
        "jsonrpcs",
        "maxfwd",
        "mqueue",
        "mtree",
        "permissions",
        "pipelimit",
        "pv",
        "rr",
        "regex",  # compiled expressions, read at start
        "rtimer",
        "rtpengine",
        "sanity",
        "siputils",
        "sl",
        "statistics",
        "tcpops",  # closes a stranger's connection
        "textops",
        "textopsx",
        "tls",  # keeps connections, not calls
        "tm",
        "tmx",
        "xlog",
    ]
)
"""None of them keeps a call. Before another is added: does it? (crypto: functions only. pipelimit: counters of one second,
one a peer, nothing of a call.)"""

STATEFUL_MODULES = frozenset(
    [
        "acc",
        "cfgutils",
        "dialog",
        "dmq",
        "dmq_usrloc",
        "evapi",
        "exec",
        "htable",
        "msilo",
        "ndb_redis",
        "nathelper",
        "p_usrloc",
        "presence",
        "pua",
        "registrar",
        "siptrace",
        "sipcapture",
        "sqlops",
        "topoh",
        "topos",
        "topos_htable",
        "topos_redis",
        "uac",
        "usrloc",
    ]
)


def text() -> str:
    """All of it, without comments."""
    whole = "\n".join(path.read_text(encoding="utf-8") for path in sorted(hand_written().glob("*.cfg")))
    return re.sub(r"(?m)^\s*#(?!!).*$|\s# .*$", "", whole)


def names(pattern: str) -> set[str]:
    return set(re.findall(pattern, text()))


def test_modules_are_the_allowed_ones() -> None:
    loaded = names(r'loadmodule "(\w+)\.so"')
    assert loaded == ALLOWED_MODULES
    assert not loaded & STATEFUL_MODULES


def test_no_module_can_be_made_to_quote_messages_in_the_log() -> None:
    """`-d` on the command line, as often as one likes, has no effect on a module with a level of its own."""
    levels = dict(re.findall(r'modparam\("debugger", "mod_level", "(\w+)=(-?\d)"\)', text()))
    assert set(levels) == ALLOWED_MODULES | {"core"}
    assert max(map(int, levels.values())) == 1, "L_NOTICE"
    assert 'modparam("debugger", "mod_level_mode", 1)' in text()


def test_the_log_door_and_debugger_are_one_or_the_other() -> None:
    """What makes the environment say that the door is there is the door itself, and only then are the levels its affair."""
    assert re.search(
        r'#!trydefenv WITH_LOG_DOOR\n#!ifndef WITH_LOG_DOOR\nloadmodule "debugger.so"\n#!endif\n', text()
    )
    quiet = (hand_written() / "quiet.cfg").read_text(encoding="utf-8")
    before, _, levels = quiet.partition("#!ifndef WITH_LOG_DOOR\n")
    assert "modparam" not in before
    assert levels.index("modparam") < levels.rindex("#!endif") < levels.index("route[FOR_THE_LOG]")
    assert "modparam" not in levels[levels.rindex("#!endif") :]


def test_no_route_returns_what_another_one_says() -> None:
    """`return (route(X))` makes 0 of a -1, and that ends the script: no refusal is sent, and a reply goes on as it came."""
    assert not re.search(r"return\s*\(?\s*route\(", text())


def test_words_of_a_sender_are_not_logged() -> None:
    """A method, a CSeq, a URI may be a card number."""
    for line in re.findall(r'xlog\("[^"]*", "([^"]*)', text()):
        assert not re.search(r"\$(rm|hdr|ru|rU|fu|fU|tu|tU|rb|mb|nh|ua|ct|cs)\b", line), line
    assert names(r'(?m)^log_prefix="(.*)"$') == {"{$mt $ci} "}


def test_kamailio_leaves_no_core() -> None:
    assert names(r"(?m)^disable_core_dump=(\w+)$") == {"yes"}


def test_parameters_belong_to_loaded_modules() -> None:
    assert names(r'modparam\("(\w+)"') <= ALLOWED_MODULES


def test_every_file_is_included_and_short() -> None:
    whole = text()
    for path in hand_written().glob("*.cfg"):
        assert path.name == "kamailio.cfg" or f'include_file "{path.name}"' in whole
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 330, (
            f"{path.name} is too long to be read in one go"
        )


def test_every_route_is_defined_and_used() -> None:
    defined = names(r"(?m)^(?:branch_|failure_)?route\[(\w+)\]") | names(r"(?m)^onreply_route\[(\w+)\]")
    used = names(r"route\((\w+)\)") | names(r't_on_\w+\("(\w+)"\)') | names(r"route=(\w+)")
    used |= names(r'async_task_group_data\("(\w+)"')
    assert used == defined


def test_every_counter_is_declared_and_counted() -> None:
    assert names(r'update_stat\("(\w+)"') == names(r'"variable", "(\w+)"')


def test_nothing_dangerous_is_asked_of_rtpengine() -> None:
    """Daemon crashes, leaks and call-wide blocks (docs/explanation/router.md)."""
    whole = text()
    for word in (
        "rtpengine_manage",
        "trigger",
        "zero",
        "asymmetric",
        "delay-buffer",
        "start_recording",
    ):
        assert word not in whole
    # The only mode that neither leaks nor crashes.
    assert set(re.findall(r"DTMF-security\W+(\w+)", whole)) == {"silence"}
    for command in re.findall(r'(?:un)?block_(?:dtmf|media)\("([^"]*)"\)', whole):
        if command == "$var(fencing)":
            assert whole.count("$var(fencing) =") == 1
            assert '$var(fencing) = "call-id=" + $avp(anchor) + " label=partner" + FENCE_SECURITY;' in whole
            continue
        assert re.fullmatch(r"call-id=\$avp\(anchor\)( label=(carrier|partner))?", command)
    # Without a party it is the whole anchor: only between the offer and the answer of an anchor that nobody else has used yet.
    whole_anchor = re.findall(r'\w+_(?:dtmf|media)\("call-id=\$avp\(anchor\)"\)', whole)
    assert sorted(command.partition("(")[0] for command in whole_anchor) == [
        "block_dtmf",
        "block_media",
        "unblock_dtmf",
        "unblock_media",
    ]


def test_no_body_is_logged() -> None:
    for line in re.findall(r"xlog\(.*", text()):
        assert not re.search(
            r"\$(rb|mb|hdr|var\(token|var\(sdp|var\(cookie|var\(form|var\(key|var\(query|var\(reply|avp\(keys)",
            line,
        ), line


def test_installed_wheel_would_carry_it(tmp_path: Path) -> None:
    assert (hand_written() / "kamailio.cfg").is_file()
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert '"router" = "callseal/render/router"' in project.read_text(encoding="utf-8")


def test_no_expression_counts_far() -> None:
    """`x{1,200}` makes the C library's matcher two hundred states wide: 60 microseconds a look where a length costs none."""
    expressions = re.findall(r'=~ "([^"]+)"', text())
    assert len(expressions) > 20
    assert [
        each for each in expressions if any(int(n) > 40 for n in re.findall(r"\{\d*,?(\d+)\}", each))
    ] == []
