/* sql/install/appinfra--0.1.0--0.2.0.sql: what 0.2.0 changes in an installation of 0.1.0. */
\echo Use "ALTER EXTENSION appinfra UPDATE" to load this file. \quit

-- Rotations that fail are put off.
ALTER TABLE appinfra.binding
    ADD COLUMN attempts int NOT NULL DEFAULT 0,
    ADD COLUMN try_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN last_error text;
COMMENT ON COLUMN appinfra.binding.attempts IS 'how often rotating it by schedule, or publishing it again, has failed; try_at says when it is tried again';

-- Apps and their owners. An app that several users had databases for becomes that of the oldest one
-- that lives; appinfra.exposures() names the others.
CREATE TABLE appinfra.app (
    app_id text PRIMARY KEY,
    owner_user_id text NOT NULL,
    slug text,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE appinfra.app IS 'apps and their owners: nothing of one owner''s is published into another''s app';
COMMENT ON COLUMN appinfra.app.slug IS 'the default slug of the app''s databases; null: none';

INSERT INTO appinfra.app (app_id, owner_user_id, created_at)
    SELECT DISTINCT ON (app_id) app_id, owner_user_id, created_at
      FROM appinfra.tenant WHERE status <> 'dropped' ORDER BY app_id, created_at, db_id;
SELECT pg_extension_config_dump('appinfra.app', '');

CREATE FUNCTION appinfra.register_app(app_id text, owner_user_id text, slug text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_register_app';
COMMENT ON FUNCTION appinfra.register_app(text, text, text) IS
    'says whose an app is; slug is the default one of its databases. Again by the same owner: makes slug the default, NULL for none. 23505 when the app is somebody else''s, 22004, 22023 (arguments)';

CREATE FUNCTION appinfra.unregister_app(app_id text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_unregister_app';
COMMENT ON FUNCTION appinfra.unregister_app(text) IS
    'forgets an app. 42704 for an unknown one, 55000 while a database of it is not dropped, or while it has variables of another app''s database';

CREATE FUNCTION appinfra.transfer_app(app_id text, new_owner text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_transfer_app';
COMMENT ON FUNCTION appinfra.transfer_app(text, text) IS
    'gives an app and its databases to another owner in this transaction and revokes the credentials that were issued to people; those of the app''s environment live on. What it shares with other apps of the former owner (bind_app()) is unbound. 42704 for an unknown app; to its own owner: nothing';

COMMENT ON FUNCTION appinfra.provision_tenant(text, text, text, text, jsonb, boolean, text) IS
    'claims a ready database for an app, in this transaction. A new app is registered as this owner''s; slug NULL: the app''s default slug. env maps variables to owner, writer, reader or service, or to {access, via: pooler}, whose DSN has the address of appinfra.pooler_host. publish: the sidecar delivers the variables and nobody sees a password; otherwise this answer is the only place that carries it. Waits up to appinfra.provision_timeout for a shell. Errors: 22004, 22023 (arguments), 0A000 (engine), 23505 (a variable is taken), 42501 (the app has another owner), 22023 (idempotency_key with other arguments), 55P03 (another transaction is doing the same), 53000 (no shell in time), 55000 (host not ready), 25000, 25006 (transaction)';

CREATE VIEW appinfra.apps AS
    SELECT app_id, coalesce(a.owner_user_id, t.owner_user_id) AS owner_user_id, a.slug,
           coalesce(t.databases, 0) AS databases, coalesce(a.created_at, t.created_at) AS created_at
      FROM appinfra.app a
      FULL JOIN (SELECT app_id, count(*) AS databases, min(created_at) AS created_at,
                        (array_agg(owner_user_id ORDER BY created_at, db_id))[1] AS owner_user_id
                   FROM appinfra.tenant WHERE status <> 'dropped' GROUP BY app_id) t USING (app_id);
COMMENT ON VIEW appinfra.apps IS 'apps, whose they are, and how many databases each has that are not dropped';

REVOKE ALL ON FUNCTION appinfra.register_app(text, text, text), appinfra.unregister_app(text),
    appinfra.transfer_app(text, text) FROM PUBLIC;
GRANT SELECT ON appinfra.apps TO appinfra_admin, appinfra_auditor;
GRANT EXECUTE ON FUNCTION appinfra.register_app(text, text, text), appinfra.unregister_app(text),
    appinfra.transfer_app(text, text) TO appinfra_admin;

-- Roles are found by their OID, whatever they are called.
ALTER TABLE appinfra.credential ADD COLUMN role_oid oid;
COMMENT ON COLUMN appinfra.credential.role_oid IS 'the role, whatever it is called; in a registry from a dump, that of another server';
UPDATE appinfra.credential c SET role_oid = a.oid
  FROM pg_catalog.pg_authid a JOIN pg_catalog.pg_shseclabel l ON l.objoid = a.oid
 WHERE a.rolname = c.role_name AND c.state <> 'gone' AND l.provider = 'appinfra'
   AND l.classoid = 'pg_catalog.pg_authid'::regclass AND l.label = c.db_id || ' login ' || c.access;

COMMENT ON FUNCTION appinfra.deprovision_tenant(text, interval) IS
    'revokes every credential, unsets the variables by publication, keeps the database out of the way for retain, then drops it. Its name is free when its status is retained. 42704 for an unknown one; again: nothing, but when it is retained: its end moves to retain from now';

-- A claim also says what the variables belong to.
DROP FUNCTION appinfra.claim_publications(text, int, interval);
CREATE FUNCTION appinfra.claim_publications(
    worker text, batch int = 16, lease interval = '1 minute')
    RETURNS TABLE (publication_id bigint, claim uuid, target text, app_id text, producer text,
                   version bigint, set jsonb, unset text[], attempt int, ref text)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_claim_publications';
COMMENT ON FUNCTION appinfra.claim_publications(text, int, interval) IS
    'hands up to batch (1 to 1000) due publications to a sidecar for the time of the lease (1 s to 1 day), minting their passwords: set is the one place that carries them; ref is what the variables belong to, a db_id. Skips what others hold';
REVOKE ALL ON FUNCTION appinfra.claim_publications(text, int, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appinfra.claim_publications(text, int, interval) TO appinfra_publisher;
-- For whom an action was done. A row without it has the same hash as before, so old seals still fit.
ALTER TABLE appinfra.audit_log ADD COLUMN end_user text;
COMMENT ON COLUMN appinfra.audit_log.end_user IS 'for whom the actor did it, as the actor has said by appinfra.end_user; null: not said';
CREATE OR REPLACE FUNCTION appinfra.audit_hash(
    number bigint, previous bigint[], after_id bigint, last_id bigint, rows bigint,
    sealed_at timestamptz) RETURNS bytea
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(
        coalesce((SELECT string_agg(s.hash, ''::bytea ORDER BY p.place)
                    FROM unnest($2) WITH ORDINALITY p (number, place)
                    JOIN appinfra.audit_seal s USING (number)), '')
        || convert_to(format(E'%s %s %s %s %s\n', $1, $3, $4, $5,
                             (extract(epoch FROM $6) * 1000000)::bigint)
        || coalesce((SELECT string_agg((jsonb_build_array(
                        id, (extract(epoch FROM time) * 1000000)::bigint, actor, effective_role,
                        application_name, client_address, database, action, db_id, credential,
                        outcome, detail, transaction_id::text) || CASE WHEN end_user IS NULL
                        THEN '[]' ELSE jsonb_build_array(end_user) END)::text || E'\n', '' ORDER BY id)
                       FROM appinfra.audit_log WHERE id > $3 AND id <= $4), ''), 'UTF8'))
$$;
COMMENT ON FUNCTION appinfra.audit_hash(bigint, bigint[], bigint, bigint, bigint, timestamptz) IS
    'the hash of a seal: SHA-256 of the hashes of the previous seals, the line "number after_id last_id rows sealed_at", and each row as the text of a JSON array and a line feed, in UTF-8; times in microseconds since 1970. end_user is the last of its elements, and none when NULL, as in rows that are older than that column';

CREATE OR REPLACE VIEW appinfra.audit AS SELECT * FROM appinfra.audit_log;

-- After a failover or a restore versions and ids start above a floor, what producers have is
-- published again, and a copy hands out nothing.
ALTER TABLE appinfra.host
    ADD COLUMN floor bigint NOT NULL DEFAULT 0,
    ADD COLUMN system_identifier bigint,
    ADD COLUMN data_directory text,
    ADD COLUMN public_host text,
    ADD COLUMN settled_start timestamptz,
    ADD COLUMN held_since timestamptz,
    ADD COLUMN held_because text,
    ADD COLUMN restored_to timestamptz;
COMMENT ON COLUMN appinfra.host.floor IS 'what versions and ids start above since the last new timeline: milliseconds since 1970, and a million more than before at least';
COMMENT ON COLUMN appinfra.host.system_identifier IS 'of the server that the registry is in; this, data_directory or public_host is another in a copy';
COMMENT ON COLUMN appinfra.host.settled_start IS 'the start of the server for which the floor was raised, where appinfra.republish is always';
COMMENT ON COLUMN appinfra.host.held_since IS 'since then no publication is handed out: the server may be a copy, as held_because says. accept_restore() ends it';
COMMENT ON COLUMN appinfra.host.restored_to IS 'the time to which the host was restored, as accept_restore() was told last';
ALTER TABLE appinfra.binding
    ADD COLUMN stale_version bigint,
    ADD COLUMN stale_since timestamptz;
COMMENT ON COLUMN appinfra.binding.stale_version IS 'what it has at the producer may be lost, up to this version: something above it is to be published; null: nothing to heal';
COMMENT ON COLUMN appinfra.binding.stale_since IS 'since when it is to be published again';
CREATE INDEX binding_stale ON appinfra.binding (binding_id) WHERE stale_version IS NOT NULL;

CREATE OR REPLACE FUNCTION appinfra.adopt_host() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE appinfra.host
       SET host_id = new.host_id, created_at = new.created_at, timeline = new.timeline,
           floor = new.floor, system_identifier = new.system_identifier,
           data_directory = new.data_directory, public_host = new.public_host,
           held_since = new.held_since, held_because = new.held_because,
           restored_to = new.restored_to;
    IF found THEN
        RETURN NULL;
    END IF;
    RETURN new;
END $$;

CREATE FUNCTION appinfra.republish(db_id text) RETURNS int
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_republish';
COMMENT ON FUNCTION appinfra.republish(text) IS
    'publishes every variable that a database has published once more, with new credentials, its service users'' included, and returns how many bindings that are. Nobody logs in with the former ones as soon as the new ones are published; their sessions go on for the grace of a rotation. 42704 for an unknown database, 55000 unless ready, 57P03 while the floor is not raised after a promotion';

CREATE FUNCTION appinfra.accept_restore(point timestamptz) RETURNS bigint
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_accept_restore';
COMMENT ON FUNCTION appinfra.accept_restore(timestamptz) IS
    'says that this server, restored to that time, takes the place of the original: from the commit on publications are handed out, and everything is published again unless appinfra.republish is never. Returns how many bindings that are; with a NOTICE 0 where nothing is held. 22004 for NULL, 22023 for a time that is infinite or to come, 25006 on a standby';

CREATE FUNCTION appinfra.held_because() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT held_because FROM appinfra.host WHERE held_since IS NOT NULL';
COMMENT ON FUNCTION appinfra.held_because() IS
    'why this server may be a copy and hands out no publication until accept_restore(); NULL: it does';

CREATE VIEW appinfra.unhealed AS
    SELECT b.db_id, b.app_id, b.target, CASE WHEN b.ended THEN 'unset' ELSE 'set' END AS kind,
           b.variables, b.stale_since AS since, p.publication_id,
           coalesce(p.status, 'waiting') AS status, coalesce(p.error, b.last_error) AS error
      FROM appinfra.binding b
      JOIN appinfra.tenant t USING (db_id)
      LEFT JOIN LATERAL (
           SELECT p.publication_id, p.status, p.error FROM appinfra.publication p
            WHERE p.binding_id = b.binding_id AND p.version > b.stale_version
              AND (p.kind = 'unset') = b.ended AND p.status NOT IN ('superseded', 'cancelled')
            ORDER BY p.publication_id DESC LIMIT 1) p ON true
     WHERE b.stale_version IS NOT NULL AND (b.ended OR t.status = 'ready');
COMMENT ON VIEW appinfra.unhealed IS 'variables whose value at the producer may be lost or somebody else''s since a failover or a restore, and where publishing them again stands';

CREATE VIEW appinfra.recovery AS
    SELECT timeline, floor, held_since, held_because, restored_to,
           (SELECT count(*) FROM appinfra.unhealed) AS unhealed
      FROM appinfra.host;
COMMENT ON VIEW appinfra.recovery IS 'the one row that says whether this host may be a copy, and how much is not healed after a failover or a restore';

REVOKE ALL ON FUNCTION appinfra.republish(text), appinfra.accept_restore(timestamptz),
    appinfra.held_because() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appinfra.held_because()
    TO appinfra_admin, appinfra_publisher, appinfra_auditor;
GRANT EXECUTE ON FUNCTION appinfra.republish(text), appinfra.accept_restore(timestamptz)
    TO appinfra_admin;
GRANT SELECT ON appinfra.unhealed TO appinfra_admin, appinfra_auditor;
GRANT SELECT ON appinfra.recovery TO appinfra_admin, appinfra_auditor, appinfra_publisher;
CREATE FUNCTION appinfra.xid_use()
    RETURNS TABLE (db_id text, pid int, age bigint, age_limit bigint, rate bigint, rate_limit bigint)
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'appinfra_xid_use';
COMMENT ON FUNCTION appinfra.xid_use() IS
    'what each tenant that has sessions does with the host''s transaction ids: age is how many were given out since the oldest that a session (pid) of its keeps, rate how many its sessions take per second, over ten seconds; a session beyond a limit (0: none) is ended';
REVOKE ALL ON FUNCTION appinfra.xid_use() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appinfra.xid_use() TO appinfra_auditor, appinfra_admin;

-- Services: rotation of their users, and a list of those that are wanted.
CREATE FUNCTION appinfra.rotate_service_user(
    db_id text, service_id text, host_id text, grace interval = '1 hour',
    deadline interval = '7 days', publish boolean = true) RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_rotate_service_user';
COMMENT ON FUNCTION appinfra.rotate_service_user(text, text, text, interval, interval, boolean) IS
    'makes a new credential for a service, whose name has a number; the one it replaces is revoked as with rotate_credential(). grace 0 keeps the name: what the service has is revoked at once, and until the new one is published it cannot log in. 42704 for an unknown database or service, 55000 unless ready, 55006 for publish => false while a publication of it is open';

CREATE FUNCTION appinfra.set_services(db_id text, services jsonb)
    RETURNS TABLE (service_id text, host_id text, username text, action text)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_set_services';
COMMENT ON FUNCTION appinfra.set_services(text, jsonb) IS
    'gives a database the users of these services and no others: [{"service_id", "host_id", "access"}], access reader when not given. [] drops all. A row for each that was made, kept or dropped; one whose access changes is dropped and made. What is made is published. username is NULL where every credential of a kept one is revoked. 22004 for NULL, 22023 for what is no such array, for more than 256 entries and for a service given twice, 42704 for an unknown database, 55000 unless ready';

REVOKE ALL ON FUNCTION appinfra.rotate_service_user(text, text, text, interval, interval, boolean),
    appinfra.set_services(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appinfra.rotate_service_user(text, text, text, interval, interval, boolean),
    appinfra.set_services(text, jsonb) TO appinfra_admin;

-- Variables that stand beside DSNs: the certificates of authorities.
ALTER TABLE appinfra.variable ADD COLUMN companion text CHECK (companion IN ('set', 'unset'));
COMMENT ON COLUMN appinfra.variable.companion IS 'it stands beside DSNs and no binding holds it: is published, or is to be taken away';
-- Extensions whose scripts need a superuser.
CREATE FUNCTION appinfra.install_extension(db_id text, name text, version text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_install_extension';
COMMENT ON FUNCTION appinfra.install_extension(text, text, text) IS
    'installs, as superuser, an extension of appinfra.allowed_extensions in a tenant''s database, in schema "extensions" or in that of its control file, where only superusers create. Committed at once, by a worker. 42704 for an unknown database, extension or version, or when an extension that it needs is not installed there; 55000 unless ready, and for one that is not allowed; 42501 for one that no tenant gets (files, programs, network, untrusted languages); 42710 when it is there; 42P15 when the schema, or that of an extension it needs, is not a superuser''s alone; 25006 on a standby or in a read-only transaction; 55P03, 53000 as harden_tenant()';
REVOKE ALL ON FUNCTION appinfra.install_extension(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appinfra.install_extension(text, text, text) TO appinfra_admin;
-- The login of a pooler. It gets into the databases that exist with their next hardening.
DO $$ BEGIN
    IF to_regrole('appinfra_pooler') IS NULL THEN
        CREATE ROLE appinfra_pooler NOINHERIT;
    END IF;
END $$;
-- Variables whose DSN has the address of a pooler.
ALTER TABLE appinfra.binding ADD COLUMN via text CHECK (via = 'pooler');
COMMENT ON COLUMN appinfra.binding.via IS 'pooler: its DSN has the address of the pooler; null: that of the server';
CREATE OR REPLACE VIEW appinfra.bindings AS
    SELECT binding_id, db_id, app_id, target, variables, access, producer, version, ended, created_at, via
      FROM appinfra.binding;
-- The state of the host, for those who may not look at it.
CREATE FUNCTION appinfra.server_certificate(
    OUT file text, OUT not_after timestamptz, OUT is_for_public_host boolean, OUT is_untrusted boolean)
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_server_certificate';
COMMENT ON FUNCTION appinfra.server_certificate() IS
    'the certificate that the server shows: its file (NULL: ssl is off), when it expires (NULL: it cannot be read), whether it is for appinfra.public_host, and whether it is self-signed without being in appinfra.public_ca_file';

CREATE FUNCTION appinfra.host_facts() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$SELECT jsonb_build_object(
        'server_version', current_setting('server_version'),
        'in_recovery', pg_is_in_recovery(),
        'now', extract(epoch FROM clock_timestamp())::float8,
        'settings', (SELECT jsonb_object_agg(name, setting) FROM pg_settings WHERE name IN (
            'shared_preload_libraries', 'listen_addresses', 'ssl', 'hba_file', 'appinfra.guard',
            'appinfra.control_database', 'appinfra.public_host', 'appinfra.public_ca_file',
            'appinfra.pool_size')),
        'hba', (SELECT coalesce(jsonb_agg(to_jsonb(h)), '[]') FROM pg_hba_file_rules h),
        'certificate', (SELECT to_jsonb(c) || jsonb_build_object(
                'days', floor(extract(epoch FROM c.not_after - now()) / 86400))
            FROM appinfra.server_certificate() c),
        'pool_ready', (SELECT count(*) FROM appinfra.pool WHERE status = 'ready'),
        'pool_error', (SELECT max(last_error) FROM appinfra.pool),
        'held_because', appinfra.held_because())$$;
COMMENT ON FUNCTION appinfra.host_facts() IS
    'what appinfrad doctor judges and its login may not read: some settings, the lines of pg_hba.conf as they stand in the file now, the certificate, the pool. No secret is among it';
REVOKE ALL ON FUNCTION appinfra.server_certificate(), appinfra.host_facts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appinfra.server_certificate(), appinfra.host_facts()
    TO appinfra_admin, appinfra_publisher, appinfra_auditor;

-- Variables of a database that is there already, also of containers and of other apps.
ALTER TABLE appinfra.binding ADD COLUMN container text;
CREATE INDEX ON appinfra.binding (app_id);
COMMENT ON COLUMN appinfra.binding.container IS 'the container of the app in whose environment it stands; null: the app''s own';
DROP FUNCTION appinfra.rotate_credential(text, text, interval, interval, boolean);
CREATE FUNCTION appinfra.rotate_credential(
    db_id text, variable text = 'DATABASE_URL', grace interval = '1 hour',
    deadline interval = '7 days', publish boolean = true, container text = NULL,
    app_id text = NULL) RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_rotate_credential';
COMMENT ON FUNCTION appinfra.rotate_credential(text, text, interval, interval, boolean, text, text) IS
    'makes a new credential for the variable, of a container of the app where that is given, and of another app that it was bound to by bind_app() where app_id is given. The one it replaces is revoked by itself when the new one has been published and has logged in and grace is over since, or deadline after publication, whichever is first. 42704 for an unknown database or variable, 55000 unless ready, 55006 for publish => false while a publication of the variable is open';

ALTER TABLE appinfra.tenant
    ADD COLUMN connection_limit int,
    ADD COLUMN statement_timeout interval,
    ADD COLUMN idle_in_transaction_timeout interval;
COMMENT ON COLUMN appinfra.tenant.connection_limit IS 'its own in place of appinfra.tenant_connection_limit, as alter_tenant() says; null: that setting';
COMMENT ON COLUMN appinfra.tenant.statement_timeout IS 'its own in place of appinfra.tenant_statement_timeout; null: that setting';
COMMENT ON COLUMN appinfra.tenant.idle_in_transaction_timeout IS 'its own in place of appinfra.tenant_idle_in_transaction_timeout; null: that setting';
CREATE FUNCTION appinfra.alter_tenant(
    db_id text, connection_limit int = NULL, statement_timeout interval = NULL,
    idle_in_transaction_timeout interval = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_alter_tenant';
COMMENT ON FUNCTION appinfra.alter_tenant(text, int, interval, interval) IS
    'gives a database limits of its own, in place of appinfra.tenant_connection_limit and its kind: for the next sessions of the logins that it has, and of those that it will have. NULL leaves a limit as it is. connection_limit is 1 to 262143, a time-out 0 (none) to 24 days; idle_in_transaction_timeout is not above the host''s, by which the watchdog ends sessions. 22023 otherwise, and when all are NULL; 42704 for an unknown database, 55000 unless ready';

CREATE FUNCTION appinfra.bind_variables(
    db_id text, env jsonb, publish boolean = true, container text = NULL)
    RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_bind_variables';
COMMENT ON FUNCTION appinfra.bind_variables(text, jsonb, boolean, text) IS
    'gives a database more variables in its app''s environment, or in that of a container of the app: env maps 1 to 16 of them to owner, writer, reader or service, as with provision_tenant(). Each gets a login of its own. One that the database has there already stays as it is; where it has another access, it is rotated to the one asked for, and the former login retires as with rotate_credential(). 22004, 22023 (arguments), 42704 for an unknown database, 55000 unless ready, 23505 when another database holds a variable, 55P03 when another transaction is taking one, 55006 for publish => false while a publication of a variable that changes is open';

CREATE FUNCTION appinfra.bind_app(
    db_id text, app_id text, env jsonb, publish boolean = true, container text = NULL)
    RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_bind_app';
COMMENT ON FUNCTION appinfra.bind_app(text, text, jsonb, boolean, text) IS
    'gives a database variables in the environment of another app of its owner, or in that of a container of it, as bind_variables() does for its own app. An app that is new is registered as the owner''s. When one of the two apps is transferred they are unbound. 42501 when the app has another owner, 55P03 when another transaction changes or registers one of the apps, and the errors of bind_variables()';

CREATE FUNCTION appinfra.unbind_variables(
    db_id text, variables text[], container text = NULL, app_id text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_unbind_variables';
COMMENT ON FUNCTION appinfra.unbind_variables(text, text[], text, text) IS
    'takes variables of a database away from its app''s environment, from that of a container, or from another app''s (app_id): their logins are revoked at once, they are unset by publication and free for other databases. All or none. 22004, 22023 (none, more than 16, one twice), 42704 for an unknown database and for a variable that it does not hold there, 55000 unless ready';

CREATE OR REPLACE VIEW appinfra.databases AS
    SELECT t.db_id, t.app_id, t.owner_user_id, t.slug, t.engine, 'shared-tenant'::text AS shape,
           a.host AS shared_host, t.database::text, c.username::text, a.host, a.port, t.status,
           t.notes, coalesce(e.env_keys, '{}') AS env_keys, t.created_at, t.hardening,
           t.retained_until, t.rotate_after, t.last_error,
           t.connection_limit, t.statement_timeout, t.idle_in_transaction_timeout
      FROM appinfra.tenant t
     CROSS JOIN appinfra.public_address() a
      LEFT JOIN LATERAL (
           SELECT array_agg(v.variable ORDER BY v.variable COLLATE "C") AS env_keys
             FROM appinfra.binding b JOIN appinfra.variable v USING (binding_id)
            WHERE b.db_id = t.db_id AND b.service_id IS NULL
               AND b.app_id = t.app_id AND b.container IS NULL) e ON true
      LEFT JOIN LATERAL (
           SELECT c.username
             FROM appinfra.credential c JOIN appinfra.binding b USING (binding_id)
            WHERE c.db_id = t.db_id AND c.state IN ('waiting', 'active')
            ORDER BY b.app_id = t.app_id AND b.container IS NULL DESC,
                     'DATABASE_URL' = ANY (b.variables) DESC, b.binding_id,
                     c.published_at DESC NULLS LAST, c.credential_id
            LIMIT 1) c ON true;

CREATE OR REPLACE VIEW appinfra.bindings AS
    SELECT binding_id, db_id, app_id, target, variables, access, producer, version, ended, created_at, via,
           container
      FROM appinfra.binding;

REVOKE ALL ON FUNCTION appinfra.rotate_credential(text, text, interval, interval, boolean, text, text),
    appinfra.alter_tenant(text, int, interval, interval),
    appinfra.bind_variables(text, jsonb, boolean, text),
    appinfra.bind_app(text, text, jsonb, boolean, text),
    appinfra.unbind_variables(text, text[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appinfra.rotate_credential(text, text, interval, interval, boolean, text, text),
    appinfra.alter_tenant(text, int, interval, interval),
    appinfra.bind_variables(text, jsonb, boolean, text),
    appinfra.bind_app(text, text, jsonb, boolean, text),
    appinfra.unbind_variables(text, text[], text, text) TO appinfra_admin;
-- Users of services, as people ask for them.
CREATE VIEW appinfra.services AS
    SELECT b.db_id, b.app_id, b.service_id, b.host_id, c.username, b.access, b.target, c.state,
           b.version, p.status, p.error, b.created_at
      FROM appinfra.binding b
      LEFT JOIN LATERAL (
           SELECT c.username::text, c.state FROM appinfra.credential c
            WHERE c.binding_id = b.binding_id AND c.state IN ('waiting', 'active')
            ORDER BY c.credential_id DESC LIMIT 1) c ON true
      LEFT JOIN LATERAL (
           SELECT p.status, p.error FROM appinfra.publication p
            WHERE p.binding_id = b.binding_id
            ORDER BY p.publication_id DESC LIMIT 1) p ON true
     WHERE b.service_id IS NOT NULL AND NOT b.ended;
COMMENT ON VIEW appinfra.services IS 'users of services: the newest credential of each (null: every one is revoked), and where its newest publication stands (null: it is not published)';
GRANT SELECT ON appinfra.services TO appinfra_admin, appinfra_auditor;
