"""A contact-centre platform's webhook receiver: believes nothing unsigned, and shows what came."""

from callseal.sandbox.platform.http import create_app
from callseal.sandbox.platform.inbox import Inbox
from callseal.sandbox.platform.signatures import secret_bytes

__all__ = ["Inbox", "create_app", "secret_bytes"]
