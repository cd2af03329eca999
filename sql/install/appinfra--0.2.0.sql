/* sql/install/appinfra--0.2.0.sql: the registry, its views, and every SQL function. */
\echo Use "CREATE EXTENSION appinfra" to load this file. \quit

CREATE SCHEMA appinfra;
COMMENT ON SCHEMA appinfra IS 'managed databases: registry, views and functions';

-- Only in the control database, and only with the library preloaded.
CREATE FUNCTION appinfra.check_installation() RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'appinfra_check_installation';
REVOKE ALL ON FUNCTION appinfra.check_installation() FROM PUBLIC;
COMMENT ON FUNCTION appinfra.check_installation() IS
    'refuses to install outside the control database; makes the group roles; closes the control database to all but them, and template1 to PUBLIC';
SELECT appinfra.check_installation();

---------------------------------------------------------------------------------------------------
-- Registry. Closed to everyone: only the functions below, which run as the owner, touch it.
---------------------------------------------------------------------------------------------------

CREATE TABLE appinfra.host (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    host_id uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    timeline int NOT NULL DEFAULT 0,
    guard text,
    started_at timestamptz,
    floor bigint NOT NULL DEFAULT 0,
    system_identifier bigint,
    data_directory text,
    public_host text,
    settled_start timestamptz,
    held_since timestamptz,
    held_because text,
    restored_to timestamptz
);
COMMENT ON COLUMN appinfra.host.guard IS 'the setting appinfra.guard as it was last seen';
COMMENT ON COLUMN appinfra.host.started_at IS 'the start of the server that was last seen';
COMMENT ON COLUMN appinfra.host.timeline IS 'the timeline for which versions and ids have been moved ahead; 0: none yet';
COMMENT ON COLUMN appinfra.host.floor IS 'what versions and ids start above since the last new timeline: milliseconds since 1970, and a million more than before at least';
COMMENT ON COLUMN appinfra.host.system_identifier IS 'of the server that the registry is in; this, data_directory or public_host is another in a copy';
COMMENT ON COLUMN appinfra.host.settled_start IS 'the start of the server for which the floor was raised, where appinfra.republish is always';
COMMENT ON COLUMN appinfra.host.held_since IS 'since then no publication is handed out: the server may be a copy, as held_because says. accept_restore() ends it';
COMMENT ON COLUMN appinfra.host.restored_to IS 'the time to which the host was restored, as accept_restore() was told last';
COMMENT ON TABLE appinfra.host IS 'the one row that names this host: publication ids are unique only together with it';

-- A registry restored from a dump brings the identity of its host along.
CREATE FUNCTION appinfra.adopt_host() RETURNS trigger
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
REVOKE ALL ON FUNCTION appinfra.adopt_host() FROM PUBLIC;
COMMENT ON FUNCTION appinfra.adopt_host() IS 'trigger: a second row replaces the first';
CREATE TRIGGER adopt_host BEFORE INSERT ON appinfra.host
    FOR EACH ROW EXECUTE FUNCTION appinfra.adopt_host();
INSERT INTO appinfra.host DEFAULT VALUES;

CREATE TABLE appinfra.template (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    database_oid oid NOT NULL,
    hardening int NOT NULL,
    encoding text NOT NULL,
    locale text NOT NULL,
    ready boolean NOT NULL DEFAULT false,
    last_error text
);
COMMENT ON TABLE appinfra.template IS 'the closed database that shells are copied from; its OID is here before it is created';

CREATE TABLE appinfra.shell (
    db_id text PRIMARY KEY CHECK (db_id ~ '^db-[0-9a-f]{12}$'),
    database name NOT NULL UNIQUE,
    database_oid oid NOT NULL UNIQUE,
    hardening int NOT NULL,
    status text NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'ready')),
    attempts int NOT NULL DEFAULT 0,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ready_at timestamptz
);
COMMENT ON TABLE appinfra.shell IS 'shells: planned ones are being built, ready ones wait to be claimed';

