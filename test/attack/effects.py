"""What no tenant may have changed: a snapshot of the host before the attacks, and what differs after.

A refusal is only worth something when nothing happened. So beside every SQLSTATE this looks at the
shared catalogs, at the catalogs of every database that decide who may do what, at the configuration,
and at the directory into which the vectors would have written.
"""
import json

# Every column but those that the server itself moves on. The hash hides verifiers from the output.
SHARED = {
    "roles": "SELECT rolname, md5(to_jsonb(a)::text) FROM pg_authid a",
    "memberships": "SELECT roleid::regrole::text || ' > ' || member::regrole, to_jsonb(m)::text FROM pg_auth_members m",
    "databases": "SELECT datname, (to_jsonb(d) - '{datfrozenxid,datminmxid}'::text[])::text FROM pg_database d",
    "role settings": "SELECT setdatabase || ' ' || setrole, setconfig::text FROM pg_db_role_setting",
    "tablespaces": "SELECT spcname, to_jsonb(t)::text FROM pg_tablespace t",
    "labels": "SELECT classoid || ' ' || objoid, label FROM pg_shseclabel",
    "comments": "SELECT classoid || ' ' || objoid, description FROM pg_shdescription",
    "subscriptions": "SELECT subname, to_jsonb(s)::text FROM pg_subscription s",
    "slots": "SELECT slot_name, slot_type FROM pg_replication_slots",
    "origins": "SELECT roname, roident::text FROM pg_replication_origin",
    "prepared transactions": "SELECT gid, owner FROM pg_prepared_xacts",
    "parameter grants": "SELECT parname, paracl::text FROM pg_parameter_acl",
    "file settings": "SELECT name, setting FROM pg_file_settings",
    "settings": "SELECT name, setting FROM pg_settings WHERE context IN ('postmaster', 'sighup')",
}

# The members of a tenant's groups are the tenant: "outside" is everything else. Superuser's things
# in the database stay a superuser's; nothing becomes anybody's who is not in the tenant.
LOCAL = {
    "languages": "SELECT lanname, (to_jsonb(l) - 'lanacl')::text FROM pg_language l",
    "wrappers": "SELECT fdwname, to_jsonb(w)::text FROM pg_foreign_data_wrapper w",
    "servers": "SELECT srvname, to_jsonb(s)::text FROM pg_foreign_server s",
    "user mappings": "SELECT umid::text, umoptions::text FROM pg_user_mappings",
    "event triggers": "SELECT evtname, to_jsonb(e)::text FROM pg_event_trigger e",
    "access methods": "SELECT amname, to_jsonb(a)::text FROM pg_am a",
    "extensions": "SELECT extname, extversion || extowner::regrole FROM pg_extension",
    "machine code": "SELECT oid::regprocedure::text, prosrc || proowner::regrole FROM pg_proc p"
                    " WHERE prolang IN (SELECT oid FROM pg_language WHERE NOT lanpltrusted)",
    "functions of a superuser": "SELECT oid::regprocedure::text, md5(prosrc) FROM pg_proc"
                                " WHERE proowner IN (SELECT oid FROM pg_roles WHERE rolsuper) AND prosecdef",
    "system relations": "SELECT relname, relowner::regrole || coalesce(relacl::text, '') || relnatts || relhasrules || relhastriggers"
                        "  FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')",
    "owners": "SELECT DISTINCT o.kind || ' ' || o.owner, '' FROM ("
              " SELECT 'relation' AS kind, relowner::regrole::text AS owner FROM pg_class"
              " UNION ALL SELECT 'function', proowner::regrole::text FROM pg_proc"
              " UNION ALL SELECT 'schema', nspowner::regrole::text FROM pg_namespace"
              " UNION ALL SELECT 'type', typowner::regrole::text FROM pg_type"
              " UNION ALL SELECT 'large object', lomowner::regrole::text FROM pg_largeobject_metadata) o",
}

# Of databases in which nobody was to do anything at all.
UNTOUCHED = {
    "relations": "SELECT oid::text, relname FROM pg_class WHERE relpersistence <> 't' AND relnamespace::regnamespace::text !~ '^(appinfra|pg_toast)'",
    "functions": "SELECT oid::text, proname FROM pg_proc",
}


def take(host, untouched=()):
    """Returns the snapshot: {place: {what: value}}."""
    shot = {f"host: {name}": dict(host.control.rows(query)) for name, query in SHARED.items()}
    shot["host: files written"] = {file.name: "" for file in host.markers.iterdir()}
    databases = host.control.rows("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate")
    for (database,) in databases:
        if database == host.broken:
            continue
        with host.superuser(database) as session:
            queries = LOCAL | (UNTOUCHED if database in untouched else {})
            for name, query in queries.items():
                shot[f"{database}: {name}"] = dict(session.rows(query))
    return shot


def differences(before, after):
    """Returns a line for everything that differs."""
    lines = []
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place, {}), after.get(place, {})
        for item in sorted(old.keys() | new.keys()):
            if old.get(item) != new.get(item):
                lines.append(f"{place}: {item}: {shorten(old.get(item))} became {shorten(new.get(item))}")
    return lines


def shorten(value):
    return json.dumps(value)[:300]
