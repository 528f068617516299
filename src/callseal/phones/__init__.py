"""PJSIP customer and agent, each its own process."""
