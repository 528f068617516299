"""Logging with the scrubber, metrics."""
