"""The log door itself, in a program that asks it as Kamailio does: what may each module log, and when is it there at all?"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from callseal.lab.log_door import build
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Kamailio
from callseal.render import hand_written

pytestmark = pytest.mark.unit

ASKS = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int process_no, dont_fork;
static int (*level)(char *, int, int *);
%s
int main(int argc, char **argv)
{
    printf("door %%s\\n", getenv("WITH_LOG_DOOR") ? "open" : "shut");
    process_no = atoi(argv[1]);
    dont_fork = atoi(argv[2]);
    for (int at = 3; level && at < argc; at++) {
        int found = 99, said = level(argv[at], strlen(argv[at]), &found);
        printf("%%s %%d\\n", argv[at], said == 0 ? found : 99);
    }
}
"""
CALL = "void set_module_debug_level_cb(int (*f)(char *, int, int *)) { level = f; }"
DEFAULT = 99
"""As `debug` and -d say."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log-door")


def program(folder: Path, call: str) -> Path:
    path = folder / f"asks-{len(call)}"
    if not path.exists():
        subprocess.run(
            ["cc", "-rdynamic", "-o", path, "-x", "c", "-"], input=ASKS % call, text=True, check=True
        )
    return path


def asked(path: Path, *words: str, preload: bool = True, **env: str) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name != "WITH_LOG_DOOR"} | env
    if preload:
        given["LD_PRELOAD"] = str(build())
    done = subprocess.run([path, *words], capture_output=True, text=True, env=given, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def test_its_table_is_that_of_debugger(folder: Path) -> None:
    quiet = (hand_written() / "quiet.cfg").read_text(encoding="utf-8")
    table = dict(re.findall(r'modparam\("debugger", "mod_level", "(\w+)=(-?\d)"\)', quiet))
    assert table["core"] == "-2"
    assert asked(program(folder, CALL), "1", "0", *table) == {"door": "open", **table}


def test_a_module_that_is_on_no_list_is_quiet_too(folder: Path) -> None:
    assert asked(program(folder, CALL), "1", "0", "siptrace", "cor", "corex", "tlsx")["siptrace"] == "1"


@pytest.mark.parametrize(
    ("process", "alone", "core"), [(0, 0, DEFAULT), (1, 0, -2), (0, 1, -2)], ids=["main", "worker", "no-fork"]
)
def test_who_reads_the_configuration_may_complain_of_it(
    folder: Path, process: int, alone: int, core: int
) -> None:
    assert asked(program(folder, CALL), str(process), str(alone), "core")["core"] == str(core)


def test_it_is_not_there_where_nobody_asks(folder: Path) -> None:
    """A Kamailio without that call, or none at all: `debugger` is loaded, whatever the environment said."""
    assert asked(program(folder, ""), "1", "0", WITH_LOG_DOOR="1") == {"door": "shut"}
    assert asked(program(folder, CALL), "1", "0", preload=False) == {"door": "shut"}


def test_the_lab_hands_no_variable_of_ours_on_to_kamailio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WITH_LOG_DOOR", "1")
    (tmp_path / "data").mkdir()
    kamailio = Kamailio(
        Rootfs("forky", tmp_path), config=tmp_path, sip=("127.0.0.1", 5060), known_peer="127.0.0.1",
        log=tmp_path / "log", door=False,
    )  # fmt: skip
    assert kamailio._env is not None
    assert set(kamailio._env) == {"PATH"}


def test_kamailio_can_start_no_program_that_would_inherit_them() -> None:
    modules = (hand_written() / "modules.cfg").read_text(encoding="utf-8")
    assert 'loadmodule "exec.so"' not in modules
    assert 'loadmodule "app_' not in modules
