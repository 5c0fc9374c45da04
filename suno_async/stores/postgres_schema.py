"""The tables of a store in PostgreSQL, and the statements that do in one step what must be."""

from collections.abc import Sequence

from .rows import FIELDS

__all__ = ["MIGRATIONS", "Statements"]

NOW = "extract(epoch FROM clock_timestamp())::float8"
"""By the server's clock alone: those of the machines differ."""
OPEN_RECORDS = "state IN ('sending', 'uncertain', 'running')"
COLUMNS = ", ".join(f'"{name}"' for name in FIELDS)

MIGRATIONS: Sequence[str] = (
    f"""
    CREATE TABLE {{schema}}.records (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order in which they were kept
        version bigint NOT NULL DEFAULT 0, -- another one after each change
        account text NOT NULL, ref text NOT NULL, kind text, provider text, request_json text, fingerprint text,
        key text NOT NULL, context text, task_id text NOT NULL, state text NOT NULL, stage smallint, observed smallint,
        source text, status text, code bigint, message text, body bytea, error text, created float8,
        updated float8 NOT NULL, delivered boolean NOT NULL, erased boolean NOT NULL, trace text
    );
    CREATE UNIQUE INDEX records_by_ref ON {{schema}}.records (account, ref);
    CREATE UNIQUE INDEX records_by_key ON {{schema}}.records (account, key) WHERE key != '';
    CREATE INDEX records_by_task ON {{schema}}.records (account, task_id, number) WHERE task_id != '';
    CREATE INDEX records_open ON {{schema}}.records (account, state, number) WHERE {OPEN_RECORDS};
    CREATE INDEX records_undelivered ON {{schema}}.records (account, number) WHERE state = 'finished' AND NOT delivered;
    CREATE INDEX records_ended ON {{schema}}.records (account, updated) WHERE NOT {OPEN_RECORDS};

    CREATE TABLE {{schema}}.claims (
        name text PRIMARY KEY, owner text NOT NULL, until float8 NOT NULL, seconds float8 NOT NULL
    );
    CREATE TABLE {{schema}}.places (name text, place text, at float8 NOT NULL, PRIMARY KEY (name, place));
    CREATE TABLE {{schema}}.notes (name text PRIMARY KEY, text text NOT NULL);

    -- Which of its transactions a process has committed last: it asks for that when the answer to a COMMIT is lost.
    CREATE TABLE {{schema}}.writers (writer text PRIMARY KEY, committed bigint NOT NULL, at float8 NOT NULL);

    CREATE FUNCTION {{schema}}.reserve(window_name text, place_name text, calls bigint, seconds float8) RETURNS float8
    LANGUAGE plpgsql AS $$
    DECLARE
        now float8;
        taken bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('{{schema}}.places ' || window_name, 0));
        now := {NOW};
        -- Places of the future are from before the clock was set back.
        DELETE FROM {{schema}}.places WHERE name = window_name AND (at <= now - seconds OR at > now);
        SELECT count(*) INTO taken FROM {{schema}}.places WHERE name = window_name AND place != place_name;
        IF taken >= calls AND NOT EXISTS (
            SELECT FROM {{schema}}.places WHERE name = window_name AND place = place_name
        ) THEN
            RETURN (
                SELECT at + seconds - now FROM {{schema}}.places WHERE name = window_name
                ORDER BY at OFFSET taken - calls LIMIT 1
            );
        END IF;
        INSERT INTO {{schema}}.places VALUES (window_name, place_name, now)
            ON CONFLICT (name, place) DO UPDATE SET at = excluded.at;
        RETURN NULL;
    END $$;
    """,
)
"""From each version of the schema to the next; the version is how many were applied. A published one never changes."""


