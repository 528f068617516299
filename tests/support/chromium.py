"""Chromium for tests: without a sandbox (tests run as root), and without anything it would ask of the internet by itself."""

from __future__ import annotations

PROGRAM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HEADLESS = ("--headless", *ARGUMENTS)
