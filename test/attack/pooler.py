"""The pooler's own login: whoever has its password tries every vector and more, and gets nothing but the one function.

Nothing else may work, whoever has granted what; so any error will do for a vector, and for what is tried here beside
the guard's own rule must be the one that speaks.
"""
import statements
import vectors
import wire

USER = "appinfra_pooler"
PASSWORD = "attack-pooler-4711"

ALLOWED = (
    "SELECT usename, passwd FROM pg_catalog.appinfra_pooler_auth('@U')",
    "SELECT 1",
    "SET client_encoding = 'UTF8'",
    "DISCARD ALL",
)

# What is open to everybody, or granted to the pooler by mistake: only the guard can refuse it.
REFUSED = (
    "SELECT * FROM public.attack_pooled",
    "SELECT * FROM public.attack_pooled FOR UPDATE",
    "INSERT INTO public.attack_pooled VALUES ('x')",
    "UPDATE public.attack_pooled SET x = 'y'",
    "DELETE FROM public.attack_pooled",
    "MERGE INTO public.attack_pooled USING (VALUES ('x')) v (x) ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE public.attack_pooled",
    "COPY public.attack_pooled TO STDOUT",
    "COPY public.attack_pooled FROM STDIN",
    "COPY (SELECT * FROM pg_catalog.appinfra_pooler_auth('@U')) TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'touch @W/pooler'",
    "SELECT public.attack_pooled()",
    "SELECT * FROM pg_catalog.appinfra_pooler_auth(public.attack_pooled())",
    "SELECT * FROM pg_catalog.appinfra_pooler_auth('@U') WHERE public.attack_pooled() = 'x'",
    "SELECT * FROM pg_catalog.appinfra_pooler_auth('@U') a, public.attack_pooled",
    "SELECT * FROM pg_catalog.appinfra_pooler_auth('@U') UNION ALL SELECT x::name, x FROM public.attack_pooled",
    "SELECT (SELECT x FROM public.attack_pooled LIMIT 1)",
    "SELECT usename::public.attack_pooled_domain FROM pg_catalog.appinfra_pooler_auth('@U')",
    "SELECT 'x'::public.attack_pooled_domain",
    "SELECT * FROM pg_shadow",
    "SELECT * FROM pg_stat_activity",
    "SELECT current_setting('data_directory')",
    "SELECT set_config('role', '@G', false)",
    "SELECT * FROM tenant_sessions()",
    "SELECT tenant_set('search_path', 'public')",
    "CREATE TEMP TABLE attack_temp (x int)",
    "SELECT 1 INTO TEMP attack_temp",
    "CREATE TEMP TABLE attack_temp AS SELECT 1",
    "CREATE SCHEMA attack_own",
    "CREATE TABLE public.attack_own (x int)",
    "CREATE FUNCTION pg_temp.attack_own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DO $$ BEGIN PERFORM public.attack_pooled(); END $$",
    "CALL public.attack_procedure()",
    "PREPARE attack_own AS SELECT 1",
    "EXPLAIN ANALYZE SELECT public.attack_pooled()",
    "DECLARE attack_own CURSOR WITH HOLD FOR SELECT 1",
    "LISTEN attack_own",
    "NOTIFY attack_own",
    "LOCK TABLE public.attack_pooled",
    "SELECT pg_advisory_lock(1)",
    "SELECT lo_create(0)",
    "VACUUM public.attack_pooled",
    "ALTER ROLE appinfra_pooler PASSWORD 'x'",
    "GRANT appinfra_pooler TO @G",
    "CREATE DATABASE attack_own",
)

# Refused by another rule, or by core: the session is nobody's member.
ROLES = (
    "SET ROLE @G",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION @U",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "SET local_preload_libraries = 'x'",
)

# Functions, called by their OID, and the rule that speaks.
FAST_PATH = {"pg_catalog.now()": "pooler", "public.attack_pooled()": "pooler", "pg_read_file(text)": "pooler|privileges",
             "pg_terminate_backend(int, bigint)": "pooler|privileges", "lo_create(oid)": "pooler|privileges"}


