-- Runs, their stages, attempts and events. All four are partitioned by the day in which their run_id (UUID version 7)
-- was made, so that retention drops one day of each. Partitions are made by the writer, before it writes a new day.
-- There are no foreign keys: records of one run may arrive in any order, and a late one must never be refused.

CREATE TABLE velaria.run (
    run_id        uuid        NOT NULL,
    query_id      text        NOT NULL,
    kind          text        NOT NULL,
    text          text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    rows          bigint,
    error_code    text,
    error_message text,
    attempts      integer     NOT NULL DEFAULT 0,
    server_id     uuid        NOT NULL,  -- the server's data directory: the same over restarts
    boot_id       uuid        NOT NULL,  -- one life of that server
    PRIMARY KEY (run_id),
    CHECK ((finished_at IS NULL) = (state IN ('queued', 'running')))
) PARTITION BY RANGE (run_id);

CREATE INDEX run_unfinished ON velaria.run (server_id) WHERE finished_at IS NULL;
CREATE INDEX run_query ON velaria.run (query_id);

CREATE TABLE velaria.stage (
    run_id      uuid        NOT NULL,
    number      integer     NOT NULL,
    name        text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled')),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    rows        bigint,
    PRIMARY KEY (run_id, number)
) PARTITION BY RANGE (run_id);

CREATE TABLE velaria.attempt (
    run_id      uuid        NOT NULL,
    seq         integer     NOT NULL,
    stage       text        NOT NULL,
    number      integer     NOT NULL,
    state       text        NOT NULL CHECK (state IN ('succeeded', 'failed', 'cancelled')),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    worker      text,
    error       text,
    PRIMARY KEY (run_id, seq)
) PARTITION BY RANGE (run_id);

CREATE TABLE velaria.event (
    run_id      uuid        NOT NULL,
    seq         integer     NOT NULL,
    occurred_at timestamptz NOT NULL,
    name        text        NOT NULL,
    fields      jsonb,
    PRIMARY KEY (run_id, seq)
) PARTITION BY RANGE (run_id);

-- Microseconds since 1970 UTC, exactly: how times travel between the writer and Postgres.
CREATE FUNCTION velaria.time_of(micros bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN timestamptz '1970-01-01 00:00:00+00' + micros * interval '1 microsecond';

CREATE FUNCTION velaria.micros_of(moment timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (extract(epoch FROM moment) * 1000000)::bigint;
