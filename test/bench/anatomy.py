#!/usr/bin/env python3
"""Takes claims apart, by turns with a transaction that writes the same rows into tables of the same shape.

  anatomy.py DSN COUNT    prints "name MILLISECONDS" and "name-processor MILLISECONDS" for each part of each
                          round, and "rows N"

What a claim writes is taken from the server: pg_stat_xact_all_tables says how many rows of which table,
and a second session, which does not see the claim before its commit, which of them are new.
"""
import re
import sys
import time
from collections import namedtuple

import psycopg2

# A table that a claim writes: its copy, what names its rows, and how many were inserted, updated, deleted.
Table = namedtuple("Table", "name copy columns key inserted updated deleted")
SHELLS = 4
WRITTEN = """SELECT schemaname, relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_all_tables
              WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1, 2"""
COLUMNS = """SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
              WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"""
INDEXES = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
KEY = """SELECT (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey))
           FROM pg_index i WHERE indrelid = %s::regclass AND indisunique AND indpred IS NULL AND indexprs IS NULL
          ORDER BY NOT indisprimary, indnatts LIMIT 1"""

class Spent(namedtuple("Spent", "wall processor")):
    """Milliseconds: by the clock, and of the backend's on a processor, which no neighbour prolongs."""

    def __add__(self, other):
        return Spent(self.wall + other.wall, self.processor + other.processor)


def connect(dsn):
    """Returns a session in which each statement is a message of its own."""
    session = psycopg2.connect(dsn)
    session.autocommit = True
    return session.cursor()


