-- +goose Up
CREATE TABLE runs (
    id          TEXT PRIMARY KEY,
    status      TEXT    NOT NULL DEFAULT 'queued',
    playbooks   TEXT    NOT NULL DEFAULT '[]',
    is_check    INTEGER NOT NULL DEFAULT 0,
    version     TEXT    NOT NULL DEFAULT '',
    who         TEXT    NOT NULL DEFAULT '',
    origin      TEXT    NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    started_at  INTEGER NOT NULL DEFAULT 0,
    ended_at    INTEGER NOT NULL DEFAULT 0,
    last_seq    INTEGER NOT NULL DEFAULT 0,
    tasks       INTEGER NOT NULL DEFAULT 0,
    task        TEXT    NOT NULL DEFAULT '',
    ok          INTEGER NOT NULL DEFAULT 0,
    changed     INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    unreachable INTEGER NOT NULL DEFAULT 0,
    skipped     INTEGER NOT NULL DEFAULT 0,
    ignored     INTEGER NOT NULL DEFAULT 0,
    exit_code   INTEGER NOT NULL DEFAULT 0,
    stats       TEXT    NOT NULL DEFAULT '{}',
    failures    TEXT    NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX runs_created ON runs (created_at, id);

CREATE TABLE events (
    run  TEXT    NOT NULL,
    seq  INTEGER NOT NULL,
    body TEXT    NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Requests that were accepted. The body is sealed with the installation's key
-- and removed when the request is finished.
CREATE TABLE inbox (
    id          TEXT PRIMARY KEY,
    endpoint    TEXT    NOT NULL,
    remote      TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    reason      TEXT    NOT NULL DEFAULT '',
    changed_at  INTEGER NOT NULL,
    body        BLOB
) STRICT;
CREATE INDEX inbox_state ON inbox (state, id);

-- What server-manager was, or is to be, told about its servers.
CREATE TABLE statuses (
    id        INTEGER PRIMARY KEY,
    server_id TEXT    NOT NULL,
    role      TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    reason    TEXT    NOT NULL DEFAULT '',
    run       TEXT    NOT NULL DEFAULT '',
    time      INTEGER NOT NULL
) STRICT;
CREATE INDEX statuses_server ON statuses (server_id, role, id);
CREATE INDEX statuses_run ON statuses (run, id);

CREATE TABLE pushes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    addr       TEXT    NOT NULL,
    server_id  TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    run        TEXT    NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    error      TEXT    NOT NULL DEFAULT ''
) STRICT;

-- +goose Down
DROP TABLE pushes;
DROP TABLE statuses;
DROP TABLE inbox;
DROP TABLE events;
DROP TABLE runs;
