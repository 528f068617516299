"""Creates the secret files that a deployment names and that are not there yet. Existing files are never touched."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

from callseal.deployment.model import Deployment
from callseal.deployment.secrets import SecretError

SECRET_BYTES = 32


def create_missing(deployment: Deployment, random_bytes: Callable[[int], bytes]) -> list[Path]:
    """Writes a random secret into every missing `file:` (mode 600, folders 700) and returns the files made.

    Webhook secrets have the form of Standard Webhooks (`whsec_` and base64), all others are base64url text.
    Raises `SecretError` when a file cannot be written. `env:` secrets are the environment's affair.
    """
    made = []
    for path, secret in deployment.secrets():
        file = secret.path
        if file is None or file.exists():
            continue
        data = random_bytes(SECRET_BYTES)
        webhook = path[-1] == "webhook_secret"
        text = (
            "whsec_" + base64.b64encode(data).decode() if webhook else base64.urlsafe_b64encode(data).decode()
        )
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise SecretError(
                f"secret {secret} cannot be written: {error.strerror}", advice=f"Make {file.parent} writable."
            ) from None
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(text + "\n")
        made.append(file)
    return made
