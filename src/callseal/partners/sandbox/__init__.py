"""The sandbox partner, seen from the desk."""

from callseal.partners.sandbox.client import SandboxPartner
from callseal.partners.sandbox.settings import SandboxSettings

__all__ = ["SandboxPartner", "SandboxSettings"]
