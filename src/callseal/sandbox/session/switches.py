"""How this partner behaves, and misbehaves, on command: read from the configuration, changed with `POST /faults`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Switches(BaseModel):
    """Partners differ and partners fail; each line is one way to do so."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    # How this partner is
    token: bool = Field(True, description="put the token on the INVITE that goes back to the edge")
    keep_call_id: bool = Field(False, description="use the incoming Call-ID on the outgoing leg too")
    reinvite_order: Literal["agent-first", "customer-first"] = Field(
        "agent-first", description="which leg moves first, to the bridge and home"
    )
    mask: bool = Field(True, description="take digits out of what the agent hears")
    mask_sound: Literal["silence", "tone"] = Field(
        "silence", description="what the agent hears instead of a key: nothing, or one neutral tone"
    )
    prompts: bool = Field(True, description="speak to the customer")
    answer_options: bool = Field(True, description="answer OPTIONS, the edge's probe")

    # How it fails
    sip_silent: bool = Field(False, description="hear and answer no SIP at all")
    refuse_secure: bool = Field(False, description="answer a secure request with secure_failed, move nothing")
    secure_delay_ms: int = Field(0, ge=0, le=60_000, description="wait before the first re-INVITE")
    lie_secured: bool = Field(False, description="say session.secured without moving any media")
    leave_secure_after_ms: int | None = Field(
        None, ge=0, le=600_000, description="leave secure mode unasked, so long after secured"
    )
    no_webhooks: bool = Field(False, description="send no webhook (they are lost, not queued)")
    drop_rest: bool = Field(False, description="take REST requests and never answer (except /faults)")

    def change(self, **values: object) -> None:
        """Set several at once; all or none. Raises pydantic's `ValidationError`."""
        checked = type(self).model_validate({**self.model_dump(), **values})
        for name in values:
            setattr(self, name, getattr(checked, name))
