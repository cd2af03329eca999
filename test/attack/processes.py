"""Vectors in processes that are nobody's session: autovacuum, pg_dump, the visitor of exposures(), pg_restore.

No client is there to read an error. What is planted runs all vectors, one after the other, and writes down what
each came to; where nothing can be written, the audit log and effects.py tell.
"""
import subprocess
import time

import contexts
import statements
import vectors
import wire

RUN_ALL = """
CREATE FUNCTION {schema}.run_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record; said text;
BEGIN
    FOR one IN SELECT * FROM {schema}.commands ORDER BY n, step LOOP
        BEGIN
            EXECUTE one.statement;
            RAISE SQLSTATE 'AT001'; -- it worked, and is undone: the next one finds all as it was
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
            INSERT INTO {schema}.results VALUES (one.n, one.step, nullif(SQLSTATE, 'AT001'), SQLERRM, said);
        END;
    END LOOP;
END $$;
CREATE FUNCTION {schema}.seen(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN IF EXISTS (SELECT FROM {schema}.armed) THEN PERFORM {schema}.run_all(); END IF; RETURN x; END $$;
CREATE TABLE {schema}.armed (x int);
CREATE TABLE {schema}.commands (n int, step int, statement text);
CREATE TABLE {schema}.results (n int, step int, state text, message text, detail text);
"""


def run(report, host, tenant, restored):
    chosen = [vector for vector in vectors.load(statements.names_of(host, tenant, "owner")) if vector.expected != "ok"]
    with host.superuser(tenant["database"]) as session:
        session.need("CREATE SCHEMA planted;" + RUN_ALL.format(schema="planted"))
        fill(session, "planted", chosen)
        autovacuum(report, host, session, chosen)
        read_catalogs(report, host, tenant, session)
    restore(report, host, tenant, restored, chosen)


def fill(session, schema, chosen):
    rows = [f"({vector.number}, {step}, {contexts.quote(statement)})"
            for vector in chosen for step, statement in enumerate(vector.statements)]
    session.need(f"INSERT INTO {schema}.commands VALUES {', '.join(rows)}")


def autovacuum(report, host, session, chosen):
    """A superuser's table with an index on a superuser's function, and autovacuum that analyzes it."""
    session.need("CREATE TABLE planted.bomb (x text) WITH (autovacuum_enabled = off, autovacuum_analyze_threshold = 1,"
                 " autovacuum_analyze_scale_factor = 0)")
    session.need("CREATE INDEX ON planted.bomb (planted.seen(x)); INSERT INTO planted.bomb VALUES ('a'), ('b')")
    session.need("INSERT INTO planted.armed VALUES (1); UPDATE planted.bomb SET x = x || 'c' WHERE false;"
                 " ALTER TABLE planted.bomb SET (autovacuum_enabled = on)")
    session.need("ALTER SYSTEM SET autovacuum_naptime = 1")
    session.need("SELECT pg_reload_conf()")
    await_state(session, "SELECT last_autoanalyze IS NOT NULL FROM pg_stat_all_tables WHERE relid = 'planted.bomb'::regclass")
    session.need("TRUNCATE planted.armed")
    session.need("ALTER SYSTEM RESET autovacuum_naptime")
    session.need("SELECT pg_reload_conf()")
    judge(report, session, "planted", chosen, contexts.Context("superuser_autovacuum", None, by_superuser=True,
                                                                  privileged=True))
    session.need("TRUNCATE planted.results")


