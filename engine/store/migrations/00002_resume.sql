-- +goose Up
-- What runs noted for another attempt, by the first attempt's id. The bodies
-- are sealed with the installation's key.
CREATE TABLE notes (
    root TEXT NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    key  TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (root, kind, host, key)
) STRICT, WITHOUT ROWID;

-- The first attempt of a run, the request it is of, and when somebody asked
-- for its end.
ALTER TABLE runs ADD COLUMN root TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN request TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN cancel_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_root ON runs (root) WHERE root <> '';
CREATE INDEX runs_request ON runs (request) WHERE request <> '';

-- By the digest a repeated request is known again while the first one waits.
ALTER TABLE inbox ADD COLUMN digest TEXT NOT NULL DEFAULT '';
CREATE INDEX inbox_digest ON inbox (digest) WHERE digest <> '';

ALTER TABLE statuses ADD COLUMN cluster TEXT NOT NULL DEFAULT '';
CREATE INDEX statuses_cluster ON statuses (cluster, id);

-- +goose Down
DROP INDEX statuses_cluster;
ALTER TABLE statuses DROP COLUMN cluster;
DROP INDEX inbox_digest;
ALTER TABLE inbox DROP COLUMN digest;
DROP INDEX runs_request;
DROP INDEX runs_root;
ALTER TABLE runs DROP COLUMN cancel_at;
ALTER TABLE runs DROP COLUMN request;
ALTER TABLE runs DROP COLUMN root;
DROP TABLE notes;
