-- What a call was, for as long as its history is kept: sessions are forgotten a day after their end, this is not.
-- No number of a caller in it: those live in the session only.
CREATE TABLE records (
    reference  TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE TRIGGER records_are_not_changed BEFORE UPDATE ON records BEGIN
    SELECT RAISE(ABORT, 'the record of a call is append-only');
END;
CREATE TRIGGER records_are_not_deleted BEFORE DELETE ON records BEGIN
    SELECT RAISE(ABORT, 'the record of a call is append-only');
END;

INSERT INTO records
SELECT reference, tenant, coalesce(json_extract(body, '$.started_at'), changed_at), json_object(
    'direction', json_extract(body, '$.direction'),
    'edge', json_extract(body, '$.edge'),
    'node', json_extract(body, '$.node'),
    'region', json_extract(body, '$.region'),
    'customer_call_id', json_extract(body, '$.customer_call_id'),
    'agent_call_id', json_extract(body, '$.agent_call_id'),
    'partner_session', json_extract(body, '$.partner_session'),
    'payments_off', json_extract(body, '$.payments_off'))
FROM sessions;
