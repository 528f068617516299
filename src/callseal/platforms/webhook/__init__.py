"""Any platform that can receive a signed webhook."""

from callseal.platforms.webhook.client import WebhookPlatform
from callseal.platforms.webhook.settings import WebhookSettings

__all__ = ["WebhookPlatform", "WebhookSettings"]
