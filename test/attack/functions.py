"""Every function that is closed to tenants, found by name in the server's own catalog: called with
NULLs (that no planner can see, or a strict function would not be called at all), in a query, through a superuser's function, from an extension's script, and by the function-call
protocol, by its OID."""
import pathlib

import contexts
import vectors
import wire

here = pathlib.Path(__file__).parent

FIND = """
SELECT oid::int, proretset, proname,
       (SELECT coalesce(string_agg(CASE WHEN n = pronargs AND provariadic <> 0 THEN 'VARIADIC ' ELSE '' END
                                   || '(SELECT NULL::' || format_type(t, NULL) || ')', ', ' ORDER BY n), '')
          FROM unnest(proargtypes) WITH ORDINALITY a (t, n)),
       pronargs
  FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proname ~ '^({})$' ORDER BY oid
"""

WAYS = {
    "query": lambda call: [wire.query_message(call)],
    "extended": lambda call: [wire.extended_messages(call)],
    "do": lambda call: [wire.query_message(f"DO $do$ BEGIN EXECUTE {contexts.quote(call)}; END $do$")],
    "superuser": lambda call: [wire.query_message(f"SELECT attack_su.run({contexts.quote(call)})")],
    "extension": lambda call: [
        wire.query_message(f"SELECT set_config('attack.command', {contexts.quote(call)}, true)"),
        wire.query_message("CREATE EXTENSION attack_script")],
}


def run(report, host, tenant):
    for access in contexts.ALL:
        with wire.Session(tenant["dsns"][access]) as session:
            session.need("SET default_transaction_read_only = off; SET client_min_messages = error")
            for line in (here / "functions.tsv").read_text().splitlines():
                if not line.startswith("#"):
                    pattern, rule = line.split("\t")
                    try_all(report, session, access, pattern, rule)


def try_all(report, session, access, pattern, rule):
    """Calls every function that a pattern of names fits, in every way."""
    found = session.rows(FIND.format(pattern))
    report.check("functions", "found", found, pattern, "no function has such a name")
    for oid, is_set, name, nulls, count in found:
        call = f"SELECT count(*) FROM pg_catalog.{name}({nulls})"
        for way, messages in WAYS.items():
            if way != "extension" or access == "owner":
                attempt(report, session, access, way, call, rule, messages(call))
        if is_set == "f":
            attempt(report, session, access, "fast_path", call, rule,
                    [wire.function_call_message(int(oid), [None] * int(count))])


def attempt(report, session, access, way, call, rule, messages):
    answers = session.send(wire.query_message("BEGIN READ WRITE"), *messages, wire.query_message("ROLLBACK"))
    errors = [answer.error for answer in answers if answer.error]
    complaint = "it worked"
    if errors:
        complaint = (vectors.rule_verdict(rule, errors[0], way in ("superuser", "extension"))
                     if errors[0].state == vectors.REFUSED else "expected 42501")
    report.check("functions", way, complaint is None, call, f"{complaint}: {errors[:1]}", access)