CREATE TABLE appinfra.app (
    app_id text PRIMARY KEY,
    owner_user_id text NOT NULL,
    slug text,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE appinfra.app IS 'apps and their owners: nothing of one owner''s is published into another''s app';
COMMENT ON COLUMN appinfra.app.slug IS 'the default slug of the app''s databases; null: none';

CREATE TABLE appinfra.tenant (
    db_id text PRIMARY KEY CHECK (db_id ~ '^db-[0-9a-f]{12}$'),
    app_id text NOT NULL,
    owner_user_id text NOT NULL,
    slug text NOT NULL,
    engine text NOT NULL,
    database name NOT NULL UNIQUE,
    database_oid oid NOT NULL,
    status text NOT NULL DEFAULT 'ready'
        CHECK (status IN ('ready', 'revoked', 'retiring', 'retained', 'dropping', 'dropped')),
    notes text,
    hardening int NOT NULL,
    logins int NOT NULL DEFAULT 0,
    idempotency_key text UNIQUE,
    request jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    wanted_name name NOT NULL,
    retain interval,
    retained_until timestamptz,
    rotate_after interval,
    attempts int NOT NULL DEFAULT 0,
    try_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    connection_limit int,
    statement_timeout interval,
    idle_in_transaction_timeout interval,
    workspace_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    disk_limit bigint,
    expires_at timestamptz,
    expiry_warned int NOT NULL DEFAULT 0
);
CREATE INDEX ON appinfra.tenant (app_id, created_at);
CREATE INDEX tenant_leaving ON appinfra.tenant (try_at) WHERE status IN ('retiring', 'retained', 'dropping');
CREATE INDEX tenant_expiring ON appinfra.tenant (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON COLUMN appinfra.tenant.disk_limit IS 'its own in bytes in place of appinfra.tenant_disk_limit; 0: none, null: that setting';
COMMENT ON COLUMN appinfra.tenant.expires_at IS 'when it is deprovisioned by itself; null: never';
COMMENT ON COLUMN appinfra.tenant.expiry_warned IS 'what the audit has told of that: 1, that it is a day off, 2, an hour; 0: nothing';
COMMENT ON COLUMN appinfra.tenant.workspace_id IS 'names it to agents, beside db_id';
COMMENT ON TABLE appinfra.tenant IS 'tenants: claimed databases and whose they are';
COMMENT ON COLUMN appinfra.tenant.wanted_name IS 'the name it was given; database is another one while it is retained';
COMMENT ON COLUMN appinfra.tenant.connection_limit IS 'its own in place of appinfra.tenant_connection_limit, as alter_tenant() says; null: that setting';
COMMENT ON COLUMN appinfra.tenant.statement_timeout IS 'its own in place of appinfra.tenant_statement_timeout; null: that setting';
COMMENT ON COLUMN appinfra.tenant.idle_in_transaction_timeout IS 'its own in place of appinfra.tenant_idle_in_transaction_timeout; null: that setting';
COMMENT ON COLUMN appinfra.tenant.attempts IS 'how often a housekeeping step has failed; try_at says when it is tried again';
COMMENT ON COLUMN appinfra.tenant.logins IS 'how many login names the tenant has used; the next is one more';
COMMENT ON COLUMN appinfra.tenant.request IS 'the arguments of the call, to tell a repetition from another request';

CREATE TABLE appinfra.tenant_usage (
    db_id text PRIMARY KEY,
    changed_at timestamptz NOT NULL,
    size bigint,
    temporary bigint NOT NULL DEFAULT 0,
    connections int NOT NULL DEFAULT 0,
    transactions bigint NOT NULL DEFAULT 0,
    blocks_read bigint NOT NULL DEFAULT 0,
    blocks_hit bigint NOT NULL DEFAULT 0,
    temp_bytes bigint NOT NULL DEFAULT 0,
    deadlocks bigint NOT NULL DEFAULT 0,
    oldest_transaction timestamptz,
    locks int NOT NULL DEFAULT 0,
    last_login timestamptz,
    disk_limit bigint,
    disk_state text NOT NULL DEFAULT 'ok' CHECK (disk_state IN ('ok', 'near', 'over'))
) WITH (fillfactor = 60);
COMMENT ON TABLE appinfra.tenant_usage IS 'what each tenant uses, as the meter saw it last; rewritten when something has changed';
COMMENT ON COLUMN appinfra.tenant_usage.size IS 'bytes of the files of the database; null: not measured yet';
COMMENT ON COLUMN appinfra.tenant_usage.temporary IS 'bytes of temporary files that its sessions have just now';
COMMENT ON COLUMN appinfra.tenant_usage.transactions IS 'as the server''s statistics count, which may begin anew; so do blocks, temp_bytes and deadlocks';
COMMENT ON COLUMN appinfra.tenant_usage.disk_limit IS 'bytes, its own or the host''s; null: none';

CREATE TABLE appinfra.usage_day (
    db_id text NOT NULL,
    day date NOT NULL,
    size bigint,
    connections int NOT NULL,
    transactions bigint NOT NULL,
    blocks_read bigint NOT NULL,
    blocks_hit bigint NOT NULL,
    temp_bytes bigint NOT NULL,
    deadlocks bigint NOT NULL,
    PRIMARY KEY (db_id, day)
) WITH (fillfactor = 70);
COMMENT ON TABLE appinfra.usage_day IS 'what each tenant has used, a row a day (UTC), for a month: the highest size and number of connections that were seen, and what was counted';

CREATE TABLE appinfra.usage_run (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    measured_at timestamptz NOT NULL,
    seconds float8 NOT NULL,
    audit_id bigint NOT NULL
);
COMMENT ON TABLE appinfra.usage_run IS 'the meter''s last round: when it was, how long all its work took since the one before, and which rows of the audit log it has read logins from';

CREATE TABLE appinfra.bucket (
    bucket_id text PRIMARY KEY CHECK (bucket_id ~ '^buk-[0-9a-f]{13}$'),
    app_id text NOT NULL,
    owner_user_id text NOT NULL,
    slug text NOT NULL,
    bucket_name text NOT NULL UNIQUE CHECK (bucket_name ~ '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$'),
    env_prefix text NOT NULL,
    backend text NOT NULL CHECK (backend IN ('rgw', 'garage')),
    endpoint_url text NOT NULL,
    region text NOT NULL,
    quota bigint CHECK (quota >= 0),
    status text NOT NULL DEFAULT 'planned'
        CHECK (status IN ('planned', 'ready', 'revoked', 'retiring', 'retained', 'dropping', 'dropped', 'failed')),
    notes text,
    name_tries int NOT NULL DEFAULT 0,
    made_at timestamptz,
    generation bigint NOT NULL DEFAULT 0,
    done_generation bigint NOT NULL DEFAULT 0,
    objects bigint,
    bytes bigint,
    deadline interval NOT NULL DEFAULT '7 days',
    retain interval,
    retained_until timestamptz,
    idempotency_key text UNIQUE,
    request jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_error text
);
CREATE INDEX ON appinfra.bucket (app_id, created_at);
CREATE INDEX bucket_owed ON appinfra.bucket (bucket_id) WHERE generation > done_generation;
CREATE INDEX bucket_leaving ON appinfra.bucket (retained_until) WHERE status = 'retained';
COMMENT ON TABLE appinfra.bucket IS 'buckets of apps at the object store: whose they are, and what the store has been told';
COMMENT ON COLUMN appinfra.bucket.quota IS 'bytes; 0: none, null: as appinfra.bucket_quota says';
COMMENT ON COLUMN appinfra.bucket.name_tries IS 'how many names the store has refused because somebody else has them';
COMMENT ON COLUMN appinfra.bucket.made_at IS 'since when the store has it; it is never made a second time';
COMMENT ON COLUMN appinfra.bucket.generation IS 'the number of what the store is to be made to look like; done_generation is what it has';
COMMENT ON COLUMN appinfra.bucket.deadline IS 'how long keys live on that a hand-out replaces';
COMMENT ON COLUMN appinfra.bucket.request IS 'the arguments of the call, to tell a repetition from another request';

CREATE TABLE appinfra.binding (
    binding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    db_id text REFERENCES appinfra.tenant,
    app_id text NOT NULL,
    target text NOT NULL,
    variables text[] NOT NULL CHECK (cardinality(variables) > 0),
    access text NOT NULL CHECK (access IN ('owner', 'writer', 'reader', 'service')),
    producer text NOT NULL DEFAULT 'postgres',
    service_id text,
    host_id text,
    version bigint NOT NULL DEFAULT 0,
    ended boolean NOT NULL DEFAULT false,
    restorable boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts int NOT NULL DEFAULT 0,
    try_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    stale_version bigint,
    stale_since timestamptz,
    via text CHECK (via = 'pooler'),
    container text,
    bucket_id text REFERENCES appinfra.bucket,
    workspace text REFERENCES appinfra.tenant,
    CHECK ((service_id IS NULL) = (host_id IS NULL)),
    CONSTRAINT binding_owner CHECK (num_nonnulls(db_id, bucket_id, workspace) = 1)
);
CREATE INDEX ON appinfra.binding (db_id);
CREATE INDEX ON appinfra.binding (bucket_id);
CREATE INDEX ON appinfra.binding (workspace);
CREATE INDEX ON appinfra.binding (target);
CREATE INDEX ON appinfra.binding (app_id);
CREATE INDEX binding_stale ON appinfra.binding (binding_id) WHERE stale_version IS NOT NULL;
CREATE UNIQUE INDEX binding_service ON appinfra.binding (db_id, service_id, host_id) WHERE NOT ended;
COMMENT ON COLUMN appinfra.binding.attempts IS 'how often rotating it by schedule, or publishing it again, has failed; try_at says when it is tried again';
COMMENT ON COLUMN appinfra.binding.workspace IS 'the database whose API key it delivers, in place of a login';
COMMENT ON COLUMN appinfra.binding.restorable IS 'it ended with its tenant and comes back with it';
COMMENT ON COLUMN appinfra.binding.stale_version IS 'what it has at the producer may be lost, up to this version: something above it is to be published; null: nothing to heal';
COMMENT ON COLUMN appinfra.binding.stale_since IS 'since when it is to be published again';
COMMENT ON COLUMN appinfra.binding.via IS 'pooler: its DSN has the address of the pooler; null: that of the server';
COMMENT ON COLUMN appinfra.binding.container IS 'the container of the app in whose environment it stands; null: the app''s own';
COMMENT ON TABLE appinfra.binding IS 'promises: a credential of this tenant, or a key of this bucket, stands in these variables of this target';

CREATE TABLE appinfra.variable (
    target text NOT NULL,
    variable text NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    binding_id bigint REFERENCES appinfra.binding,
    companion text CHECK (companion IN ('set', 'unset')),
    PRIMARY KEY (target, variable)
);
CREATE INDEX ON appinfra.variable (binding_id);
COMMENT ON COLUMN appinfra.variable.companion IS 'it stands beside DSNs and no binding holds it: is published, or is to be taken away';
COMMENT ON TABLE appinfra.variable IS 'variables of environments and the binding that holds them: (target, variable) is unique on the host. Stays when the binding ends, so that versions never fall';

CREATE TABLE appinfra.credential (
    credential_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username name NOT NULL,
    db_id text NOT NULL REFERENCES appinfra.tenant,
    binding_id bigint REFERENCES appinfra.binding,
    access text NOT NULL CHECK (access IN ('owner', 'writer', 'reader', 'service')),
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'active', 'retiring', 'revoked', 'gone')),
    role_name name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    minted_at timestamptz,
    published_at timestamptz,
    first_login_at timestamptz,
    valid_until timestamptz,
    grace interval,
    retire_by timestamptz,
    revoked_at timestamptz,
    reason text,
    sessions_ended_at timestamptz,
    sessions_ended int,
    gone_at timestamptz,
    attempts int NOT NULL DEFAULT 0,
    try_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    role_oid oid,
    gateway text
);
CREATE INDEX credential_gateway ON appinfra.credential (gateway) WHERE gateway IS NOT NULL AND state IN ('active', 'retiring');
COMMENT ON COLUMN appinfra.credential.gateway IS 'the gateway whose login it is; null: none''s';
CREATE UNIQUE INDEX credential_role ON appinfra.credential (role_name) WHERE state <> 'gone';
CREATE INDEX ON appinfra.credential (username);
CREATE INDEX credential_leaving ON appinfra.credential (credential_id) WHERE state IN ('retiring', 'revoked');
CREATE INDEX credential_new ON appinfra.credential (credential_id) WHERE first_login_at IS NULL AND state IN ('active', 'retiring');
CREATE INDEX ON appinfra.credential (db_id);
CREATE INDEX ON appinfra.credential (binding_id);
COMMENT ON COLUMN appinfra.credential.role_name IS 'the role''s name now: username until housekeeping renames it out of the way';
COMMENT ON COLUMN appinfra.credential.role_oid IS 'the role, whatever it is called; in a registry from a dump, that of another server';
COMMENT ON TABLE appinfra.credential IS 'logins: waiting for their first password, active, retiring, revoked or gone. Never a password';

CREATE TABLE appinfra.bucket_key (
    bucket_key_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    access_key text NOT NULL UNIQUE,
    bucket_id text NOT NULL REFERENCES appinfra.bucket,
    binding_id bigint REFERENCES appinfra.binding,
    principal text NOT NULL,
    access text NOT NULL CHECK (access IN ('writer', 'reader')),
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'active', 'retiring', 'revoked', 'gone')),
    created_at timestamptz NOT NULL DEFAULT now(),
    minted_at timestamptz,
    published_at timestamptz,
    retires_at timestamptz,
    revoked_at timestamptz,
    generation bigint,
    reason text,
    gone_at timestamptz,
    attempts int NOT NULL DEFAULT 0,
    last_error text
);
CREATE INDEX ON appinfra.bucket_key (bucket_id);
CREATE INDEX ON appinfra.bucket_key (binding_id);
CREATE INDEX bucket_key_retiring ON appinfra.bucket_key (retires_at) WHERE state = 'retiring';
COMMENT ON TABLE appinfra.bucket_key IS 'access keys of buckets. Never a secret';
COMMENT ON COLUMN appinfra.bucket_key.generation IS 'the generation of the bucket that has it no more';

CREATE TABLE appinfra.bucket_work (
    bucket_id text PRIMARY KEY REFERENCES appinfra.bucket,
    claim uuid,
    generation bigint,
    worker text,
    lease_until timestamptz,
    past_claims uuid[] NOT NULL DEFAULT '{}',
    attempts int NOT NULL DEFAULT 0,
    try_at timestamptz NOT NULL DEFAULT now(),
    since timestamptz,
    last_error text,
    error_code text CHECK (error_code IN ('unreachable', 'refused', 'name_taken', 'not_found', 'other')),
    checked_at timestamptz,
    drift text[] NOT NULL DEFAULT '{}',
    unknown_keys text[] NOT NULL DEFAULT '{}',
    keys_missing text[] NOT NULL DEFAULT '{}',
    missing boolean NOT NULL DEFAULT false,
    public boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE appinfra.bucket_work IS 'who is bringing a bucket at the store to its generation, and what was found there last';
COMMENT ON COLUMN appinfra.bucket_work.since IS 'since when the store is behind; null: it is not';
COMMENT ON COLUMN appinfra.bucket_work.past_claims IS 'claims that were lost and have not answered';

CREATE TABLE appinfra.bucket_unknown (
    bucket_name text PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE appinfra.bucket_unknown IS 'buckets of the platform''s user at the store that the registry does not know, as they were reported last';

CREATE TABLE appinfra.publication (
    publication_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    binding_id bigint NOT NULL REFERENCES appinfra.binding,
    kind text NOT NULL DEFAULT 'set' CHECK (kind IN ('set', 'unset', 'handout')),
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'claimed', 'published', 'failed', 'superseded', 'cancelled')),
    version bigint NOT NULL,
    credential_id bigint REFERENCES appinfra.credential,
    grace interval NOT NULL DEFAULT '1 hour',
    deadline interval NOT NULL DEFAULT '7 days',
    attempt int NOT NULL DEFAULT 0,
    claim uuid,
    past_claims uuid[] NOT NULL DEFAULT '{}',
    answered_claims uuid[] NOT NULL DEFAULT '{}',
    worker text,
    lease_until timestamptz,
    not_before timestamptz NOT NULL DEFAULT now(),
    error text,
    delivered text CHECK (delivered IN ('no', 'unknown')),
    response jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_at timestamptz,
    ended_at timestamptz,
    bucket_key_id bigint REFERENCES appinfra.bucket_key,
    CHECK ((status = 'claimed') <= (claim IS NOT NULL AND lease_until IS NOT NULL))
);
CREATE UNIQUE INDEX publication_pending ON appinfra.publication (binding_id) WHERE status = 'pending';
CREATE UNIQUE INDEX publication_claimed ON appinfra.publication (binding_id) WHERE status = 'claimed';
CREATE INDEX publication_due ON appinfra.publication (publication_id) WHERE status IN ('pending', 'claimed');
CREATE INDEX ON appinfra.publication (binding_id);
CREATE INDEX ON appinfra.publication (credential_id);
CREATE INDEX ON appinfra.publication (bucket_key_id);
COMMENT ON TABLE appinfra.publication IS 'deliveries: one for a binding, claimed by at most one sidecar at a time. Never a password';
COMMENT ON COLUMN appinfra.publication.past_claims IS 'claims that were lost and have not answered';
COMMENT ON COLUMN appinfra.publication.answered_claims IS 'lost claims that have answered: a repetition of the answer changes nothing';

