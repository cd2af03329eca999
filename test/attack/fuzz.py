"""Random utility statements by a tenant, by itself and through a superuser's function; then calls of
what a superuser has broken in the catalogs. Nothing crashes, nothing leads out: SQLSTATE XX000, which says
that something was never thought of, counts as a failure, and attack.py looks at the host afterwards."""
import os

import contexts
import grammar
import statements
import vectors
import wire

COUNT = int(os.environ.get("FUZZ_COUNT", "1000"))
SEED = os.environ.get("FUZZ_SEED", "appinfra")

# Core reports these so, with or without the guard.
KNOWN = ("tuple concurrently updated", "unrecognized security label")

# What a superuser breaks, and what the tenant does with it then.
BROKEN = [
    ("UPDATE pg_proc SET prolang = 99999 WHERE proname = 'attack_own'", "SELECT attack_own()"),
    ("UPDATE pg_proc SET probin = NULL WHERE proname = 'c_connect'", "SELECT attack_su.c_connect('x')"),
    ("UPDATE pg_proc SET prosrc = '' WHERE proname = 'alias_read'", "SELECT attack_su.alias_read('PG_VERSION')"),
    ("UPDATE pg_proc SET prosrc = repeat('x', 100000) WHERE proname = 'alias_ls'", "SELECT attack_su.alias_ls('.')"),
    ("UPDATE pg_extension SET extname = '' WHERE extname = 'dblink'", "SELECT attack_su.dblink_connect('x')"),
    ("DELETE FROM pg_extension WHERE extname = ''", "SELECT attack_su.dblink_connect('x')"),
    ("DELETE FROM pg_language WHERE lanname = 'attack_untrusted'", "SELECT attack_su.untrusted()"),
    ("SELECT 1", "DO LANGUAGE attack_untrusted ''"),
    ("DELETE FROM pg_proc WHERE proname = 'alias_emit'", "SELECT attack_su.alias_emit(true, 'a', 'b')"),
    ("UPDATE pg_policy SET polroles = '{99999}' WHERE polname = 'attack_policy'",
     "ALTER POLICY attack_policy ON attack_data TO SESSION_USER"),
    ("UPDATE pg_class SET relowner = 99999 WHERE relname = 'attack_seq'", "ALTER SEQUENCE attack_seq OWNER TO SESSION_USER"),
    ("UPDATE pg_type SET typname = '' WHERE typname = 'attack_row'", "CREATE CAST (attack_row AS text) WITHOUT FUNCTION"),
    ("DELETE FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e'", "SELECT attack_su.dblink_connect('x')"),
]


def run(report, host, tenant):
    names = statements.names_of(host, tenant, "owner")
    generated = [vectors.fill(text, names) for text in grammar.statements(SEED, COUNT)]
    for way in ("direct", "superuser", "extended"):
        attacker = statements.Attacker(lambda: login(tenant), way)
        for number, text in enumerate(generated):
            if number % 40 == 0:
                attacker.again()
            attempt(report, attacker, way, text)


def login(tenant):
    session = wire.Session(tenant["dsns"]["owner"])
    session.need("SET client_min_messages = error; SET statement_timeout = '5s'; SET lock_timeout = '1s'")
    return session


def attempt(report, attacker, way, text):
    message = {"direct": lambda: wire.query_message(text), "extended": lambda: wire.extended_messages(text),
               "superuser": lambda: wire.query_message(f"SELECT attack_su.run({contexts.quote(text)})")}[way]()
    answer = attacker.session.send(message)[0]
    bad = "the connection was lost" if answer.lost else ""
    if answer.error and answer.error.state.startswith("XX") and not answer.error.message.startswith(KNOWN):
        bad = str(answer.error)
    report.check("random", way, not bad, text, bad, f"seed {SEED}")
    if answer.lost:
        attacker.again()


def run_broken(report, host, tenant):
    """Calls what a superuser has broken: an error, and no crash."""
    with host.superuser(tenant["database"]) as superuser:
        for damage, command in BROKEN:
            superuser.need(damage)
            session = login(tenant)
            answer = session.query(command)
            bad = "the connection was lost" if answer.lost else "" if answer.error else "it worked"
            report.check("broken catalogs", "called", not bad, f"{damage}; {command}", bad)
            session.close()
