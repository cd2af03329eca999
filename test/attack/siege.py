"""Runs siege.tsv: how tenants once got out. `attack.py --siege` prints what each statement does, with any version."""
import pathlib
import re

import statements
import vectors
import wire

here = pathlib.Path(__file__).parent

FIXTURES_SUPERUSER = """
CREATE TABLE attack_su.ops (id int PRIMARY KEY);
CREATE TABLE attack_su.cfg (k text);
CREATE TABLE attack_su.siege_secret (k text);
GRANT ALL ON attack_su.ops, attack_su.cfg TO PUBLIC;
CREATE FUNCTION attack_su.narrow(k text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN RETURN lower(k) || (SELECT count(*) FROM attack_su.cfg); END $$;
CREATE FUNCTION attack_su.member() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER EXTENSION dblink ADD FUNCTION attack_su.member();
"""

FIXTURES_OWNER = """
CREATE FUNCTION siege_f(how text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    BEGIN EXECUTE how; EXCEPTION WHEN OTHERS THEN NULL; END;
    COPY (SELECT 1) TO PROGRAM 'cat > @W/siege'; RETURN current_user; END $$;
CREATE VIEW siege_report AS SELECT public.siege_f('set local role none') AS x;
DO $do$ BEGIN
    CREATE TABLE siege_report_view (x text);
    CREATE RULE "_RETURN" AS ON SELECT TO siege_report_view DO INSTEAD SELECT public.siege_f('')::text AS x;
EXCEPTION WHEN wrong_object_type THEN -- from 16 on no table becomes a view
    CREATE VIEW siege_report_view AS SELECT ''::text AS x;
    CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO siege_report_view DO INSTEAD SELECT public.siege_f('')::text AS x;
END $do$;
CREATE FUNCTION siege_clause() RETURNS int LANGUAGE sql SET role = none AS 'SELECT 1';
CREATE PROCEDURE siege_rollback() LANGUAGE plpgsql AS $$ BEGIN
    ROLLBACK; COPY (SELECT 1) TO PROGRAM 'cat > @W/siege'; END $$;
CREATE FUNCTION siege_seen(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    IF current_user <> '@G' THEN PERFORM public.siege_f(''); END IF; RETURN i; END $$;
CREATE TABLE siege_seen_table (g int); CREATE INDEX ON siege_seen_table (siege_seen(g));
CREATE FUNCTION siege_fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.siege_f(''); RETURN NEW; END $$;
CREATE TABLE siege_fired (g int); CREATE TRIGGER t BEFORE INSERT ON siege_fired FOR EACH ROW EXECUTE FUNCTION siege_fire();
CREATE TABLE siege_deferred (g int);
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON siege_deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION siege_fire();
CREATE FUNCTION lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    IF current_user <> '@G' THEN PERFORM public.siege_f(''); END IF; RETURN $1; END $$;
CREATE TYPE siege_my AS ENUM ('a');
CREATE FUNCTION siege_to_int(siege_my) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.siege_f(''); RETURN 1; END $$;
CREATE CAST (siege_my AS int) WITH FUNCTION siege_to_int(siege_my) AS IMPLICIT;
CREATE FUNCTION siege_hold() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    EXECUTE 'DECLARE siege_h CURSOR WITH HOLD FOR SELECT query_to_xml(''SELECT current_user'', true, true, '''')'; RETURN 1; END $$;
CREATE VIEW siege_hold_view AS SELECT siege_hold();
CREATE FUNCTION siege_folded(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS $$ BEGIN
    IF session_user <> '@U' THEN PERFORM public.siege_hold(); END IF; RETURN i; END $$;
CREATE TABLE siege_planned (a int); CREATE INDEX ON siege_planned ((a + siege_folded(5)));
CREATE FUNCTION siege_open() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE c refcursor := 'siege_c'; BEGIN
    OPEN c FOR EXECUTE 'SELECT query_to_xml(''SELECT current_user'', true, true, '''')'; RETURN c; END $$;
CREATE FUNCTION siege_take(how text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE c refcursor := 'cur'; r record; BEGIN
    IF how = 'close' THEN CLOSE c; OPEN c FOR SELECT 'replaced'; ELSE FETCH c INTO r; END IF; RETURN 1; END $$;
CREATE FUNCTION siege_analyzed(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    IF session_user <> '@U' THEN PERFORM public.siege_take('close'); END IF; RETURN i; END $$;
CREATE TABLE siege_sampled (a int); CREATE INDEX ON siege_sampled (siege_analyzed(a)); INSERT INTO siege_sampled VALUES (1);
CREATE FUNCTION siege_run(how text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE how; RETURN 1; END $$;
CREATE FUNCTION siege_run_own(how text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '1MB' AS $$ BEGIN EXECUTE how; RETURN 1; END $$;
"""


def make_fixtures(host, tenant):
    names = statements.names_of(host, tenant, "owner")
    with host.superuser(tenant["database"]) as session:
        session.need(FIXTURES_SUPERUSER)
    with wire.Session(tenant["dsns"]["owner"]) as session:
        session.need(vectors.fill(FIXTURES_OWNER, names))


def load(names):
    """Returns the rows, with the tenant's names filled in."""
    rows = []
    for line in (here / "siege.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            finding, steps, before, state, rule = line.split("\t")
            rows.append((finding, [vectors.fill(step.strip(), names) for step in steps.split(";;")], before, state, rule))
    return rows


def run(report, host, tenant):
    for finding, steps, _, state, rule in load(statements.names_of(host, tenant, "owner")):
        error = attempt(host, tenant, steps)
        complaint = None
        if state == "ok":
            complaint = error and str(error)
        elif error is None:
            complaint = "it worked"
        elif not re.fullmatch(state, error.state) or error.state == "42501" and not re.search(rf'Rule "({rule})"', error.detail):
            complaint = f"expected {state} {rule}: {error}"
        report.check("siege", finding, complaint is None, " ;; ".join(steps), complaint)


def show(report, host, tenant):
    """Prints what every statement does, for the third column of siege.tsv."""
    make_fixtures(host, tenant)
    for finding, steps, before, _, _ in load(statements.names_of(host, tenant, "owner")):
        error = attempt(host, tenant, steps)
        rule = re.search(r'Rule "(\w+)"', error.detail) if error else None
        result = "ran" if error is None else f"{error.state} {rule.group(1) if rule else error.message}"
        report.note(f"{finding}\t{result}\t{'as stated' if result == before else 'stated: ' + before}\t{' ;; '.join(steps)[:150]}")


def attempt(host, tenant, steps):
    """Runs the steps and returns the last one's error, or None. The sessions of a row are its own."""
    sessions = {}
    error = None
    for step in steps:
        who, statement = step.split(": ", 1)
        if who not in sessions:
            sessions[who] = (wire.Session(tenant["dsns"]["owner"]) if who == "T" else
                             host.local({"S": "superuser", "W": "watcher"}[who], tenant["database"]))
        error = send(sessions[who], statement)
    for session in sessions.values():
        session.close()
    return error


def send(session, statement):
    """Sends a statement; those that "&&" joins as one pipeline, with one Sync behind the last."""
    parts = statement.split(" && ")
    if len(parts) == 1:
        return session.query(statement).error
    sync = wire.message(b"S")
    session.post(b"".join(wire.extended_messages(part).removesuffix(sync) for part in parts) + sync)
    return session._answer(syncs=True).error