def read_catalogs(report, host, tenant, session):
    """A child of pg_proc, left there by a superuser's function: who reads pg_proc meets its CHECK."""
    session.need("CREATE FUNCTION planted.act() RETURNS void LANGUAGE plpgsql AS"
                 f" $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch {host.markers}/read';"
                 " EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;"
                 "CREATE FUNCTION planted.glance(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
                 " $$ BEGIN IF EXISTS (SELECT FROM planted.armed) THEN PERFORM planted.act(); END IF; RETURN x; END $$;"
                 "CREATE TABLE planted.child () INHERITS (pg_catalog.pg_proc);"
                 "ALTER TABLE planted.child ADD CHECK (planted.glance('x') = 'x')")
    session.need("INSERT INTO planted.armed VALUES (1)")
    refusals = (f"SELECT count(*) FROM appinfra.audit WHERE db_id = '{tenant['db_id']}'"
                " AND detail->>'rule' = 'copy_program'")
    with host.superuser("control") as control:
        before = control.need(refusals)
        done = subprocess.run([host.bindir / "pg_dump", "-s", "-h", host.socket, "-p", str(host.port), "-U", "postgres",
                               "-f", host.work / "planted.sql", tenant["database"]], check=False, capture_output=True)
        report.check("processes", "pg_dump", done.returncode == 0, "pg_dump of a database with a child of pg_proc", done.stderr)
        await_state(control, f"SELECT ({refusals}) > {before}")
        report.check("processes", "pg_dump", True, "what it ran was refused")
        before = control.need(refusals)
        rules = [rule for (rule,) in control.rows(f"SELECT rule FROM appinfra.exposures('{tenant['db_id']}')")]
        report.check("processes", "visitor", "catalog_child" in rules, "exposures() shows the child", rules)
        control.need(f"SELECT appinfra.harden_tenant('{tenant['db_id']}')")
        # what is written later is read later: so a refusal of the visitor's would be there before this one
        with wire.Session(tenant["dsns"]["owner"]) as owner:
            owner.query("CHECKPOINT")
        await_state(control, f"SELECT count(*) > 0 FROM appinfra.audit WHERE db_id = '{tenant['db_id']}'"
                             " AND detail->>'rule' = 'checkpoint' AND detail->>'object' = 'CHECKPOINT'")
        report.check("processes", "visitor", control.need(refusals) == before, "neither visit ran its CHECK")
    session.need("TRUNCATE planted.armed; DROP TABLE planted.child")


def restore(report, host, tenant, restored, chosen):
    """A superuser restores, as the owner of another database, what this tenant has dumped: loading its table
    calls a function that first takes back the role, and then tries everything."""
    with wire.Session(tenant["dsns"]["owner"]) as session:
        session.need("CREATE SCHEMA carried;" + RUN_ALL.format(schema="carried"))
        fill(session, "carried", chosen)
        session.need("CREATE FUNCTION carried.escape(x text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS"
                     " $$ BEGIN PERFORM public.attack_escape('SELECT carried.seen(''a'')'); RETURN true; END $$;"
                     "CREATE DOMAIN carried.trap AS text CHECK (carried.escape(VALUE));"
                     "CREATE TABLE carried.zz_last (x carried.trap); INSERT INTO carried.zz_last VALUES ('a');"
                     "INSERT INTO carried.armed VALUES (1)")
    dump = host.work / "carried.dump"
    common = ["-h", host.socket, "-p", str(host.port), "-U", "postgres"]
    subprocess.run([host.bindir / "pg_dump", *common, "-Fc", "-n", "carried", "-f", dump, tenant["database"]], check=True)
    done = subprocess.run([host.bindir / "pg_restore", *common, f"--role={restored['group']}_owner", "--no-owner", "--no-acl",
                           "-d", restored["database"], dump], check=False, capture_output=True)
    report.check("processes", "pg_restore", done.returncode == 0, "pg_restore --role --no-owner", done.stderr)
    with host.superuser(restored["database"]) as session:
        judge(report, session, "carried", chosen, contexts.Context("su_pg_restore", None, by_superuser=True, like="plpgsql"))


def judge(report, session, schema, chosen, context):
    """Compares what was written down of each vector, as of any other context."""
    results = {}
    for n, state, message, detail in session.rows(
            f"SELECT n::int, state, message, detail FROM {schema}.results ORDER BY n, step"):
        results.setdefault(int(n), []).append(wire.Error(state, message, detail or "", None) if state else None)
    for vector in chosen:
        if vector.number not in results:
            report.check(vector.group, context.name, False, vector.text, "it was not run")
            continue
        errors = [error for error in results[vector.number] if error]
        complaint = vector.verdict(context, errors[0] if errors else None)
        report.check(vector.group, context.name, complaint is None, vector.text, f"{complaint}: {errors[:1]}", "processes")


def await_state(session, query):
    deadline = time.monotonic() + 60
    while session.need(query) != "t":
        if time.monotonic() > deadline:
            raise RuntimeError(f"never true: {query}")
        time.sleep(0.05)