-- SQL for agents: keys and calls.
CREATE TABLE appinfra.key (
    key_id text PRIMARY KEY CHECK (key_id ~ '^[A-Za-z0-9_-]{16}$'),
    db_id text NOT NULL REFERENCES appinfra.tenant,
    role text NOT NULL CHECK (role IN ('dbadmin', 'dbuser', 'reader')),
    env text NOT NULL CHECK (env IN ('dev', 'live', 'test')),
    name text,
    digest bytea,
    line text NOT NULL,
    replaces text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    valid_for interval,
    expires_at timestamptz,
    revoked_at timestamptz,
    reason text,
    last_used_at timestamptz,
    announced_at timestamptz,
    calls_ended_at timestamptz,
    caller_line text,
    idempotency_key text,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    binding_id bigint REFERENCES appinfra.binding,
    published_at timestamptz
);
CREATE INDEX ON appinfra.key (db_id);
CREATE INDEX ON appinfra.key (binding_id);
CREATE INDEX ON appinfra.key (replaces);
CREATE INDEX ON appinfra.key (caller_line, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX key_leaving ON appinfra.key (key_id) WHERE revoked_at IS NOT NULL AND calls_ended_at IS NULL;
COMMENT ON TABLE appinfra.key IS 'API keys of workspaces. Never a secret: its SHA-256';
COMMENT ON COLUMN appinfra.key.digest IS 'SHA-256 of the secret, which is random enough to need no slow hash; null: the claim that publishes it makes it';
COMMENT ON COLUMN appinfra.key.binding_id IS 'the binding that publishes it; null: its maker was told it';
COMMENT ON COLUMN appinfra.key.line IS 'the first key of those that replace each other';
COMMENT ON COLUMN appinfra.key.announced_at IS 'when gateways were told that it is revoked';
COMMENT ON COLUMN appinfra.key.calls_ended_at IS 'since when no call of the revoked key is ending';
COMMENT ON COLUMN appinfra.key.caller_line IS 'the line of the key that had it made, by a call with idempotency_key';
ALTER TABLE appinfra.publication ADD COLUMN key_number bigint REFERENCES appinfra.key (number);
CREATE INDEX ON appinfra.publication (key_number);

CREATE TABLE appinfra.call (
    call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host_id uuid NOT NULL,
    db_id text NOT NULL,
    key_id text NOT NULL,
    line text NOT NULL,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL,
    request_id text,
    endpoint text,
    gateway text NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'finished')),
    outcome text CHECK (outcome IN ('committed', 'rolled back', 'unknown')),
    xid xid8,
    pid int,
    status int,
    body bytea,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    expires_at timestamptz NOT NULL,
    UNIQUE (line, idempotency_key)
) WITH (fillfactor = 70);
CREATE INDEX call_open ON appinfra.call (call_id) WHERE outcome IS NULL AND xid IS NOT NULL;
CREATE INDEX ON appinfra.call (expires_at);
COMMENT ON TABLE appinfra.call IS 'calls with an Idempotency-Key: reserved, run, kept for their repetitions. Not in a dump: transaction ids are this server''s';
COMMENT ON COLUMN appinfra.call.outcome IS 'what became of its transaction; null: ask pg_xact_status(xid)';

CREATE TABLE appinfra.look (
    db_id text PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    basis text,
    found text[] NOT NULL,
    failure text
);
COMMENT ON TABLE appinfra.look IS 'what the last look into each tenant''s database has found, for exposures(). Not in a dump';
COMMENT ON COLUMN appinfra.look.basis IS 'digest of all that the answer depends on: while it is the same, a new look would find the same; null: not known';
COMMENT ON COLUMN appinfra.look.found IS 'a row for each exposure, of the texts of exposures() in their order';
COMMENT ON COLUMN appinfra.look.failure IS 'why the look failed; null: it did not';

CREATE TABLE appinfra.look_wanted (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    db_id text NOT NULL
);
CREATE INDEX ON appinfra.look_wanted (db_id);
COMMENT ON TABLE appinfra.look_wanted IS 'databases that an action has changed since they were looked into. Not in a dump';

CREATE TABLE appinfra.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    effective_role text NOT NULL,
    application_name text,
    client_address text,
    database name NOT NULL DEFAULT current_database(),
    action text NOT NULL,
    db_id text,
    credential text,
    outcome text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    detail jsonb,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    end_user text
);
CREATE INDEX ON appinfra.audit_log (db_id, id);
CREATE INDEX ON appinfra.audit_log (credential, id);
CREATE INDEX ON appinfra.audit_log (outcome, time);
CREATE INDEX audit_log_removals ON appinfra.audit_log (id) WHERE action = 'remove_audit';
COMMENT ON TABLE appinfra.audit_log IS 'who did what, written in the transaction that did it; only grows';
COMMENT ON COLUMN appinfra.audit_log.end_user IS 'for whom the actor did it, as the actor has said by appinfra.end_user; null: not said';

