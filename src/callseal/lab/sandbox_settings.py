"""The settings of the sandbox's services: what each of them is told (docs/explanation/sandbox-partner.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callseal.deployment import Deployment
from callseal.lab import second_edge
from callseal.lab.choices import Choices
from callseal.lab.encrypted_world import partner_hears, partner_next_hop
from callseal.lab.partner_host import PartnerHost
from callseal.lab.workspace import Workspace

DIGIT_FEED_PORT = 2230
PROMPTS = "src/callseal/sandbox/prompts"
PROMPTS_INSIDE = "/run/callseal"


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Writes them into the workspace. `choices` may change what the partner and the PSP are told."""

    workspace: Workspace
    choices: Choices
    deployment: Deployment

    def partner(self, host: PartnerHost) -> Path:
        """What the B2BUA on `host` is told."""
        site = self.workspace.site
        told = {
            "sip": f"{host.sip}:5060",
            "edge": partner_next_hop(self.workspace, host),
            "accept_from": partner_hears(self.workspace, host),
            "api": f"{host.sip}:8030",
            "api_key": self.workspace.secret(host.api_key),
            "webhook_url": f"http://{site.desk}:8050/v1/webhooks/partner",
            "webhook_secret": self.workspace.secret(host.webhook_secret),
            "psp": f"http://{site.psp}:8033",
            "ng": f"{host.media}:2223",
            "digit_feed": f"{site.digit_feed}:{DIGIT_FEED_PORT}",
            "prompt_dir": PROMPTS_INSIDE,
            **(second_edge.for_the_partner(site) if self.choices.edges == 2 else {}),
            "media_profile": self.deployment.partner.media_profile,
            "srtp_suite": self.deployment.partner.srtp_suites[0],
            **self.choices.partner,
        }
        return self._write(f"partner{host.suffix}", told)

    def psp(self) -> Path:
        return self._write("psp", {"listen": f"{self.workspace.site.psp}:8033", **self.choices.psp})

    def platform(self) -> Path:
        told = {
            "listen": f"{self.workspace.site.platform}:8041",
            "webhook_secret": self.workspace.secret("platform-webhook"),
        }
        return self._write("platform", told)

    def _write(self, name: str, table: Mapping[str, Any]) -> Path:
        """A sandbox service's TOML, for the owner only (it holds secrets). JSON values are TOML as they stand."""
        path = self.workspace.root / f"{name}.toml"
        path.touch(mode=0o600)
        path.write_text(
            "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()), encoding="utf-8"
        )
        return path