class Statements:
    """The statements for one schema; their values are named."""

    def __init__(self, schema: str) -> None:
        records, claims, places = f"{schema}.records", f"{schema}.claims", f"{schema}.places"
        # One that ends further ahead than it was taken for is from before the clock was set back.
        dead = f"(c.until <= {NOW} OR c.until > {NOW} + c.seconds)"
        self.claim = (
            f"INSERT INTO {claims} AS c VALUES (%(name)s, %(owner)s, {NOW} + %(ttl)s, %(ttl)s) ON CONFLICT (name)"
            " DO UPDATE SET owner = excluded.owner, until = excluded.until, seconds = excluded.seconds"
            f" WHERE c.owner = excluded.owner OR {dead} RETURNING true"
        )
        self.give_up = (
            f"WITH gone AS (DELETE FROM {claims} AS c WHERE name = %(name)s AND (owner = %(owner)s OR {dead}))"
            f" SELECT true WHERE NOT EXISTS"
            f" (SELECT FROM {claims} AS c WHERE name = %(name)s AND owner != %(owner)s AND NOT {dead})"
        )
        self.clean = (
            f"DELETE FROM {claims} WHERE name IN"
            f" (SELECT name FROM {claims} AS c WHERE {dead} LIMIT 1000 FOR UPDATE SKIP LOCKED)",
            f"DELETE FROM {schema}.writers WHERE at < {NOW} - 7 * 86400",
        )
        claimed = (
            f"claimed AS (INSERT INTO {claims}"
            f" SELECT %(name)s::text, %(owner)s::text, {NOW} + %(ttl)s, %(ttl)s FROM kept WHERE %(ttl)s > 0"
            " ON CONFLICT (name) DO UPDATE"
            " SET owner = excluded.owner, until = excluded.until, seconds = excluded.seconds)"
        )
        values = ", ".join(f"%({name})s" for name in FIELDS)
        self.intend = (
            f"WITH kept AS (INSERT INTO {records} (account, {COLUMNS}) VALUES (%(account)s, {values})"
            f" ON CONFLICT DO NOTHING RETURNING ref), {claimed} SELECT true FROM kept"
        )
        self.holders = (
            f"SELECT {COLUMNS} FROM {records} WHERE account = %(account)s"
            " AND (ref = %(ref)s OR (key = %(key)s AND key != ''))"
        )
        found = f"SELECT number, version, {COLUMNS} FROM {records}"
        self.by = {
            name: f"{found} WHERE account = %(account)s AND {name} = %(name)s AND {name} != '' ORDER BY number LIMIT 1"
            for name in ("ref", "task_id", "key")
        }
        self.remove = f"DELETE FROM {records} WHERE account = %(account)s AND ref = %(ref)s"
        self.reserve = (
            f"SELECT {schema}.reserve(%(name)s, place, %(calls)s, %(seconds)s)"
            " FROM unnest(%(places)s::text[]) WITH ORDINALITY AS given (place, number) ORDER BY number"
        )
        self.release = f"DELETE FROM {places} WHERE name = %(name)s AND place = %(place)s"
        notes = f"{schema}.notes"
        self.note = (
            f"INSERT INTO {notes} VALUES (%(name)s, %(text)s) ON CONFLICT (name) DO UPDATE SET text = excluded.text"
        )
        self.noted = f"SELECT text FROM {notes} WHERE name = %(name)s"
        over = f"NOT {OPEN_RECORDS} AND updated < %(before)s AND (%(undelivered)s OR delivered OR state = 'dismissed')"
        # Asked of what is found, and again of what is removed: it may have gone on while its lock was waited for.
        self.prune = (
            f"WITH gone AS (DELETE FROM {records} WHERE {over} AND number IN (SELECT number FROM {records}"
            f" WHERE account = %(account)s AND {over} LIMIT %(page)s) RETURNING 1) SELECT count(*) FROM gone"
        )
        self.notify = "SELECT pg_notify(%(channel)s, %(news)s)"
        self.changed = f"SELECT {COLUMNS} FROM {records} WHERE account = %(account)s AND ref = ANY(%(refs)s)"
        self.contexts = (
            f"SELECT number, ref, context FROM {records} WHERE account = %(account)s AND number > %(last)s"
            " AND context != 'null' ORDER BY number LIMIT %(page)s"
        )
        self.vacuum = f"VACUUM {records}"
        self._records = records
        self._found = found

        self.commits = (
            f"INSERT INTO {schema}.writers VALUES (%(writer)s, %(committed)s, {NOW}) ON CONFLICT (writer)"
            " DO UPDATE SET committed = excluded.committed, at = excluded.at"
        )
        # Waits for a transaction of the same writer that has not ended.
        self.last_commit = (
            f"INSERT INTO {schema}.writers AS w VALUES (%(writer)s, 0, {NOW}) ON CONFLICT (writer)"
            " DO UPDATE SET committed = w.committed RETURNING committed"
        )
        self.end_dead = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user"
            " AND datname = current_database() AND state = 'idle in transaction' AND pid != pg_backend_pid()"
            " AND strpos(query, %(schema)s) > 0"
            " AND state_change < clock_timestamp() - %(seconds)s * interval '1 second'"
        )

    def change(self, columns: Sequence[str]) -> str:
        """Return the statement that writes some columns of a record, and notifies, if it is of a given version."""
        sets = "".join(f'"{name}" = %({name})s, ' for name in columns)
        return (
            f"WITH done AS (UPDATE {self._records} SET {sets}version = version + 1"
            " WHERE account = %(account)s AND ref = %(at_ref)s AND version = %(at_version)s RETURNING ref)"
            " SELECT pg_notify(%(channel)s, %(news)s) FROM done"
        )

    def unfinished(self, states: Sequence[str]) -> str:
        """Return the statement for a page of the records in open states."""
        # One part for each state: so they are read in order from the index, and not sorted for each page.
        parts = (
            f"({self._found} WHERE {OPEN_RECORDS} AND account = %(account)s AND state = '{state}' AND number > %(last)s"
            " ORDER BY number LIMIT %(page)s)"
            for state in states
        )
        return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS found ORDER BY number LIMIT %(page)s"

    def finished(self, *, delivered: bool) -> str:
        """Return the statement for a page of what is finished, and not delivered unless that is asked for, too."""
        return (
            f"{self._found} WHERE account = %(account)s AND state = 'finished' AND number > %(last)s"
            f" AND updated >= %(since)s AND updated < %(before)s{'' if delivered else ' AND NOT delivered'}"
            " ORDER BY number LIMIT %(page)s"
        )