-- Ids go on from the time, in microseconds: those of a registry restored from a dump are lower than
-- all that this installation may have written before.
DO $$
BEGIN
    EXECUTE format('ALTER SEQUENCE appinfra.audit_log_id_seq START WITH %s RESTART',
                   (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
END $$;

CREATE TABLE appinfra.audit_seal (
    number bigint PRIMARY KEY,
    previous bigint[] NOT NULL,
    after_id bigint NOT NULL,
    last_id bigint NOT NULL,
    rows bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX ON appinfra.audit_seal (last_id);
COMMENT ON TABLE appinfra.audit_seal IS 'seals: each the hash of the rows above after_id up to last_id and of the seals before it';

CREATE FUNCTION appinfra.audit_hash(
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

CREATE FUNCTION appinfra.refuse_audit_change() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'appinfra_refuse_audit_change';
COMMENT ON FUNCTION appinfra.refuse_audit_change() IS
    'trigger: refuses, with 42501, whoever asks, but for the worker that removes old batches';
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON appinfra.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION appinfra.refuse_audit_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON appinfra.audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION appinfra.refuse_audit_change();
ALTER TABLE appinfra.audit_log ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE appinfra.audit_seal ENABLE ALWAYS TRIGGER refuse_change;

-- What a dump of the control database keeps. Shells and the template belong to this server alone.
SELECT pg_extension_config_dump('appinfra.host', '');
SELECT pg_extension_config_dump('appinfra.app', '');
SELECT pg_extension_config_dump('appinfra.tenant', '');
SELECT pg_extension_config_dump('appinfra.tenant_usage', '');
SELECT pg_extension_config_dump('appinfra.usage_day', '');
SELECT pg_extension_config_dump('appinfra.binding', '');
SELECT pg_extension_config_dump('appinfra.variable', '');
SELECT pg_extension_config_dump('appinfra.credential', '');
SELECT pg_extension_config_dump('appinfra.publication', '');
SELECT pg_extension_config_dump('appinfra.key', '');
SELECT pg_extension_config_dump('appinfra.key_number_seq', '');
SELECT pg_extension_config_dump('appinfra.audit_log', '');
SELECT pg_extension_config_dump('appinfra.audit_seal', '');
SELECT pg_extension_config_dump('appinfra.binding_binding_id_seq', '');
SELECT pg_extension_config_dump('appinfra.credential_credential_id_seq', '');
SELECT pg_extension_config_dump('appinfra.publication_publication_id_seq', '');
SELECT pg_extension_config_dump('appinfra.audit_log_id_seq', '');
SELECT pg_extension_config_dump('appinfra.bucket', '');
SELECT pg_extension_config_dump('appinfra.bucket_key', '');
SELECT pg_extension_config_dump('appinfra.bucket_work', '');
SELECT pg_extension_config_dump('appinfra.bucket_unknown', '');
SELECT pg_extension_config_dump('appinfra.bucket_key_bucket_key_id_seq', '');

---------------------------------------------------------------------------------------------------
-- Functions. Refusals carry an errcode, a detail and, where a remedy is known, a hint.
---------------------------------------------------------------------------------------------------

CREATE TYPE appinfra.connection AS (
    db_id text, status text, host text, port int, database text,
    username text, password text, url text, env jsonb
);
COMMENT ON TYPE appinfra.connection IS
    'how to reach a tenant: username, password and url are those of DATABASE_URL (or of the one credential asked for), env has every variable; password, url and the values of env are NULL when a publication carries them';

CREATE FUNCTION appinfra.version() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$SELECT extversion FROM pg_extension WHERE extname = 'appinfra'$$;
COMMENT ON FUNCTION appinfra.version() IS 'the version of the installed extension';

CREATE FUNCTION appinfra.host_id() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT host_id FROM appinfra.host';
COMMENT ON FUNCTION appinfra.host_id() IS 'the id of this host';

CREATE FUNCTION appinfra.guard_state() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$SELECT coalesce(current_setting('appinfra.guard', true), 'off')$$;
COMMENT ON FUNCTION appinfra.guard_state() IS
    'the setting appinfra.guard, for those who may not read it: enforce, observe or off';

CREATE FUNCTION appinfra.held_because() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT held_because FROM appinfra.host WHERE held_since IS NOT NULL';
COMMENT ON FUNCTION appinfra.held_because() IS
    'why this server may be a copy and hands out no publication until accept_restore(); NULL: it does';

CREATE FUNCTION appinfra.public_address(OUT host text, OUT port int, OUT sslmode text)
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'appinfra_public_address';
COMMENT ON FUNCTION appinfra.public_address() IS 'how applications reach this host: what DSNs carry';

CREATE FUNCTION appinfra.has_sessions(database oid) RETURNS boolean
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'appinfra_has_sessions';
COMMENT ON FUNCTION appinfra.has_sessions(oid) IS 'whether any process, autovacuum included, is in the database just now';

CREATE FUNCTION appinfra.is_running(transaction xid) RETURNS boolean
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'appinfra_is_running';
COMMENT ON FUNCTION appinfra.is_running(xid) IS 'whether the transaction has not ended yet';

CREATE FUNCTION appinfra.service_username(service_id text, host_id text) RETURNS text
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'appinfra_service_username';
COMMENT ON FUNCTION appinfra.service_username(text, text) IS
    'the role name of a service user: svc_{service_id}_{host_id} with hyphens as underscores; above 63 bytes cut and given 8 hex digits of SHA-256. 22004 for NULL, 22023 for an empty id';

CREATE FUNCTION appinfra.provision_tenant(
    app_id text, owner_user_id text, slug text, engine text = 'postgres',
    env jsonb = '{"DATABASE_URL": "owner"}', publish boolean = true, idempotency_key text = NULL,
    expires interval = NULL)
    RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_provision_tenant';
COMMENT ON FUNCTION appinfra.provision_tenant(text, text, text, text, jsonb, boolean, text, interval) IS
    'claims a ready database for an app, in this transaction. A new app is registered as this owner''s; slug NULL: the app''s default slug. env maps variables to owner, writer, reader or service, or to {access, via: pooler}, whose DSN has the address of appinfra.pooler_host. publish: the sidecar delivers the variables and nobody sees a password; otherwise this answer is the only place that carries it. Waits up to appinfra.provision_timeout for a shell. expires: after that time it is deprovisioned by itself, kept for appinfra.retention. Errors: 22004, 22023 (arguments), 0A000 (engine), 23505 (a variable is taken), 42501 (the app has another owner), 22023 (idempotency_key with other arguments), 55P03 (another transaction is doing the same), 53000 (no shell in time), 55000 (host not ready), 25000, 25006 (transaction)';

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

CREATE FUNCTION appinfra.claim_publications(
    worker text, batch int = 16, lease interval = '1 minute', producers text[] = '{postgres}')
    RETURNS TABLE (publication_id bigint, claim uuid, target text, app_id text, producer text,
                   version bigint, set jsonb, unset text[], attempt int, ref text, storage jsonb)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_claim_publications';
COMMENT ON FUNCTION appinfra.claim_publications(text, int, interval, text[]) IS
    'hands up to batch (1 to 1000) due publications of these producers (postgres, storage) to a sidecar for the time of the lease (1 s to 1 day). For databases their passwords are minted: set is the one place that carries them. For buckets a key is planned: storage says what the bucket is to look like at the store, and set lacks the secret. ref is what the variables belong to, a db_id or a bucket_id. Skips what others hold';

CREATE FUNCTION appinfra.extend_claim(
    publication_id bigint, claim uuid, lease interval = '1 minute') RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_extend_claim';
COMMENT ON FUNCTION appinfra.extend_claim(bigint, uuid, interval) IS
    'sets the lease anew, counted from now; false when the claim is no longer held';

CREATE FUNCTION appinfra.complete_publication(
    publication_id bigint, claim uuid, response jsonb = NULL) RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_complete_publication';
COMMENT ON FUNCTION appinfra.complete_publication(bigint, uuid, jsonb) IS
    'records that the variables are stored; of response only env_keys and version are kept. False when the claim is no longer held: then the variables are published once more';

CREATE FUNCTION appinfra.fail_publication(
    publication_id bigint, claim uuid, error text, delivered text, retry_at timestamptz = NULL)
    RETURNS text
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_fail_publication';
COMMENT ON FUNCTION appinfra.fail_publication(bigint, uuid, text, text, timestamptz) IS
    'records that a delivery failed: delivered no (surely not stored: the login waits again, without a password) or unknown (the login lives until a successor is published). With retry_at it is pending again, else failed. Returns the publication''s status';

CREATE FUNCTION appinfra.retry_publication(publication_id bigint) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_retry_publication';
COMMENT ON FUNCTION appinfra.retry_publication(bigint) IS
    'makes a failed publication pending again. 42704 for an unknown id, 55000 when it has not failed or something newer replaced it';

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

CREATE FUNCTION appinfra.rotate_credential(
    db_id text, variable text = 'DATABASE_URL', grace interval = '1 hour',
    deadline interval = '7 days', publish boolean = true, container text = NULL,
    app_id text = NULL) RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_rotate_credential';
COMMENT ON FUNCTION appinfra.rotate_credential(text, text, interval, interval, boolean, text, text) IS
    'makes a new credential for the variable, of a container of the app where that is given, and of another app that it was bound to by bind_app() where app_id is given. The one it replaces is revoked by itself when the new one has been published and has logged in and grace is over since, or deadline after publication, whichever is first. 42704 for an unknown database or variable, 55000 unless ready, 55006 for publish => false while a publication of the variable is open';

CREATE FUNCTION appinfra.alter_tenant(
    db_id text, connection_limit int = NULL, statement_timeout interval = NULL,
    idle_in_transaction_timeout interval = NULL, disk_limit bigint = NULL,
    expires interval = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_alter_tenant';
COMMENT ON FUNCTION appinfra.alter_tenant(text, int, interval, interval, bigint, interval) IS
    'gives a database limits of its own, in place of appinfra.tenant_connection_limit and its kind: for the next sessions of the logins that it has, and of those that it will have. NULL leaves a limit as it is. connection_limit is 1 to 262143, a time-out 0 (none) to 24 days; idle_in_transaction_timeout is not above the host''s, by which the watchdog ends sessions. disk_limit is in bytes, 0: none, -1: appinfra.tenant_disk_limit. expires is when it is deprovisioned by itself, from now on; 0: never. 22023 otherwise, and when all are NULL; 42704 for an unknown database, 55000 unless ready';

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

CREATE FUNCTION appinfra.issue_credential(
    db_id text, access text, valid_for interval = NULL) RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_issue_credential';
COMMENT ON FUNCTION appinfra.issue_credential(text, text, interval) IS
    'makes a credential for a person or a job; this answer is the only place that carries it. After valid_for it is revoked, its sessions included; NULL: valid until revoked';

CREATE FUNCTION appinfra.create_service_user(
    db_id text, service_id text, host_id text, access text = 'reader', publish boolean = true)
    RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_create_service_user';
COMMENT ON FUNCTION appinfra.create_service_user(text, text, text, text, boolean) IS
    'makes the user of a service: PGUSER, PGPASSWORD, PGHOST, PGPORT, PGDATABASE and PGSSLMODE of the target app/svc/service/host. Named as service_username() says, unless somebody else has that name. 42710 when the service has one already';

CREATE FUNCTION appinfra.drop_service_user(db_id text, service_id text, host_id text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_drop_service_user';
COMMENT ON FUNCTION appinfra.drop_service_user(text, text, text) IS
    'revokes the user of a service, frees its name and unsets its variables. 42704 when there is none';

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

CREATE FUNCTION appinfra.set_rotation(db_id text, rotate_after interval) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_set_rotation';
COMMENT ON FUNCTION appinfra.set_rotation(text, interval) IS
    'after what time the published credentials of this database are rotated by themselves; 0: never, NULL: as appinfra.rotate_after says';

CREATE FUNCTION appinfra.revoke_credential(username text, reason text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_revoke_credential';
COMMENT ON FUNCTION appinfra.revoke_credential(text, text) IS
    'revokes a credential when this transaction commits: from then on no login, and its sessions are ended. wait_revoked() tells when none is left. 42704 for an unknown one';

CREATE FUNCTION appinfra.wait_revoked(username text, timeout interval = '10 s') RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_wait_revoked';
COMMENT ON FUNCTION appinfra.wait_revoked(text, interval) IS
    'true when no session of the revoked credential is left and none can start; false when one is left after the time-out. 55000 when it is not revoked, or not committed';

CREATE FUNCTION appinfra.revoke_tenant(db_id text, reason text = NULL) RETURNS int
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_revoke_tenant';
COMMENT ON FUNCTION appinfra.revoke_tenant(text, text) IS
    'revokes every credential of a database and returns how many; the data stays, restore_tenant() makes new ones';

CREATE FUNCTION appinfra.retention() RETURNS interval
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'appinfra_retention';
COMMENT ON FUNCTION appinfra.retention() IS 'the setting appinfra.retention';

CREATE FUNCTION appinfra.deprovision_tenant(
    db_id text, retain interval = appinfra.retention()) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_deprovision_tenant';
COMMENT ON FUNCTION appinfra.deprovision_tenant(text, interval) IS
    'revokes every credential, unsets the variables by publication, keeps the database out of the way for retain, then drops it. Its name is free when its status is retained. 42704 for an unknown one; again: nothing, but when it is retained: its end moves to retain from now';

CREATE FUNCTION appinfra.restore_tenant(db_id text, publish boolean = true)
    RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_restore_tenant';
COMMENT ON FUNCTION appinfra.restore_tenant(text, boolean) IS
    'brings a revoked or deprovisioned database back, with its data, its variables and new credentials; under another name, with a NOTICE, when its own was taken. 55000 when it is ready or dropped, 23505 when another database holds one of its variables';

CREATE FUNCTION appinfra.bucket_quota() RETURNS bigint
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'appinfra_bucket_quota';
COMMENT ON FUNCTION appinfra.bucket_quota() IS 'the setting appinfra.bucket_quota, in bytes';

CREATE TYPE appinfra.bucket_connection AS (
    bucket_id text, status text, bucket_name text, endpoint_url text, region text, access_key text,
    env_keys text[], replaced_bucket_id text
);
COMMENT ON TYPE appinfra.bucket_connection IS
    'how to reach a bucket: access_key is that of its newest key (NULL: none is planned yet), env_keys are the variables that it holds. Never a secret';

CREATE FUNCTION appinfra.provision_bucket(
    app_id text, owner_user_id text, slug text, env_prefix text = 'OF_S3', quota bigint = NULL,
    publish boolean = true, idempotency_key text = NULL) RETURNS appinfra.bucket_connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_provision_bucket';
COMMENT ON FUNCTION appinfra.provision_bucket(text, text, text, text, bigint, boolean, text) IS
    'gives an app a new bucket, in this transaction: it is planned, and a sidecar makes it. Its variables are env_prefix with _ENDPOINT, _BUCKET, _ACCESS_KEY, _SECRET_KEY and _REGION; those of another bucket of the app are taken over (replaced_bucket_id). A new app is registered as this owner''s; slug NULL: the app''s default slug. quota is in bytes, 0: none, NULL: appinfra.bucket_quota. publish false: no key is made, and REST or MCP hand one out. Errors: 22004, 22023 (arguments, or idempotency_key with others), 23505 (the variables are taken), 42501 (the app has another owner), 53400 (the app has appinfra.buckets_per_app), 55P03 (another transaction is doing the same), 55000 (appinfra.s3_endpoint is not set), 25000, 25006 (transaction)';

CREATE FUNCTION appinfra.rotate_bucket_key(
    bucket_id text, deadline interval = '7 days', publish boolean = true) RETURNS appinfra.bucket_connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_rotate_bucket_key';
COMMENT ON FUNCTION appinfra.rotate_bucket_key(text, interval, boolean) IS
    'owes the bucket''s variables a new key. Those that it replaces go when deadline is over since its publication, or with finish_bucket_rotation(). publish false: REST or MCP hand the key out. 42704 for an unknown bucket, 55000 unless planned or ready, or when it holds no variables; 55006 for publish => false while a publication of it is open';

CREATE FUNCTION appinfra.finish_bucket_rotation(bucket_id text) RETURNS int
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_finish_bucket_rotation';
COMMENT ON FUNCTION appinfra.finish_bucket_rotation(text) IS
    'revokes every key of the bucket that has a published successor, now, and returns how many. 42704 for an unknown bucket';

CREATE FUNCTION appinfra.revoke_bucket_key(access_key text, reason text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_revoke_bucket_key';
COMMENT ON FUNCTION appinfra.revoke_bucket_key(text, text) IS
    'revokes a key: from the commit on the store is being told. wait_bucket_revoked() says when it has been. 42704 for an unknown one; again: nothing';

CREATE FUNCTION appinfra.forget_bucket_key(access_key text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_forget_bucket_key';
COMMENT ON FUNCTION appinfra.forget_bucket_key(text) IS
    'has a key removed that was found at the store and that the registry does not know. 42704 when no comparison has found it, 55000 when the registry knows it';

CREATE FUNCTION appinfra.wait_bucket_revoked(access_key text, timeout interval = '10 s') RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_wait_bucket_revoked';
COMMENT ON FUNCTION appinfra.wait_bucket_revoked(text, interval) IS
    'true when the store has said that the revoked key is gone; false when it has not after the time-out. 42704 for an unknown key, 55000 when it is not revoked, or not committed';

CREATE FUNCTION appinfra.revoke_bucket(bucket_id text, reason text = NULL) RETURNS int
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_revoke_bucket';
COMMENT ON FUNCTION appinfra.revoke_bucket(text, text) IS
    'revokes every key of a bucket and returns how many; the data stays, restore_bucket() makes a new key. 42704 for an unknown bucket';

CREATE FUNCTION appinfra.deprovision_bucket(
    bucket_id text, retain interval = appinfra.retention()) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_deprovision_bucket';
COMMENT ON FUNCTION appinfra.deprovision_bucket(text, interval) IS
    'revokes every key, unsets the variables by publication, keeps objects and bucket for retain, then has them removed. 42704 for an unknown one; again: nothing, but when it is retained: its end moves to retain from now';

CREATE FUNCTION appinfra.restore_bucket(bucket_id text, publish boolean = true) RETURNS appinfra.bucket_connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_restore_bucket';
COMMENT ON FUNCTION appinfra.restore_bucket(text, boolean) IS
    'brings a revoked or deprovisioned bucket back, with its objects, the variables that it held when it left, and a new key for them. 42704 for an unknown bucket, 55000 when it is ready or dropped, 23505 when somebody else holds one of its variables';

CREATE FUNCTION appinfra.set_bucket_quota(bucket_id text, quota bigint) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_set_bucket_quota';
COMMENT ON FUNCTION appinfra.set_bucket_quota(text, bigint) IS
    'how many bytes the bucket may hold; 0: no limit, NULL: as appinfra.bucket_quota says. 42704 for an unknown bucket, 22023 below 0, 55000 when it is dropped';

CREATE FUNCTION appinfra.record_bucket_key(
    publication_id bigint, claim uuid, access_key text) RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_record_bucket_key';
COMMENT ON FUNCTION appinfra.record_bucket_key(bigint, uuid, text) IS
    'says that the store has made the key that the claim planned, under this access key. False when the claim is no longer held: the sidecar removes the key and delivers nothing. 42704 for an unknown publication or claim, 23505 when another key has that name';

CREATE FUNCTION appinfra.claim_bucket_work(
    worker text, batch int = 4, lease interval = '2 minutes', check_older_than interval = NULL)
    RETURNS TABLE (bucket_id text, claim uuid, generation bigint, storage jsonb, attempt int)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_claim_bucket_work';
COMMENT ON FUNCTION appinfra.claim_bucket_work(text, int, interval, interval) IS
    'hands up to batch (1 to 1000) buckets whose store is behind to a sidecar for the time of the lease (1 s to 1 day), with all that the store is to look like; with check_older_than also those that were compared longer ago. Skips what others hold, publications included';

CREATE FUNCTION appinfra.extend_bucket_work(bucket_id text, claim uuid, lease interval = '2 minutes') RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_extend_bucket_work';
COMMENT ON FUNCTION appinfra.extend_bucket_work(text, uuid, interval) IS
    'sets the lease anew, counted from now; false when the claim is no longer held';

CREATE FUNCTION appinfra.complete_bucket_work(
    bucket_id text, claim uuid, generation bigint, observed jsonb = NULL) RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_complete_bucket_work';
COMMENT ON FUNCTION appinfra.complete_bucket_work(text, uuid, bigint, jsonb) IS
    'says that the store is as this generation wants it, and what was found: objects, bytes, drift (texts), unknown_keys, keys_missing, public, bucket_missing. False when the claim is no longer held: then there is one more generation. 42704 for an unknown bucket or claim, 22023 for what is no such object';

CREATE FUNCTION appinfra.fail_bucket_work(
    bucket_id text, claim uuid, error text, code text, retry_at timestamptz = NULL) RETURNS text
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_fail_bucket_work';
COMMENT ON FUNCTION appinfra.fail_bucket_work(text, uuid, text, text, timestamptz) IS
    'says that the work has failed: code is unreachable, refused, name_taken, not_found or other. It is tried again at retry_at, or after a growing pause; a name that is taken is changed up to five times. Returns the bucket''s status';

CREATE FUNCTION appinfra.begin_bucket_handout(
    bucket_id text, worker text, lease interval = '1 minute')
    RETURNS TABLE (publication_id bigint, claim uuid, storage jsonb)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_begin_bucket_handout';
COMMENT ON FUNCTION appinfra.begin_bucket_handout(text, text, interval) IS
    'begins to hand a new key of the bucket to a caller: a publication that is claimed from its birth and never retried. record_bucket_key() follows, and complete_publication() just before the answer is sent: a key that its caller may have is never taken for lost. For members of both appinfra_publisher and appinfra_admin. 42704 for an unknown bucket, 42501, 55000 unless planned or ready, 55P03 while somebody else is at it';

CREATE FUNCTION appinfra.report_unknown_buckets(names text[]) RETURNS int
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_report_unknown_buckets';
COMMENT ON FUNCTION appinfra.report_unknown_buckets(text[]) IS
    'says which buckets of the platform''s user the store has; those that the registry does not know are kept for exposures(), in place of those reported before. Returns how many they are';

CREATE FUNCTION appinfra.harden_tenant(db_id text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_harden_tenant';
COMMENT ON FUNCTION appinfra.harden_tenant(text) IS
    'brings a database, its groups and its logins to the present hardening: what an older release, a restore or a mistake has left. What is done inside the database is committed at once, the rest with this transaction. May be repeated. 42704 for an unknown one; 55000 while it is retiring, when it is dropped, missing, somebody else''s or renamed in this transaction; 55P03 when a session of the tenant holds a lock for more than 10 s; 53000 when no background worker slot is free';

CREATE FUNCTION appinfra.install_extension(db_id text, name text, version text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_install_extension';
COMMENT ON FUNCTION appinfra.install_extension(text, text, text) IS
    'installs, as superuser, an extension of appinfra.allowed_extensions in a tenant''s database, in schema "extensions" or in that of its control file, where only superusers create. Committed at once, by a worker. 42704 for an unknown database, extension or version, or when an extension that it needs is not installed there; 55000 unless ready, and for one that is not allowed; 42501 for one that no tenant gets (files, programs, network, untrusted languages); 42710 when it is there; 42P15 when the schema, or that of an extension it needs, is not a superuser''s alone; 25006 on a standby or in a read-only transaction; 55P03, 53000 as harden_tenant()';

CREATE FUNCTION appinfra.harden_host(apply boolean = false)
    RETURNS TABLE (statement text, reason text, applied boolean)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_harden_host';
COMMENT ON FUNCTION appinfra.harden_host(boolean) IS
    'shows, or with apply does in this transaction, what closes the host''s shared objects to PUBLIC and tenants, databases that are not ours included. Roles that are no tenant''s keep the CONNECT and TEMP that they have by PUBLIC. For superusers';

CREATE FUNCTION appinfra.exposures(db_id text = NULL)
    RETURNS TABLE (severity text, rule text, database text, object text, grantee text, detail text,
                   remedy text, checked_at timestamptz)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET jit = off SET max_parallel_workers_per_gather = 0
    AS 'MODULE_PATHNAME', 'appinfra_exposures';
COMMENT ON FUNCTION appinfra.exposures(text) IS
    'what is open on the host and in every tenant''s database, or in one: severity (critical, high, medium, notice), and remedy, a statement that closes it, to be run in database (NULL, or a call of appinfra.*: in the control database) by a superuser. What is open inside tenants'' databases may be of checked_at, and not older than appinfra.exposures_interval; of one database it is of now. A database that could not be looked at has a row of rule not_looked_at. 42704 for an unknown db_id';

CREATE FUNCTION appinfra.xid_use()
    RETURNS TABLE (db_id text, pid int, age bigint, age_limit bigint, rate bigint, rate_limit bigint)
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'appinfra_xid_use';
COMMENT ON FUNCTION appinfra.xid_use() IS
    'what each tenant that has sessions does with the host''s transaction ids: age is how many were given out since the oldest that a session (pid) of its keeps, rate how many its sessions take per second, over ten seconds; a session beyond a limit (0: none) is ended';

CREATE FUNCTION appinfra.sessions(db_id text)
    RETURNS TABLE (pid int, username name, access text, application_name text, client_addr inet,
                   backend_start timestamptz, xact_start timestamptz, query_start timestamptz,
                   state_change timestamptz, wait_event_type text, wait_event text, state text,
                   query text)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_sessions';
COMMENT ON FUNCTION appinfra.sessions(text) IS
    'the sessions of a tenant''s logins in its database, with what they run. 42704 for an unknown database';

CREATE FUNCTION appinfra.terminate_session(db_id text, pid int, started timestamptz) RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_terminate_session';
COMMENT ON FUNCTION appinfra.terminate_session(text, int, timestamptz) IS
    'ends the session that sessions() shows with this pid and backend_start, when the transaction commits. False when there is none such (any more). 42704 for an unknown database, 22004';

CREATE FUNCTION appinfra.statements(db_id text)
    RETURNS TABLE (userid oid, dbid oid, toplevel boolean, queryid bigint, query text,
                   plans bigint, total_plan_time float8, min_plan_time float8, max_plan_time float8,
                   mean_plan_time float8, stddev_plan_time float8, calls bigint,
                   total_exec_time float8, min_exec_time float8, max_exec_time float8,
                   mean_exec_time float8, stddev_exec_time float8, rows bigint,
                   shared_blks_hit bigint, shared_blks_read bigint, shared_blks_dirtied bigint,
                   shared_blks_written bigint, local_blks_hit bigint, local_blks_read bigint,
                   local_blks_dirtied bigint, local_blks_written bigint, temp_blks_read bigint,
                   temp_blks_written bigint, blk_read_time float8, blk_write_time float8,
                   wal_records bigint, wal_fpi bigint, wal_bytes numeric)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_statements';
COMMENT ON FUNCTION appinfra.statements(text) IS
    'pg_stat_statements of a tenant''s database and roles. 42704 for an unknown database, 55000 where it is not loaded';

CREATE FUNCTION appinfra.verify_audit(
    OUT ok boolean, OUT sealed bigint, OUT unsealed bigint, OUT first_bad bigint, OUT detail text)
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_verify_audit';
COMMENT ON FUNCTION appinfra.verify_audit() IS
    'computes every seal of the audit log anew. ok: all fit their rows and each other. sealed counts rows, also those that retention has removed; unsealed ones are not protected yet; first_bad is the first id of the first batch that was changed. A log cut off at its end, seals included, is found by the heads alone: appinfrad verify-audit';

CREATE TYPE appinfra.minted_key AS (key_id text, token text, expires_at timestamptz);
COMMENT ON TYPE appinfra.minted_key IS 'an API key that was just made; token is its text, shown this once';
CREATE TYPE appinfra.key_state AS (key_id text, status text, workspace_status text);
COMMENT ON TYPE appinfra.key_state IS 'what may become of calls of a key';

CREATE FUNCTION appinfra.mint_key(
    db_id text, role text, name text = NULL, env text = 'live', valid_for interval = NULL) RETURNS appinfra.minted_key
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_mint_key';
COMMENT ON FUNCTION appinfra.mint_key(text, text, text, text, interval) IS
    'makes an API key of a workspace, named by db_id, workspace_id or a unique slug. role is dbadmin (access owner), dbuser (writer) or reader; env is dev, live or test. The token is shown this once. 22004, 22023 (role, env, a name over 128 bytes, valid_for), 42704 unknown, 42P09 for a slug that several have, 53400 beyond appinfra.key_limit, 55000 unless ready';

CREATE FUNCTION appinfra.publish_key(db_id text, role text, target_app text = NULL) RETURNS text
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_publish_key';
COMMENT ON FUNCTION appinfra.publish_key(text, text, text) IS
    'plans an API key of a workspace for an app, the workspaces own or another one of its owner, and returns its id. It is made when the sidecar claims it, and delivered as AGENTCOOPDB_API_KEY beside AGENTCOOPDB_GATEWAY_URL; rotate_credential() replaces it, unbind_variables() takes it away. 22004, 22023 role, 23505 the app has such a variable, 42501 another owners app, 42704, 53400, 55000 not ready, or appinfra.gateway_url is not set';

CREATE FUNCTION appinfra.rotate_key(key_id text, overlap interval = '24 hours') RETURNS appinfra.minted_key
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_rotate_key';
COMMENT ON FUNCTION appinfra.rotate_key(text, interval) IS
    'makes the successor of an active key, with the same role, env, name and time; the old one lives on for overlap, 90 days at most. 22004, 22023, 42704 unknown, 42710 rotated already, 53400, 55000 not active, or the workspace not ready';

CREATE FUNCTION appinfra.revoke_key(key_id text, reason text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_revoke_key';
COMMENT ON FUNCTION appinfra.revoke_key(text, text) IS
    'revokes an API key; again: nothing. A call that was not finished when this commits is rolled back; see wait_key_revoked(). 42704 unknown';

CREATE FUNCTION appinfra.wait_key_revoked(key_id text, timeout interval = '10 s') RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_wait_key_revoked';
COMMENT ON FUNCTION appinfra.wait_key_revoked(text, interval) IS
    'true when no call of the revoked key is between gateway_finish() and its end: from then on nothing of the key commits. After appinfra.gateway_commit_wait such calls are ended. False when the time is over before. 42704 unknown, 55000 not revoked, or not committed';

CREATE FUNCTION appinfra.gateway_hello(gateway text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_hello';
COMMENT ON FUNCTION appinfra.gateway_hello(text) IS
    'a gateway starts, or ends: revokes the logins that an earlier run of this name has left, and ends its calls';

CREATE FUNCTION appinfra.gateway_key(
    key_id text, secret_hash bytea, OUT db_id text, OUT workspace_id uuid, OUT role text, OUT env text,
    OUT name text, OUT status text, OUT workspace_status text, OUT expires_at timestamptz, OUT line text) RETURNS SETOF record
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    WITH found AS (
        SELECT k.*, t.workspace_id, t.status AS workspace FROM appinfra.key k JOIN appinfra.tenant t USING (db_id)
         WHERE k.key_id = $1 AND k.digest = $2),
    used AS (
        UPDATE appinfra.key u SET last_used_at = clock_timestamp()
         WHERE u.key_id IN (SELECT o.key_id FROM appinfra.key o JOIN found f USING (key_id)
                             WHERE f.revoked_at IS NULL
                               AND coalesce(f.last_used_at < clock_timestamp() - interval '1 minute', true)
                               FOR NO KEY UPDATE OF o SKIP LOCKED))
    SELECT k.db_id, k.workspace_id, k.role, k.env, k.name,
           CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
                WHEN k.expires_at <= clock_timestamp() THEN 'expired' ELSE 'active' END,
           k.workspace, k.expires_at, k.line FROM found k$$;
COMMENT ON FUNCTION appinfra.gateway_key(text, bytea) IS
    'the key whose secret has that SHA-256; no row: unknown or wrong. line is what appinfra.key_id is set to: the first key of those that replace each other. Records that the key is used';

-- Each reader's call asks: plpgsql keeps the plan of the query, which a function in SQL makes anew each time.
CREATE FUNCTION appinfra.gateway_keys(key_ids text[]) RETURNS SETOF appinfra.key_state
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RETURN QUERY
    SELECT k.key_id, CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
                WHEN k.expires_at <= clock_timestamp() THEN 'expired' ELSE 'active' END, t.status
      FROM appinfra.key k JOIN appinfra.tenant t USING (db_id) WHERE k.key_id = ANY ($1);
END $$;
COMMENT ON FUNCTION appinfra.gateway_keys(text[]) IS
    'the states of keys, for all calls that wait, in one trip; no row for an unknown one';

CREATE FUNCTION appinfra.gateway_login(gateway text, db_id text, access text) RETURNS appinfra.connection
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_login';
COMMENT ON FUNCTION appinfra.gateway_login(text, text, text) IS
    'makes a login of a gateway for a workspace, valid for appinfra.gateway_login_lifetime, and hands over its password; the one before it retires in 5 minutes. 22023, 42704 unknown, 55000 unless ready';

CREATE FUNCTION appinfra.gateway_begin(
    gateway text, key_id text, request_id text, endpoint text, client_address text, idempotency_key text,
    request_hash bytea, xid xid8, pid int,
    OUT call_id bigint, OUT verdict text, OUT status int, OUT body bytea) RETURNS record
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_begin';
COMMENT ON FUNCTION appinfra.gateway_begin(text, text, text, text, text, text, bytea, xid8, int) IS
    'reserves a call with an Idempotency-Key, or says what became of an earlier one: run, replay (with status and body), conflict, in_progress, key_inactive, workspace_inactive. xid is that of the open transaction in the workspace, NULL for a readers call; pid its backend. One that is in progress for more than twice appinfra.gateway_statement_timeout, which the gateway sets for its connection, is ended. May commit with synchronous_commit off: the caller sets it';

CREATE FUNCTION appinfra.gateway_finish(
    gateway text, key_id text, request_id text, endpoint text, client_address text, call_id bigint, xid xid8,
    status int, body bytea, detail jsonb) RETURNS boolean
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_finish';
COMMENT ON FUNCTION appinfra.gateway_finish(text, text, text, text, text, bigint, xid8, int, bytea, jsonb) IS
    'finishes a call before its COMMIT, with its audit row. call_id NULL: nothing is reserved. body NULL: the answer is not kept, and the idempotency key is free again. A call that commits without xid has the pid of its backend in detail, as "pid". False: the key was revoked meanwhile, its workspace is not ready, or the call is another attempts: roll back. May commit with synchronous_commit off: the caller sets it';

CREATE FUNCTION appinfra.gateway_report(gateway text, entries jsonb) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_report';
COMMENT ON FUNCTION appinfra.gateway_report(text, jsonb) IS
    'writes audit rows in a batch. An entry is a call {key_id, request_id, endpoint, client_address, status, time, detail}, or a refusal {refused, key_id, client_address, count, time, detail}; refused is unknown_key, key_inactive, workspace_inactive, rate or permission. 22023 otherwise';

CREATE FUNCTION appinfra.gateway_mint_key(
    caller_key_id text, role text, name text = NULL, env text = NULL, valid_for interval = NULL,
    idempotency_key text = NULL) RETURNS appinfra.minted_key
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_mint_key';
COMMENT ON FUNCTION appinfra.gateway_mint_key(text, text, text, text, interval, text) IS
    'mint_key() as asked for by a key, a dbadmin of the same workspace; env NULL is the callers. With an idempotency key again, while the key that it made was never used: revokes that and makes another; afterwards 42710. 28000 the caller is not active, 42501 no dbadmin';

CREATE FUNCTION appinfra.gateway_rotate_key(caller_key_id text, overlap interval = '24 hours') RETURNS appinfra.minted_key
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_rotate_key';
COMMENT ON FUNCTION appinfra.gateway_rotate_key(text, interval) IS
    'rotate_key() as asked for by the key itself. A successor that was never used is revoked and another made. 28000 the key is not active, 42710 its successor is in use';

CREATE FUNCTION appinfra.gateway_revoke_key(caller_key_id text, key_id text, reason text = NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_revoke_key';
COMMENT ON FUNCTION appinfra.gateway_revoke_key(text, text, text) IS
    'revoke_key() as asked for by a dbadmin of the same workspace, or by the key itself. 28000, 42501, 42704 not a key of the workspace';

CREATE FUNCTION appinfra.gateway_workspace(caller_key_id text) RETURNS text
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'appinfra_gateway_workspace';
COMMENT ON FUNCTION appinfra.gateway_workspace(text) IS
    'the db_id of a caller that may list its workspaces keys: an active dbadmin. 28000, 42501';

---------------------------------------------------------------------------------------------------
-- Views. None holds a secret or a verifier.
---------------------------------------------------------------------------------------------------

CREATE VIEW appinfra.apps AS
    SELECT app_id, coalesce(a.owner_user_id, t.owner_user_id) AS owner_user_id, a.slug,
           coalesce(t.databases, 0) AS databases, coalesce(a.created_at, t.created_at) AS created_at
      FROM appinfra.app a
      FULL JOIN (SELECT app_id, count(*) AS databases, min(created_at) AS created_at,
                        (array_agg(owner_user_id ORDER BY created_at, db_id))[1] AS owner_user_id
                   FROM appinfra.tenant WHERE status <> 'dropped' GROUP BY app_id) t USING (app_id);
COMMENT ON VIEW appinfra.apps IS 'apps, whose they are, and how many databases each has that are not dropped';

CREATE VIEW appinfra.databases AS
    SELECT t.db_id, t.app_id, t.owner_user_id, t.slug, t.engine, 'shared-tenant'::text AS shape,
           a.host AS shared_host, t.database::text, c.username::text, a.host, a.port, t.status,
           t.notes, coalesce(e.env_keys, '{}') AS env_keys, t.created_at, t.hardening,
           t.retained_until, t.rotate_after, t.last_error,
           t.connection_limit, t.statement_timeout, t.idle_in_transaction_timeout, t.workspace_id,
           t.disk_limit, t.expires_at
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
COMMENT ON VIEW appinfra.databases IS 'tenants and how their apps reach them';

CREATE VIEW appinfra.credentials AS
    SELECT c.username::text, c.db_id, c.access, c.state, b.target, b.variables, c.created_at,
           c.minted_at, c.published_at, c.first_login_at, c.valid_until,
           s.username::text AS successor,
           CASE c.state WHEN 'retiring' THEN least(c.retire_by, s.first_login_at + c.grace) END
               AS retires_at,
           c.revoked_at, c.reason, c.sessions_ended, c.sessions_ended_at, c.gone_at, c.attempts,
           c.last_error
      FROM appinfra.credential c
      LEFT JOIN appinfra.binding b USING (binding_id)
      LEFT JOIN LATERAL (
           SELECT s.username, s.first_login_at FROM appinfra.credential s
            WHERE s.binding_id = c.binding_id AND s.credential_id > c.credential_id
              AND c.state <> 'active' AND s.minted_at IS NOT NULL
              AND (c.state <> 'retiring' OR s.state IN ('active', 'retiring'))
            ORDER BY s.first_login_at NULLS LAST, s.published_at NULLS LAST, s.credential_id LIMIT 1) s ON true;
COMMENT ON VIEW appinfra.credentials IS 'logins of tenants and where they are in their life';

CREATE VIEW appinfra.bindings AS
    SELECT binding_id, db_id, app_id, target, variables, access, producer, version, ended, created_at, via,
           container, bucket_id, workspace
      FROM appinfra.binding;
COMMENT ON VIEW appinfra.bindings IS 'which credential or key stands in which variables of which target';

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

CREATE VIEW appinfra.publications AS
    SELECT p.publication_id, p.binding_id, b.db_id, b.app_id, b.target, p.kind, b.variables,
           p.status, p.version, c.username::text, p.attempt, p.worker, p.lease_until, p.not_before,
           p.delivered, p.error, p.response, p.created_at, p.claimed_at, p.ended_at,
           b.bucket_id, k.access_key, b.workspace, a.key_id
      FROM appinfra.publication p
      JOIN appinfra.binding b USING (binding_id)
      LEFT JOIN appinfra.credential c USING (credential_id)
      LEFT JOIN appinfra.bucket_key k USING (bucket_key_id)
      LEFT JOIN appinfra.key a ON a.number = p.key_number;
COMMENT ON VIEW appinfra.publications IS 'deliveries of variables to producers';

CREATE VIEW appinfra.unhealed AS
    SELECT b.db_id, b.app_id, b.target, CASE WHEN b.ended THEN 'unset' ELSE 'set' END AS kind,
           b.variables, b.stale_since AS since, p.publication_id,
           coalesce(p.status, 'waiting') AS status, coalesce(p.error, b.last_error) AS error,
           b.bucket_id, b.workspace
      FROM appinfra.binding b
      LEFT JOIN appinfra.tenant t ON t.db_id = coalesce(b.db_id, b.workspace)
      LEFT JOIN appinfra.bucket u USING (bucket_id)
      LEFT JOIN LATERAL (
           SELECT p.publication_id, p.status, p.error FROM appinfra.publication p
            WHERE p.binding_id = b.binding_id AND p.version > b.stale_version
              AND (p.kind = 'unset') = b.ended AND p.status NOT IN ('superseded', 'cancelled')
            ORDER BY p.publication_id DESC LIMIT 1) p ON true
     WHERE b.stale_version IS NOT NULL AND (b.ended OR t.status = 'ready' OR u.status IN ('planned', 'ready'));
COMMENT ON VIEW appinfra.unhealed IS 'variables whose value at the producer may be lost or somebody else''s since a failover or a restore, and where publishing them again stands';

CREATE VIEW appinfra.recovery AS
    SELECT timeline, floor, held_since, held_because, restored_to,
           (SELECT count(*) FROM appinfra.unhealed) AS unhealed
      FROM appinfra.host;
COMMENT ON VIEW appinfra.recovery IS 'the one row that says whether this host may be a copy, and how much is not healed after a failover or a restore';

CREATE VIEW appinfra.buckets AS
    SELECT b.bucket_id, b.app_id, b.owner_user_id, b.slug, b.bucket_name, k.access_key, b.endpoint_url,
           b.region, 'shared-' || b.backend AS shape,
           substring(b.endpoint_url FROM '^[a-z]+://(\[[^]]*\]|[^:/]+)') AS shared_host, b.status, b.notes,
           coalesce(e.env_keys, '{}') AS env_keys,
           coalesce(b.quota, appinfra.bucket_quota()) AS quota,
           b.objects, b.bytes, b.created_at, b.retained_until, b.generation, b.done_generation,
           coalesce(b.last_error, w.last_error) AS last_error, w.since AS behind_since
      FROM appinfra.bucket b
      LEFT JOIN appinfra.bucket_work w USING (bucket_id)
      LEFT JOIN LATERAL (
           SELECT g.variables AS env_keys FROM appinfra.binding g
            WHERE g.bucket_id = b.bucket_id AND NOT g.ended ORDER BY g.binding_id DESC LIMIT 1) e ON true
      LEFT JOIN LATERAL (
           SELECT k.access_key FROM appinfra.bucket_key k
            WHERE k.bucket_id = b.bucket_id AND k.state IN ('waiting', 'active')
            ORDER BY k.state = 'active' DESC, k.bucket_key_id DESC LIMIT 1) k ON true;
COMMENT ON VIEW appinfra.buckets IS 'buckets of apps and how they reach them';

CREATE VIEW appinfra.bucket_keys AS
    SELECT access_key, bucket_id, principal, access, state, created_at, minted_at, published_at, retires_at,
           revoked_at, reason, gone_at, attempts, last_error
      FROM appinfra.bucket_key;
COMMENT ON VIEW appinfra.bucket_keys IS 'access keys of buckets and where they are in their life';

CREATE VIEW appinfra.pool AS
    SELECT db_id, CASE status WHEN 'planned' THEN 'building' ELSE status END AS status,
           database::text, attempts, last_error, created_at, ready_at
      FROM appinfra.shell
     UNION ALL
    SELECT '-', 'building', 'appinfra_template', NULL, last_error, NULL, NULL
      FROM appinfra.template WHERE NOT ready;
COMMENT ON VIEW appinfra.pool IS
    'shells: ready to be claimed, or being built; and the template, as "-", while it is being built';

CREATE VIEW appinfra.expiring AS
    SELECT db_id, app_id, owner_user_id, expires_at,
           CASE WHEN expires_at <= now() + interval '1 hour' THEN '1 hour' ELSE '24 hours' END AS within
      FROM appinfra.tenant
     WHERE status IN ('ready', 'revoked') AND expires_at <= now() + interval '24 hours';
COMMENT ON VIEW appinfra.expiring IS 'databases that are deprovisioned by themselves within 24 hours';

CREATE VIEW appinfra.usage AS
    SELECT t.db_id, t.app_id, t.status, r.measured_at, u.size, u.temporary, u.disk_limit, u.disk_state,
           u.connections, u.transactions, u.blocks_read, u.blocks_hit, u.temp_bytes, u.deadlocks,
           u.oldest_transaction, u.locks, u.last_login
      FROM appinfra.tenant_usage u JOIN appinfra.tenant t USING (db_id)
      LEFT JOIN appinfra.usage_run r ON r.singleton;
COMMENT ON VIEW appinfra.usage IS 'what each tenant uses, as it was measured last (appinfra.usage_interval)';

CREATE VIEW appinfra.usage_history AS
    SELECT db_id, day, size, connections, transactions, blocks_read, blocks_hit, temp_bytes, deadlocks
      FROM appinfra.usage_day;
COMMENT ON VIEW appinfra.usage_history IS 'what each tenant has used by day (UTC), for a month';

CREATE VIEW appinfra.audit AS SELECT * FROM appinfra.audit_log;
COMMENT ON VIEW appinfra.audit IS 'every action of the functions and the worker, and every security event';

CREATE VIEW appinfra.audit_seals AS
    SELECT number, previous, after_id, last_id, rows, sealed_at, encode(hash, 'hex') AS hash
      FROM appinfra.audit_seal;
COMMENT ON VIEW appinfra.audit_seals IS 'seals of the audit log; the one with the highest number is the head';

CREATE VIEW appinfra.keys AS
    SELECT k.key_id, k.db_id, t.workspace_id, k.role, k.env, k.name,
           CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
                WHEN k.expires_at <= clock_timestamp() THEN 'expired' ELSE 'active' END AS status,
           k.created_at, k.created_by, k.expires_at, k.revoked_at, k.reason, k.replaces, k.last_used_at
      FROM appinfra.key k JOIN appinfra.tenant t USING (db_id);
COMMENT ON VIEW appinfra.keys IS 'API keys of workspaces';

CREATE VIEW appinfra.calls AS
    SELECT c.call_id, c.db_id, c.key_id, c.request_id, c.endpoint, c.gateway, c.state, c.status,
           CASE WHEN c.outcome IS NOT NULL THEN c.outcome
                WHEN c.state = 'running' THEN NULL
                WHEN c.xid IS NULL THEN CASE WHEN c.status < 400 THEN 'committed' ELSE 'rolled back' END
                WHEN c.host_id <> h.host_id THEN 'unknown'
                ELSE CASE pg_xact_status(c.xid) WHEN 'committed' THEN 'committed' WHEN 'aborted' THEN 'rolled back'
                          WHEN 'in progress' THEN NULL ELSE 'unknown' END END AS outcome,
           c.started_at, c.finished_at, c.expires_at
      FROM appinfra.call c CROSS JOIN appinfra.host h;
COMMENT ON VIEW appinfra.calls IS 'calls with an Idempotency-Key that are kept; outcome is NULL while it is open';

CREATE FUNCTION appinfra.gateway_list_keys(caller_key_id text) RETURNS SETOF appinfra.keys
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT * FROM appinfra.keys WHERE db_id = appinfra.gateway_workspace($1) ORDER BY created_at, key_id$$;
COMMENT ON FUNCTION appinfra.gateway_list_keys(text) IS
    'the keys of the callers workspace, for a dbadmin. 28000, 42501';

CREATE FUNCTION appinfra.gateway_key_counts() RETURNS TABLE (status text, keys bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT k.status, count(*) FROM appinfra.keys k GROUP BY 1$$;
COMMENT ON FUNCTION appinfra.gateway_key_counts() IS 'how many keys the host has of each status, for metrics';

---------------------------------------------------------------------------------------------------
-- The state of the host, for those who may not look at it.
---------------------------------------------------------------------------------------------------

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

---------------------------------------------------------------------------------------------------
-- Rights.
---------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA appinfra FROM PUBLIC;

GRANT USAGE ON SCHEMA appinfra TO appinfra_admin, appinfra_publisher, appinfra_auditor;

GRANT SELECT ON appinfra.apps, appinfra.databases, appinfra.credentials, appinfra.bindings, appinfra.services,
    appinfra.publications, appinfra.pool, appinfra.unhealed, appinfra.buckets, appinfra.bucket_keys TO appinfra_admin, appinfra_auditor;
GRANT SELECT ON appinfra.recovery TO appinfra_admin, appinfra_auditor, appinfra_publisher;
GRANT SELECT ON appinfra.audit TO appinfra_auditor, appinfra_admin;
GRANT SELECT ON appinfra.audit_seals TO appinfra_auditor, appinfra_admin, appinfra_publisher;
GRANT EXECUTE ON FUNCTION appinfra.verify_audit(), appinfra.xid_use() TO appinfra_auditor, appinfra_admin;

GRANT EXECUTE ON FUNCTION appinfra.version(), appinfra.host_id(), appinfra.guard_state(), appinfra.held_because()
    TO appinfra_admin, appinfra_publisher, appinfra_auditor;
GRANT EXECUTE ON FUNCTION appinfra.server_certificate(), appinfra.host_facts()
    TO appinfra_admin, appinfra_publisher, appinfra_auditor;
GRANT EXECUTE ON FUNCTION appinfra.public_address(), appinfra.service_username(text, text)
    TO appinfra_admin, appinfra_auditor;
GRANT EXECUTE ON FUNCTION
    appinfra.provision_tenant(text, text, text, text, jsonb, boolean, text, interval),
    appinfra.register_app(text, text, text),
    appinfra.unregister_app(text),
    appinfra.transfer_app(text, text),
    appinfra.retry_publication(bigint),
    appinfra.republish(text),
    appinfra.accept_restore(timestamptz),
    appinfra.rotate_credential(text, text, interval, interval, boolean, text, text),
    appinfra.alter_tenant(text, int, interval, interval, bigint, interval),
    appinfra.bind_variables(text, jsonb, boolean, text),
    appinfra.bind_app(text, text, jsonb, boolean, text),
    appinfra.unbind_variables(text, text[], text, text),
    appinfra.issue_credential(text, text, interval),
    appinfra.create_service_user(text, text, text, text, boolean),
    appinfra.drop_service_user(text, text, text),
    appinfra.rotate_service_user(text, text, text, interval, interval, boolean),
    appinfra.set_services(text, jsonb),
    appinfra.set_rotation(text, interval),
    appinfra.revoke_credential(text, text),
    appinfra.wait_revoked(text, interval),
    appinfra.revoke_tenant(text, text),
    appinfra.retention(),
    appinfra.deprovision_tenant(text, interval),
    appinfra.restore_tenant(text, boolean),
    appinfra.harden_tenant(text),
    appinfra.install_extension(text, text, text)
    TO appinfra_admin;
GRANT EXECUTE ON FUNCTION
    appinfra.provision_bucket(text, text, text, text, bigint, boolean, text),
    appinfra.rotate_bucket_key(text, interval, boolean),
    appinfra.finish_bucket_rotation(text),
    appinfra.revoke_bucket_key(text, text),
    appinfra.forget_bucket_key(text),
    appinfra.wait_bucket_revoked(text, interval),
    appinfra.revoke_bucket(text, text),
    appinfra.deprovision_bucket(text, interval),
    appinfra.restore_bucket(text, boolean),
    appinfra.set_bucket_quota(text, bigint)
    TO appinfra_admin;
GRANT EXECUTE ON FUNCTION appinfra.bucket_quota() TO appinfra_admin, appinfra_auditor;
GRANT EXECUTE ON FUNCTION appinfra.exposures(text) TO appinfra_admin, appinfra_auditor;
GRANT EXECUTE ON FUNCTION
    appinfra.claim_publications(text, int, interval, text[]),
    appinfra.extend_claim(bigint, uuid, interval),
    appinfra.complete_publication(bigint, uuid, jsonb),
    appinfra.fail_publication(bigint, uuid, text, text, timestamptz),
    appinfra.record_bucket_key(bigint, uuid, text),
    appinfra.claim_bucket_work(text, int, interval, interval),
    appinfra.extend_bucket_work(text, uuid, interval),
    appinfra.complete_bucket_work(text, uuid, bigint, jsonb),
    appinfra.fail_bucket_work(text, uuid, text, text, timestamptz),
    appinfra.begin_bucket_handout(text, text, interval),
    appinfra.report_unknown_buckets(text[])
    TO appinfra_publisher;
GRANT SELECT ON appinfra.keys, appinfra.calls TO appinfra_admin, appinfra_auditor;
GRANT USAGE ON SCHEMA appinfra TO appinfra_gateway;
GRANT EXECUTE ON FUNCTION appinfra.version(), appinfra.host_id(), appinfra.guard_state() TO appinfra_gateway;
GRANT EXECUTE ON FUNCTION
    appinfra.mint_key(text, text, text, text, interval),
    appinfra.publish_key(text, text, text),
    appinfra.rotate_key(text, interval),
    appinfra.revoke_key(text, text),
    appinfra.wait_key_revoked(text, interval)
    TO appinfra_admin;
GRANT EXECUTE ON FUNCTION
    appinfra.gateway_hello(text),
    appinfra.gateway_key(text, bytea),
    appinfra.gateway_keys(text[]),
    appinfra.gateway_login(text, text, text),
    appinfra.gateway_begin(text, text, text, text, text, text, bytea, xid8, int),
    appinfra.gateway_finish(text, text, text, text, text, bigint, xid8, int, bytea, jsonb),
    appinfra.gateway_report(text, jsonb),
    appinfra.gateway_mint_key(text, text, text, text, interval, text),
    appinfra.gateway_rotate_key(text, interval),
    appinfra.gateway_revoke_key(text, text, text),
    appinfra.gateway_list_keys(text),
    appinfra.gateway_key_counts()
    TO appinfra_gateway;
GRANT SELECT ON appinfra.usage, appinfra.usage_history, appinfra.expiring TO appinfra_admin, appinfra_auditor;
GRANT EXECUTE ON FUNCTION
    appinfra.sessions(text),
    appinfra.terminate_session(text, int, timestamptz),
    appinfra.statements(text)
    TO appinfra_admin;
