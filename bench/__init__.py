"""Benches: real daemons on loopback, one line of verdict each. See README.md."""
