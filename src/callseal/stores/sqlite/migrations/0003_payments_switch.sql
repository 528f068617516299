-- Whether payments are off for every call. One row: off; none: on.
CREATE TABLE payments_switch (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    reason TEXT NOT NULL,
    at     INTEGER NOT NULL,
    by     TEXT NOT NULL
) STRICT;
