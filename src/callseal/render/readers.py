"""Who may read what is rendered: its owner, and the group that the directory was made for.

systemd makes /run/callseal for root and the group of Kamailio's user (`RuntimeDirectory=`, `Group=`): Kamailio reads what is in it, keys
too, and can change none of it. A directory that belongs to the group of root, or to anybody else than root, was made for nobody in
particular, and every file has the mode it asks for. So it is with the set-group-ID bit, by which a directory has its group from the one above
(Debian's /usr/local is such a one).
"""

from __future__ import annotations

import stat
from pathlib import Path

from callseal.render.file import RenderedFile

_FOR_A_GROUP = 0o640
FOLDER_FOR_A_GROUP = 0o750


def reading_group(directory: Path) -> int | None:
    """The number of the group that `directory` was made for; None for nobody in particular. Raises `OSError`."""
    found = directory.stat()
    inherited = found.st_mode & stat.S_ISGID
    return found.st_gid if found.st_uid == 0 and found.st_gid != 0 and not inherited else None


def mode_in(directory: Path, file: RenderedFile) -> int:
    """The mode of `file` in `directory`, which exists. Raises `OSError`."""
    return file.mode if reading_group(directory) is None else _FOR_A_GROUP
