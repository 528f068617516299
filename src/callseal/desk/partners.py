"""The partner and those that stand by: whose call it is, and who signed a webhook.

A token is good at the partner that gave it and must be shown to no other. The hand-off says which one that was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from callseal.payments.ports import PartnerPort, PartnerWebhook, WebhookRejected


class Partners:
    """`by_id` in the deployment's order, not empty. A call whose hand-off named nobody is the first one's."""

    def __init__(self, by_id: Mapping[str, PartnerPort]) -> None:
        self._by_id = dict(by_id)
        self._first = next(iter(self._by_id))

    @classmethod
    def alone(cls, partner: PartnerPort) -> Partners:
        """One, which has every call, whatever its hand-off named."""
        return cls({"": partner})

    def __iter__(self) -> Iterator[tuple[str, PartnerPort]]:
        return iter(self._by_id.items())

    def __getitem__(self, partner_id: str) -> PartnerPort:
        """`KeyError` for one that is not in the deployment (any more): its token is nobody else's business."""
        return self._by_id[self.name(partner_id)]

    def name(self, partner_id: str) -> str:
        """The key under which that partner's calls and messages are kept together."""
        return self._first if partner_id == "" or "" in self._by_id else partner_id

    def read_webhook(
        self, headers: Mapping[str, str], body: bytes, now: int
    ) -> tuple[PartnerWebhook, frozenset[str]]:
        """The message, and the partners whose secret signed it (two sites of one company may have one). Raises `WebhookRejected`."""
        message: PartnerWebhook | None = None
        signers = set()
        for name, partner in self:
            try:
                message = partner.read_webhook(headers, body, now)
            except WebhookRejected as rejected:
                if rejected.reason != "signature":
                    raise
            else:
                signers.add(name)
        if message is None:
            raise WebhookRejected("signature")
        return message, frozenset(signers)
