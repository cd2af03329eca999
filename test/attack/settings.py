"""Every setting that is closed to tenants, by every way that leads to a setting: SET, set_config(), the
SET clause of a function, ALTER ROLE and ALTER DATABASE, pg_settings, an option of the connection; by the
session itself, a superuser's function and an extension's script. Afterwards each is what it was."""
import pathlib
import re

import contexts
import statements
import vectors
import wire

here = pathlib.Path(__file__).parent

FIXED = "55P02"  # core: cannot be changed now

WAYS = {
    "set": "SET {name} = '{value}'",
    "set_local": "SET LOCAL {name} = '{value}'",
    "set_config": "SELECT set_config('{name}', '{value}', false)",
    "pg_settings": "UPDATE pg_settings SET setting = '{value}' WHERE name = '{name}'",
    "role": "ALTER ROLE @U SET {name} = '{value}'",
    "role_in_database": "ALTER ROLE @U IN DATABASE @DB SET {name} = '{value}'",
    "group": "ALTER ROLE @G SET {name} = '{value}'",
    "database": "ALTER DATABASE @DB SET {name} = '{value}'",
    "function": "CREATE FUNCTION pg_temp.attack_set() RETURNS int LANGUAGE sql SET {name} = '{value}' AS 'SELECT 1';"
                " SELECT pg_temp.attack_set()",
    "system": "ALTER SYSTEM SET {name} = '{value}'",
}

# What is to be as it was. Of a setting that is not shown to tenants nothing is known here.
VALUES = "SELECT name, setting FROM pg_settings WHERE name IN ({}) ORDER BY name"


def run(report, host, tenant):
    for access in ("owner", "reader"):
        names = statements.names_of(host, tenant, access)
        rows = [tuple(vectors.fill(cell, names) for cell in line.split("\t"))
                for line in (here / "settings.tsv").read_text().splitlines() if not line.startswith("#")]
        in_session(report, tenant, access, names, rows)
        at_login(report, tenant, access, rows)
        parallel(report, tenant, access)


def in_session(report, tenant, access, names, rows):
    query = VALUES.format(", ".join(f"'{row[0]}'" for row in rows))
    with wire.Session(tenant["dsns"][access]) as session:
        session.need("SET default_transaction_read_only = off; SET client_min_messages = error")
        before = session.rows(query)
        visible = {name for name, _ in before}
        for name, value, who, rule in rows:
            for way, form in WAYS.items():
                command = vectors.fill(form, names).format(name=name, value=value)
                if way == "pg_settings" and name not in visible:
                    continue  # not a row of it, whatever the current role is
                attempt(report, session, access, way, command, [wire.query_message(command)], who, rule)
                attempt(report, session, access, f"superuser_{way}", command, [wire.query_message(
                    f"SELECT attack_su.run({contexts.quote(command)})")], who, rule)
                if access == "owner":
                    attempt(report, session, access, f"extension_{way}", command, [
                        wire.query_message(f"SELECT set_config('attack.command', {contexts.quote(command)}, true)"),
                        wire.query_message("CREATE EXTENSION attack_script")], who, rule)
        after = session.rows(query)
        changed = [(old, new) for old, new in zip(before, after) if old != new]
        report.check("settings", "unchanged", not changed, "values", changed, access)


def attempt(report, session, access, way, command, messages, who, rule):
    answers = session.send(wire.query_message("BEGIN READ WRITE"), *messages, wire.query_message("ROLLBACK"))
    errors = [answer.error for answer in answers if answer.error]
    report.check("settings", way, *verdict(command, errors, who, rule, way), who=access)


def verdict(command, errors, who, rule, way):
    """Returns (good, what was tried, complaint)."""
    if not errors:
        return False, command, "it worked"
    error = errors[0]
    if error.state == FIXED and who in ("backend", "fixed"):
        return True, command, ""
    if error.state != vectors.REFUSED:
        return False, command, f"expected 42501: {error}"
    # ALTER ROLE and its kind are refused as statements
    expected = "role|database|alter_system" if way.endswith(("role", "role_in_database", "group", "database", "system")) else rule
    complaint = vectors.rule_verdict(expected, error, False)
    return complaint is None, command, f"{complaint}: {error}"


def at_login(report, tenant, access, rows):
    """By the options of a connection, in both forms: refused, and no session begins."""
    for name, value, who, rule in rows:
        for way, packet in (("option", {"options": f"-c {name}={value}"}), ("long_option", {"options": f"--{name}={value}"}),
                            ("packet", {name: value})):
            try:
                wire.Session(tenant["dsns"][access], **packet).close()
                good, complaint = False, "the session began"
            except wire.LoginRefused as refused:
                error = refused.error
                good = error.state == vectors.REFUSED and vectors.rule_verdict(rule, error, False) is None or (
                    error.state == FIXED and who == "fixed")
                complaint = f"expected 42501: {error}"
            report.check("settings", way, good, f"{name} = {value}", complaint, access)


def parallel(report, tenant, access):
    """The limit on parallel workers holds from the start, and whatever is reset."""
    for way in ("SELECT 1", "RESET max_parallel_workers", "SET max_parallel_workers TO DEFAULT", "RESET ALL",
                "DISCARD ALL", "SET max_parallel_workers = 1", "SET max_parallel_workers_per_gather = 2",
                "SET SESSION AUTHORIZATION DEFAULT"):
        with wire.Session(tenant["dsns"][access]) as session:
            session.need(way)
            found = [int(session.need(f"SHOW {name}")) for name in
                     ("max_parallel_workers", "max_parallel_workers_per_gather", "max_parallel_maintenance_workers")]
            report.check("settings", "parallel", max(found) <= 2, way, found, access)