def processor(cursor):
    """Returns how many milliseconds a session's backend has been on a processor."""
    with open(f"/proc/{cursor.connection.get_backend_pid()}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e6


def rows(cursor, sql, *values):
    """Returns the rows of a query."""
    cursor.execute(sql, values or None)
    return cursor.fetchall()


def timed(cursor, *statements):
    """Runs statements; returns what they took."""
    before, begun = processor(cursor), time.perf_counter()
    for statement in statements:
        cursor.execute(statement)
    return Spent(1000 * (time.perf_counter() - begun), processor(cursor) - before)


def say(name, spent):
    """Prints one measurement."""
    print(f"{name} {spent.wall:.3f}\n{name}-processor {spent.processor:.3f}")


def wait_for_pool(cursor):
    """Waits until the pool is full, so that nothing is measured beside the builder."""
    while rows(cursor, "SELECT count(*) < %s FROM appinfra.pool WHERE status = 'ready'", SHELLS)[0][0]:
        time.sleep(0.02)


def claim_of(name, publish):
    """Returns the statement that claims."""
    return f"SELECT count(*) FROM appinfra.provision_tenant('{name}', 'bench', '{name}', publish => {publish})"


class Copies:
    """Tables of the same shape, and the statements that write them as a claim wrote its own."""

    def __init__(self, cursor, observer):
        self.cursor, self.observer = cursor, observer
        self.tables = {}

    def table(self, schema, name, counts):
        """Returns the table, whose copy is made the first time."""
        full = f"{schema}.{name}"
        if full not in self.tables:
            copy = f"appinfra_bench.{schema}_{name}"
            columns = rows(self.observer, COLUMNS, full)[0][0]
            self.observer.execute(f"CREATE TABLE {copy} (LIKE {full})")
            for (index,) in rows(self.observer, INDEXES, full):
                self.observer.execute(re.sub(r"INDEX \S+ ON \S+", f"INDEX ON {copy}", index, count=1))
            self.observer.execute(f"INSERT INTO {copy} SELECT * FROM {full}")
            found = rows(self.observer, KEY, full)
            self.tables[full] = Table(full, copy, columns, found[0][0] if found else columns, 0, 0, 0)
            self.prepare(self.tables[full])
        inserted, updated, deleted = counts
        return self.tables[full]._replace(inserted=inserted, updated=updated, deleted=deleted)

    def prepare(self, table):
        """Prepares the three statements, in the session that is measured."""
        name = table.copy.split(".")[1]
        same = " AND ".join(f"{column} = ($1).{column}" for column in table.key)
        sets = ", ".join(f"{column} = ($1).{column}" for column in table.columns)
        self.observer.execute(f"PREPARE i_{name}({table.copy}) AS INSERT INTO {table.copy} SELECT ($1).*")
        self.observer.execute(f"PREPARE u_{name}({table.copy}) AS UPDATE {table.copy} SET {sets} WHERE {same}")
        self.observer.execute(f"PREPARE d_{name}({table.copy}) AS DELETE FROM {table.copy} WHERE {same}")

    def keyed(self, cursor, table):
        """Returns {key: row} of what a session sees of a table."""
        key = ", ".join(table.key)
        return {found[0]: found[1:] for found in rows(
            cursor, f"SELECT ROW({key})::text, t::text, xmin::text FROM {table.name} t")}

    def take(self):
        """Reads what the open claim wrote; returns its tables, with what has to be done to each row."""
        work = []
        own = rows(self.cursor, "SELECT pg_current_xact_id()::xid::text")[0][0]
        for schema, name, *counts in rows(self.cursor, WRITTEN):
            table = self.table(schema, name, counts)
            before, after = self.keyed(self.observer, table), self.keyed(self.cursor, table)
            new = [row for key, (row, writer) in after.items() if writer == own and key not in before]
            changed = [row for key, (row, writer) in after.items() if writer == own and key in before]
            gone = [row[0] for key, row in before.items() if key not in after]
            if len(new) != table.inserted or (table.updated and not new + changed) or len(gone) < table.deleted:
                sys.exit(f"{table}: {len(new)} inserted, {len(changed)} updated, {len(gone)} deleted were seen")
            self.put_back(table, [key for key in {**before, **after} if before.get(key) != after.get(key)])
            work.append((table, new, changed, gone[:table.deleted]))
        return work

    def put_back(self, table, keys):
        """Makes these rows of the copy what they were before the claim: only then do its changes fit."""
        same = f"ROW({', '.join(table.key)})::text = ANY (%s)"
        self.observer.execute(f"DELETE FROM {table.copy} WHERE {same}", (keys,))
        self.observer.execute(f"INSERT INTO {table.copy} SELECT * FROM {table.name} WHERE {same}", (keys,))

    def statements(self, work):
        """Returns an EXECUTE for each row that the claim wrote."""
        found = []
        for table, new, changed, gone in work:
            name = table.copy.split(".")[1]
            kinds = [("i", new, len(new)), ("d", gone, len(gone)), ("u", changed or new, table.updated)]
            for kind, candidates, times in kinds:
                for number in range(times):
                    row = candidates[number % len(candidates)].replace("'", "''")
                    found.append(f"EXECUTE {kind}_{name}('{row}')")
        return found


def measure_claim(copies, name, publish):
    """Measures a claim that is published, or not; returns the work that it did."""
    wait_for_pool(copies.observer)
    cursor = copies.cursor
    word = "published" if publish else "answered"
    cursor.execute("SELECT pg_stat_force_next_flush()")  # what was written before is not the claim's
    cursor.execute("BEGIN")
    call = timed(cursor, claim_of(name, publish))
    work = copies.take()
    commit = timed(cursor, "COMMIT")
    say(f"{word}-all", call + commit)
    say(f"{word}-call", call)
    say(f"{word}-commit", commit)
    return work


def measure_copies(copies, work, word):
    """Writes the same rows into the copies, in one message ("batch") or in one each ("single")."""
    wait_for_pool(copies.observer)
    statements = copies.statements(work)
    copies.observer.execute("BEGIN")
    written = timed(copies.observer, *(["; ".join(statements)] if word == "batch" else statements))
    commit = timed(copies.observer, "COMMIT")
    say(f"{word}-all", written + commit)
    say(f"{word}-rows", written)
    say(f"{word}-commit", commit)
    return len(statements)


def measure_verifier(session, name):
    """Measures CREATE ROLE with a password and without one: the difference is a verifier."""
    say("role-with-verifier", timed(session, f"CREATE ROLE p{name} LOGIN PASSWORD 'plain'"))
    say("role", timed(session, f"CREATE ROLE n{name} LOGIN"))


def measure_first(dsn, cursor, name):
    """Measures the first call of a session."""
    wait_for_pool(cursor)
    session = connect(dsn)
    session.execute("SELECT 1")
    say("first-all", timed(session, claim_of(name, True)))
    session.connection.close()


def main():
    """Measures; the first rounds are not printed, for they make the copies and the plans."""
    dsn, count, warm = sys.argv[1], int(sys.argv[2]), 7
    copies = Copies(connect(dsn), connect(dsn))
    copies.observer.execute("SET plan_cache_mode = force_generic_plan")
    written, out = 0, sys.stdout
    for number in range(-warm, count):
        sys.stdout = sys.stderr if number < 0 else out
        name = f"a{number + warm}"
        work = measure_claim(copies, f"{name}p", True)
        written = measure_copies(copies, work, "single" if number % 2 else "batch")
        measure_claim(copies, f"{name}a", False)
        measure_verifier(copies.observer, name)
        measure_first(dsn, copies.observer, f"{name}f")
    print(f"rows {written}")


main()
