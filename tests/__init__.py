"""The suite. A package, because sippy installs a top-level `tests` too and ours must win for `python -m tests.support…`."""
