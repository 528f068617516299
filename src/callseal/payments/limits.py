"""Every time limit of a payment session, in milliseconds. The deployment sets most of them; here is why they are what they are."""

from __future__ import annotations

from dataclasses import dataclass

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds, all of them."""

    annotate: int = 5 * SECOND
    """A platform that does not answer must not keep the agent from taking a payment."""
    still_there: int = 10 * MINUTE
    """A ready call without news: ask the edge whether it still exists (a BYE may have died with an edge)."""
    secure: int = 3 * SECOND
    restore: int = 3 * SECOND
    restore_again: int = 5 * SECOND
    """Media stuck at the partner: hold, release and look again. Shorter than the hold's own life, so the hold never lapses."""
    secured_idle: int = 5 * MINUTE
    field: int = 2 * MINUTE
    overall: int = 5 * MINUTE
    authorise: int = 20 * SECOND
    approved: int = 30 * SECOND
    """An agent who forgets to come home after a result is brought home."""
    verify: int = 5 * SECOND
    """While the line is called secure, the evidence is asked for again this often."""
    hold: int = 10 * SECOND
    charge_query_first: int = 1 * SECOND
    charge_query_most: int = MINUTE
    charge_query_for: int = 24 * HOUR
    """After a day without an outcome people must look: the charge is marked abandoned and said so in the log."""
    charge_not_seen_for: int = MINUTE
    """"Never seen" this long after the charge was sent: no request of ours can still be on its way."""

    def charge_backoff(self, asked: int) -> int:
        """Milliseconds until the question number `asked` + 1 (0-based): 1, 2, 4 ... 60 s."""
        return min(self.charge_query_first << min(asked, 16), self.charge_query_most)
