-- Times are unix milliseconds everywhere.

CREATE TABLE sessions (
    reference       TEXT PRIMARY KEY,
    tenant          TEXT NOT NULL,
    state           TEXT NOT NULL,
    open            INTEGER NOT NULL,      -- 1: something may still happen to it
    partner_session TEXT UNIQUE,           -- public name, never the token
    changed_at      INTEGER NOT NULL,
    body            TEXT NOT NULL          -- the session as JSON
) STRICT;
CREATE INDEX sessions_open ON sessions (open) WHERE open = 1;

-- The one secret of a call. Deleted at BYE; secure_delete overwrites it.
CREATE TABLE tokens (
    reference TEXT PRIMARY KEY,
    token     TEXT NOT NULL
) STRICT;

-- The history of each call: what was heard, and what became of it. No digit of a card.
CREATE TABLE events (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    reference TEXT NOT NULL,
    at        INTEGER NOT NULL,
    source    TEXT NOT NULL,
    name      TEXT NOT NULL,
    before    TEXT NOT NULL,
    after     TEXT NOT NULL,
    body      TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_a_call ON events (reference, id);
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN
    SELECT RAISE(ABORT, 'the history of a call is append-only');
END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
    SELECT RAISE(ABORT, 'the history of a call is append-only');
END;

-- Commands decided on but not yet carried out: written with the decision, so that a crash loses neither.
CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    reference    TEXT NOT NULL,
    body         TEXT NOT NULL,
    attempted_at INTEGER
) STRICT;

-- Answers to requests with an idempotency key.
CREATE TABLE answers (
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    body        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- Messages that were applied, so that a second delivery counts once.
CREATE TABLE seen (
    source TEXT NOT NULL,
    id     TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

-- What browsers are told, in order; a stream resumes after any id that is still here.
CREATE TABLE feed (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant    TEXT NOT NULL,
    reference TEXT NOT NULL,
    at        INTEGER NOT NULL,
    body      TEXT NOT NULL
) STRICT;

-- Logged-in browsers. `name` is a hash of the cookie.
CREATE TABLE logins (
    name       TEXT PRIMARY KEY,
    login      TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
