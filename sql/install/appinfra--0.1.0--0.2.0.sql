/* sql/install/appinfra--0.1.0--0.2.0.sql: what 0.2.0 changes in an installation of 0.1.0. */
\echo Use "ALTER EXTENSION appinfra UPDATE" to load this file. \quit

-- Rotations that fail are put off.
ALTER TABLE appinfra.binding
    ADD COLUMN attempts int NOT NULL DEFAULT 0,
    ADD COLUMN try_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN last_error text;
COMMENT ON COLUMN appinfra.binding.attempts IS 'how often rotating it by schedule has failed; try_at says when it is tried again';

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
    'forgets an app. 42704 for an unknown one, 55000 while a database of it is not dropped';

CREATE FUNCTION appinfra.transfer_app(app_id text, new_owner text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_transfer_app';
COMMENT ON FUNCTION appinfra.transfer_app(text, text) IS
    'gives an app and its databases to another owner in this transaction and revokes the credentials that were issued to people; those of the app''s environment live on. 42704 for an unknown app; to its own owner: nothing';

COMMENT ON FUNCTION appinfra.provision_tenant(text, text, text, text, jsonb, boolean, text) IS
    'claims a ready database for an app, in this transaction. A new app is registered as this owner''s; slug NULL: the app''s default slug. env maps variables to owner, writer, reader or service. publish: the sidecar delivers the variables and nobody sees a password; otherwise this answer is the only place that carries it. Waits up to appinfra.provision_timeout for a shell. Errors: 22004, 22023 (arguments), 0A000 (engine), 23505 (a variable is taken), 42501 (the app has another owner), 22023 (idempotency_key with other arguments), 55P03 (another transaction is doing the same), 53000 (no shell in time), 55000 (host not ready), 25000, 25006 (transaction)';

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
