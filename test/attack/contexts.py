"""The contexts: in how many ways one statement is brought to run.

A context turns a statement into protocol messages. All but "direct" run between BEGIN READ WRITE and
ROLLBACK, with the statement in the setting attack.command, for those that take it from there.
`accesses` says who can use it: an insert is no way for a reader, a REFRESH only for who owns things.
In a `privileged` context the statement runs as a superuser, so that core refuses nothing.
"""
import re
from dataclasses import dataclass
from typing import Callable

import wire

ALL = ("owner", "writer", "reader", "service")
WRITERS = ("owner", "writer", "service")
OWNER = ("owner",)

quote = "$attack$".join(("", "{}", "")).format


@dataclass
class Context:
    name: str
    messages: Callable  # (statement, vector) -> messages
    accesses: tuple = ALL
    fits: Callable = lambda statement: True
    privileged: bool = False
    bare: bool = False
    by_superuser: bool = False  # the session is a superuser's, the work is done as the tenant
    of_others: bool = False  # a tenant's code would have to run with another's rights: rule tenant_code
    login: str = "superuser"  # whose session it is, if it is not the tenant's
    like: str = ""  # another context, whose exceptions in vectors.tsv hold here as well


def first_word(statement):
    return re.match(r"\s*(\w+)", statement).group(1).lower()


def is_select(statement):
    return first_word(statement) in ("select", "values", "with", "table")


def is_plannable(statement):
    return is_select(statement) or first_word(statement) in ("insert", "update", "delete", "merge")


def is_setting(statement):
    return first_word(statement) == "set"


def sql(form):
    """A context whose message is one query, with the statement quoted in it."""
    return lambda statement, vector: [wire.query_message(form.format(quote(statement)))]


def inline(form):
    """The same, with the statement as it is."""
    return lambda statement, vector: [wire.query_message(form.format(statement))]


def stored(language):
    """Calls the function that stores this vector's statement: attack_<language>_<number>()."""
    return lambda statement, vector: [
        wire.query_message(f"SELECT public.attack_{language}_{vector.number}()")]


def fast_path(oid):
    return lambda statement, vector: [wire.function_call_message(oid, [statement])]


def prepared(statement, vector):
    return [wire.query_message(f"PREPARE attack AS {statement}"), wire.query_message("EXECUTE attack")]


def declared(statement, vector):
    return [wire.query_message(f"DECLARE attack CURSOR FOR {statement}"),
            wire.query_message("FETCH ALL FROM attack")]


def carried(who, privileged):
    """The ways that lead to a function which runs attack.command: the tenant's, or a superuser's."""
    prefix = "superuser_" if privileged else ""
    ways = [
        ("trigger", f"INSERT INTO public.attack_{who}_triggered VALUES ('x')", WRITERS),
        ("index", f"INSERT INTO public.attack_{who}_indexed VALUES ('x')", WRITERS),
        ("default", f"INSERT INTO public.attack_{who}_default DEFAULT VALUES", WRITERS),
        ("reindex", f"REINDEX TABLE public.attack_{who}_indexed", OWNER),
        ("refresh", f"REFRESH MATERIALIZED VIEW public.attack_{who}_matview", OWNER),
        ("view", f"SELECT * FROM public.attack_{who}_view", ALL),
        ("policy", f"SELECT * FROM public.attack_{who}_policed", ("owner", "writer", "reader")),
    ]
    return [Context(prefix + name, inline(query), accesses, privileged=privileged)
            for name, query, accesses in ways]


def became(statement, role):
    """A superuser becomes the tenant's role and calls a function that first tries to take that back."""
    return lambda command, vector: [wire.query_message(f"{statement} {role}"),
                                    wire.query_message(f"SELECT public.attack_escape({quote(command)})")]


def superusers(group):
    """What a superuser, or a login that watches the host, does in a tenant's database."""
    others = [
        ("query", sql("SELECT public.attack_run({})")),
        ("view", inline("SELECT * FROM public.attack_own_view")),
        ("trigger", inline("INSERT INTO public.attack_own_triggered VALUES ('x')")),
        ("insert", inline("INSERT INTO public.attack_own_indexed VALUES ('x')")),
        ("default", inline("INSERT INTO public.attack_own_default DEFAULT VALUES")),
        ("cast", inline("SELECT 'a'::public.attack_cast::int")),
        ("domain", inline("SELECT 'a'::public.attack_domain")),
        ("operator", inline("SELECT 'a'::text OPERATOR(public.<-<) 'b'::text")),
        ("aggregate", inline("SELECT public.attack_aggregate('a'::text)")),
        ("create_index", inline("CREATE INDEX ON public.attack_superuser_own (public.attack_own_pure(x))")),
    ]
    ways = [Context("su_" + name, messages, (), by_superuser=True, of_others=True) for name, messages in others]
    ways += [Context("watcher_" + name, messages, (), by_superuser=True, of_others=True, login="watcher")
             for name, messages in others[1:2]]
    owner = f"{group}_owner"
    return ways + [
        Context("su_set_role", became("SET LOCAL ROLE", owner), (), by_superuser=True),
        Context("su_session_authorization", became("SET LOCAL SESSION AUTHORIZATION", owner), (), by_superuser=True),
        Context("superuser_own_function", sql("SELECT attack_su.run({})"), (), by_superuser=True, privileged=True),
    ]


def contexts(own_run, superuser_run, group):
    """All of them; the arguments are the OIDs of attack_run(text) and attack_su.run(text), and what the names
    of the tenant's group roles begin with."""
    return [
        Context("direct", lambda statement, vector: [wire.query_message(statement)], bare=True),
        Context("extended", lambda statement, vector: [wire.extended_messages(statement)]),
        Context("prepare", prepared, fits=is_plannable),
        Context("explain", inline("EXPLAIN ANALYZE {}"), fits=is_plannable),
        Context("cursor", declared, fits=is_select),
        Context("copy_out", inline("COPY ({}) TO STDOUT"), fits=is_select),
        Context("into", inline("CREATE TEMP TABLE attack_into AS {}"), fits=is_select),
        Context("xml", sql("SELECT query_to_xml({}, true, true, '')"), fits=is_select),
        Context("do", sql("DO $do$ BEGIN EXECUTE {}; END $do$")),
        Context("sql", stored("sql")),
        Context("plpgsql", stored("plpgsql")),
        Context("fast_path", fast_path(own_run)),
        *carried("own", False),
        Context("superuser", sql("SELECT attack_su.run({})"), privileged=True),
        Context("superuser_fast_path", fast_path(superuser_run), privileged=True),
        *carried("superuser", True),
        Context("extension", inline("CREATE EXTENSION attack_script"), OWNER, privileged=True),
        Context("analyze", inline("ANALYZE public.attack_own_indexed"), by_superuser=True, accesses=()),
        Context("superuser_analyze", inline("ANALYZE public.attack_superuser_indexed"), by_superuser=True,
                accesses=(), privileged=True),
        Context("key_check", inline("INSERT INTO public.attack_referring VALUES ('a')"), WRITERS, of_others=True),
        *superusers(group),
    ]
