"""A lab's directory: the deployment file for its site, secrets made at first start, logs and state."""

from __future__ import annotations

import base64
import os
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from callseal.lab.encryption import make_certificates, over_tls
from callseal.lab.rootfs import project_root
from callseal.lab.site import Site

EXAMPLE = "examples/sandbox.toml"
_SECRET = re.compile(r'(?m)^[^#\n]*"file:(secrets/[\w-]+)"')


@dataclass(frozen=True, slots=True)
class Workspace:
    """`root` holds `callseal.toml`, `secrets/`, `state/`, `logs/`, `router/` and one directory a phone."""

    root: Path
    site: Site
    settings: dict[str, str] = field(default_factory=dict)
    """Values of the example's lines, by `key` or `table.key`, as TOML."""
    tls: frozenset[str] = frozenset()
    """The faces (`carrier`, `partner`, `platform`) that speak SIP over TLS."""

    @property
    def block(self) -> Site:
        """The site, where only its addresses are meant."""
        return self.site

    @property
    def deployment(self) -> Path:
        return self.root / "callseal.toml"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def router(self) -> Path:
        return self.root / "router"

    def directory(self, name: str) -> Path:
        """A directory of that name, made if missing, for the owner only."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        return path

    def prepare(self) -> None:
        """Write the deployment from the example, and the secrets that are not there yet."""
        text = self.site.deployment((project_root() / EXAMPLE).read_text(encoding="utf-8"))
        text = over_tls(text, self.tls)
        for key, value in self.settings.items():
            line = _line(key)
            if line.search(text) is None:
                raise ValueError(f"{EXAMPLE} has no line for {key!r}")
            text = line.sub(f"\\g<1>{value.replace(chr(92), chr(92) * 2)} ", text)
        for name in ("logs", "secrets", "state", "router"):
            self.directory(name)
        self.deployment.write_text(text, encoding="utf-8")
        if self.tls:
            make_certificates(self.directory("tls"), self.block, datetime.fromtimestamp(time.time(), UTC))
        for relative in sorted(set(_SECRET.findall(text))):
            self.secret(Path(relative).name)

    def secret(self, name: str) -> str:
        """The secret of that name; made (32 random bytes, mode 0600) at first use. Webhook secrets have their standard form."""
        path = self.root / "secrets" / name
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as sink:
                sink.write(_fresh(name))
        return path.read_text(encoding="ascii").strip()


def _line(key: str) -> re.Pattern[str]:
    """The line of `key`, wherever it stands; of `table.key`, in that table only (`[table]` or `[[table]]`)."""
    table, _, name = key.rpartition(".")
    inside = rf"^\[+{re.escape(table)}\]+\n(?:(?!\[).*\n)*?" if table else "^"
    return re.compile(rf"(?m)({inside}{re.escape(name)} = )[^#\n]*")


def _fresh(name: str) -> str:
    if name.endswith("-webhook"):  # Standard Webhooks: whsec_ and base64
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    return secrets.token_urlsafe(32)
