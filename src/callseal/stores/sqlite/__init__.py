"""The embedded store: one SQLite file beside the desk."""

from callseal.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