def let_in(host):
    """Gives the login its password, as an operator does. Before the suite looks what there is."""
    host.control.need(f"ALTER ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")


def make_fixtures(host, tenant):
    """What the tenant leaves open to the pooler. No tenant may grant it; a superuser has."""
    with host.superuser(tenant["database"]) as session:
        session.need("CREATE TABLE public.attack_pooled (x text);"
                     "CREATE FUNCTION public.attack_pooled() RETURNS text LANGUAGE sql AS $$SELECT 'x'::text$$;"
                     "CREATE PROCEDURE public.attack_procedure() LANGUAGE sql AS 'SELECT 1';"
                     "CREATE DOMAIN public.attack_pooled_domain AS text CHECK (public.attack_pooled() = 'x');"
                     f"ALTER TABLE public.attack_pooled OWNER TO {tenant['group']}_owner;"
                     f"ALTER FUNCTION public.attack_pooled() OWNER TO {tenant['group']}_owner;"
                     f"GRANT ALL ON public.attack_pooled TO {USER}; GRANT ALL ON SCHEMA public TO {USER};"
                     f"GRANT ALL ON DATABASE {tenant['database']} TO {USER}")


def run(report, host, tenant):
    names = statements.names_of(host, tenant, "owner")
    dsn = wire.parse_dsn(tenant["dsns"]["owner"]) | {"user": USER, "password": PASSWORD}
    with host.superuser(tenant["database"]) as session:
        oids = {name: int(session.need(f"SELECT '{name}'::regprocedure::oid::int")) for name in FAST_PATH}
    for database in ("control", "postgres", "template1"):
        report.check("pooler's login", "enter", is_kept_out(dsn | {"database": database}), database, "it got in")
    report.check("pooler's login", "enter", is_kept_out(dsn, replication="database"), "replication", "it got in")
    with wire.Session(dsn) as session:
        for way, messages in (("direct", wire.query_message), ("extended", wire.extended_messages)):
            allow(report, session, way, names, messages)
            refuse(report, session, way, names, messages)
            refuse_vectors(report, session, way, names, messages)
        for name, oid in oids.items():
            answer = session.send(wire.function_call_message(oid, [None] * name.count(",")))[0]
            judge(report, "fast_path", name, answer.error, FAST_PATH[name])
        report.check("pooler's login", "end", session.query("SELECT 1").value == "1", "its session goes on", "it is lost")


def is_kept_out(dsn, **options):
    try:
        wire.Session(dsn, **options).close()
    except wire.LoginRefused as refused:
        return refused.error.state == "42501"
    return False


def allow(report, session, way, names, messages):
    for text in ALLOWED:
        answer = session.send(messages(vectors.fill(text, names)))[0]
        report.check("pooler's login", way, answer.error is None, text, f"it is refused: {answer.error}")


def refuse(report, session, way, names, messages):
    for text in REFUSED + ROLES:
        error = attempt(session, [messages(vectors.fill(text, names))])
        judge(report, way, text, error, "pooler" if text in REFUSED else "-")


def refuse_vectors(report, session, way, names, messages):
    """Whatever is refused to tenants fails here, too, be it because the pooler cannot even see what it names. Those
    about the pooler itself are for tenants only."""
    for vector in vectors.load(names):
        if vector.expected == "ok" or vector.group == "pooler" or any("ok" in states for states in vector.also.values()):
            continue
        error = attempt(session, [messages(statement) for statement in vector.statements])
        report.check("pooler's login", f"vectors {way}", error is not None, vector.text, "it worked")


def attempt(session, messages):
    """Returns the first error of what is sent in one transaction, which is rolled back."""
    answers = session.send(wire.query_message("BEGIN"), *messages, wire.query_message("ROLLBACK"))
    return next((answer.error for answer in answers if answer.error), None)


def judge(report, way, text, error, rule):
    if error is None:
        complaint = "it worked"
    elif error.state != vectors.REFUSED:
        complaint = f"expected 42501: {error}"
    else:
        complaint = vectors.rule_verdict(rule, error, rule != "-") if rule != "-" else None
        complaint = complaint and f"{complaint}: {error}"
    report.check("pooler's login", way, complaint is None, text, complaint)
