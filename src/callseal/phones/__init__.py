"""PJSIP customer and agent, each its own process.

Only `phones.endpoint`, `phones.line`, `phones.call` and `phones.sound` import PJSIP (GPL-2), and only `services.phone` imports them.
Everybody else talks to a phone through `phones.driver`, which starts the process and exchanges JSON lines.
"""
