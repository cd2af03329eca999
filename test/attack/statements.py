"""Vectors × contexts × accesses: brings every statement to run in every way, and judges the answers."""
import pathlib

import contexts
import vectors
import wire

here = pathlib.Path(__file__).parent

# The contexts in which a tenant tries to whom a superuser has granted too much.
MISTAKEN = ("direct", "extended", "do", "view", "sql")


def names_of(host, tenant, access):
    """What the words behind "@" in vectors.tsv stand for."""
    return {"U": wire.parse_dsn(tenant["dsns"][access])["user"], "G": tenant["group"] + "_owner",
            "GROUP": tenant["group"], "DB": tenant["database"],
            "OT": wire.parse_dsn(host.other["dsns"]["owner"])["user"],
            "OG": host.other["group"] + "_owner", "ODB": host.other["database"],
            "W": str(host.markers), "PORT": str(host.port)}


def make_fixtures(host, tenant):
    """Lets the owner make its things, and two functions for every vector: one in SQL, one in PL/pgSQL. One view is
    older than the rule that keeps it from being made."""
    with host.superuser(tenant["database"]) as session:
        session.need("CREATE VIEW public.attack_auth_view AS SELECT * FROM pg_authid;"
                     f"ALTER VIEW public.attack_auth_view OWNER TO {tenant['group']}_owner")
    with wire.Session(tenant["dsns"]["owner"]) as session:
        session.need((here / "fixtures_owner.sql").read_text())
        session.need("SET check_function_bodies = off")
        for vector in vectors.load(names_of(host, tenant, "owner")):
            body = "; ".join(vector.statements)
            session.need(f"CREATE FUNCTION attack_sql_{vector.number}() RETURNS void LANGUAGE sql"
                         f" AS $function${body}$function$")
            session.need(f"CREATE FUNCTION attack_plpgsql_{vector.number}() RETURNS void LANGUAGE plpgsql"
                         f" AS $function$DECLARE r record; BEGIN {plpgsql(vector.statements)} END$function$")


def make_key(host, tenant):
    """Lets a superuser make what no tenant may: a key of the tenant's table on one of a superuser's, whose
    check calls the tenant's cast."""
    with host.superuser(tenant["database"]) as session:
        session.need("CREATE TABLE attack_su.referred (id int PRIMARY KEY);"
                     "ALTER TABLE public.attack_referring ADD FOREIGN KEY (x) REFERENCES attack_su.referred;"
                     f"GRANT CONNECT ON DATABASE {tenant['database']} TO attack_watcher")


def plpgsql(steps):
    """The statements as PL/pgSQL writes them: the rows of a query go through a loop."""
    return " ".join(f"FOR r IN {step} LOOP END LOOP;" if contexts.is_select(step) else f"{step};" for step in steps)


def make_mistakes(host, tenant):
    """Lets a superuser grant the tenant all that should never be granted."""
    group = tenant["group"]
    with host.superuser(tenant["database"]) as session:
        predefined = session.rows("SELECT rolname FROM pg_roles WHERE rolname ~ '^pg_' AND rolname <> 'pg_database_owner'")
        for access in contexts.ALL:
            session.need(f"ALTER ROLE {group}_{access} INHERIT")
            for (role,) in predefined:
                session.need(f"GRANT {role} TO {group}_{access}")
            session.need(f"GRANT SET, ALTER SYSTEM ON PARAMETER log_statement, session_preload_libraries,"
                         f" work_mem, archive_command, appinfra.guard TO {group}_{access}")
        session.need("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_catalog TO PUBLIC")
        session.need("GRANT SELECT ON ALL TABLES IN SCHEMA pg_catalog TO PUBLIC")
        session.need("UPDATE pg_language SET lanpltrusted = true WHERE lanname IN ('c', 'internal')")
        session.need("GRANT USAGE ON LANGUAGE c, internal TO PUBLIC")
        session.need(f"GRANT CREATE ON SCHEMA pg_catalog TO {group}_owner")


def run(report, host, tenant, accesses, only):
    """Everything, as these accesses; and, once, what superusers and those who watch the host do there."""
    for access in accesses:
        attempt_all(report, host, tenant, access, only)
    if "owner" in accesses:
        for login in ("superuser", "watcher"):
            attacker = Attacker(lambda user=login: host.local(user, tenant["database"]), login)
            ways = [way for way in ways_of(attacker.session, tenant) if way.by_superuser and way.login == login]
            attack(report, attacker, ways, selected(host, tenant, "owner", only))
            attacker.session.close()


def run_mistaken(report, host, tenant, only):
    """The tenant that was granted too much has the same answers."""
    for access in contexts.ALL:
        attempt_all(report, host, tenant, access, only, MISTAKEN, "mistake_")


def selected(host, tenant, access, only):
    return [vector for vector in vectors.load(names_of(host, tenant, access))
            if only in vector.group or only in vector.text]


def ways_of(session, tenant):
    """All contexts, for the database of this session."""
    return contexts.contexts(int(session.need("SELECT 'public.attack_run(text)'::regprocedure::oid")),
                             int(session.need("SELECT 'attack_su.run(text)'::regprocedure::oid")), tenant["group"])


class Attacker:
    """A session that is opened again when it is lost."""

    def __init__(self, login, name):
        self.login = login
        self.name = name
        self.session = login()

    def again(self):
        self.session.close()
        self.session = self.login()


def attempt_all(report, host, tenant, access, only, names=None, prefix=""):
    def login():
        session = wire.Session(tenant["dsns"][access])
        session.need("SET default_transaction_read_only = off; SET client_min_messages = error")
        return session

    attacker = Attacker(login, access)
    ways = [way for way in ways_of(attacker.session, tenant)
            if access in way.accesses and (names is None or way.name in names)]
    for way in ways:
        way.name = prefix + way.name
    attack(report, attacker, ways, selected(host, tenant, access, only))
    attacker.session.close()


def attack(report, attacker, ways, chosen):
    for way in ways:
        for vector in chosen:
            if vector.expected == "ok":
                if attacker.name == "owner" and way.name in ("direct", "extended", "do"):
                    allow(report, attacker, way, vector)
            elif all(way.fits(step) for step in vector.statements):
                refuse(report, attacker, way, vector)


def attempt(attacker, way, vector):
    """Runs the vector in the context and returns the first error, or None; and whether the session was lost."""
    session = attacker.session
    messages = []
    for step in vector.statements:
        if not way.bare:
            messages.append(wire.query_message(
                f"SELECT set_config('attack.command', {contexts.quote(step)}, true)"))
        messages += way.messages(step, vector)
    if not way.bare:
        messages = [wire.query_message("BEGIN READ WRITE")] + messages + [
            wire.query_message("ROLLBACK"), wire.query_message("DEALLOCATE ALL")]
    answers = session.send(*messages)
    lost = any(answer.lost for answer in answers)
    errors = [answer.error for answer in answers if answer.error and answer.error.state != "25P02"]
    if lost or (way.bare and not errors):
        attacker.again()
    return errors[0] if errors else None, lost


def refuse(report, attacker, way, vector):
    error, lost = attempt(attacker, way, vector)
    complaint = "the connection was lost" if lost else vector.verdict(way, error)
    report.check(vector.group, way.name, complaint is None, vector.text, f"{complaint}: {error}", attacker.name)


def allow(report, attacker, way, vector):
    if way.bare:
        way = contexts.Context("simple", way.messages)
    error, lost = attempt(attacker, way, vector)
    fine = not lost and (error is None or error.state in vector.accepted(way) - {vectors.REFUSED})
    report.check(vector.group, way.name, fine, vector.text, f"has to work: {error}", attacker.name)
