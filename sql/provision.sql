-- provision_tenant: what a caller gets, what the host then has, and what the views show.

-- The main job. The sidecar carries the password, so nobody sees it here.
SELECT t.mask(to_jsonb(c)::text) AS connection
  FROM appinfra.provision_tenant('app-12345678', 'user@example.com', 'my-app') c;
SELECT t.mask(d::text) AS database
  FROM (SELECT db_id, app_id, owner_user_id, slug, engine, shape, shared_host, database, username, host,
               status, notes, env_keys FROM appinfra.databases) d;
SELECT port = current_setting('port')::int AS port_told, created_at BETWEEN now() - interval '1 min'
       AND clock_timestamp() AS just_now FROM appinfra.databases;
SELECT username, access, state, target, variables, minted_at, published_at, successor, retires_at
  FROM appinfra.credentials;
SELECT app_id, target, variables, access, producer, version, ended FROM appinfra.bindings;
SELECT app_id, target, kind, variables, status, version, username, attempt, worker, error
  FROM appinfra.publications;
SELECT actor, effective_role, database, action, t.mask(db_id), credential, outcome, detail
  FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id;

-- The database is the tenant's in rights, never in ownership: an owner can lock everybody out.
SELECT datdba::regrole AS owner, datallowconn, datconnlimit, datistemplate,
       has_database_privilege('public', oid, 'CONNECT') OR has_database_privilege('public', oid, 'TEMP')
           AS open_to_public
  FROM pg_database WHERE datname = 'app_myapp';
SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee,
       string_agg(privilege_type, ', ' ORDER BY privilege_type) AS privileges, bool_or(is_grantable) AS grantable
  FROM pg_database CROSS JOIN aclexplode(datacl) a
 WHERE datname = 'app_myapp' AND a.grantee <> datdba GROUP BY a.grantee ORDER BY 1;

-- Four groups that log nobody in, one login that owns nothing and is in one group. Each is labelled.
SELECT r.rolname, r.rolcanlogin AS login, r.rolinherit AS inherits, r.rolbypassrls AS bypass,
       r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication AS mighty,
       a.rolpassword IS NOT NULL AS password, t.mask(l.label) AS label,
       ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid) AS member_of,
       s.setconfig AS settings
  FROM pg_roles r JOIN pg_authid a USING (oid)
  LEFT JOIN pg_shseclabel l ON l.objoid = r.oid AND l.classoid = 'pg_authid'::regclass
  LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid
 WHERE r.rolname LIKE 'app\_myapp%' ORDER BY 1;
SELECT t.mask(label) AS label FROM pg_shseclabel
 WHERE objoid = (SELECT oid FROM pg_database WHERE datname = 'app_myapp')
   AND classoid = 'pg_database'::regclass;

-- Without publishing, the answer is the one place that carries the password.
SELECT * FROM appinfra.provision_tenant('app-direct', 'user@example.com', 'direct', publish => false) \gset
SELECT t.mask(:'url') AS url, :'status' AS status, :'host' AS host, :'port' = current_setting('port') AS port,
       :'database' AS database, :'username' AS username;
SELECT :'password' ~ '^[A-Za-z0-9_-]{44}$' AS shaped,
       :'url' = format('postgresql://%s:%s@%s:%s/%s?sslmode=prefer', :'username', :'password', :'host', :'port',
                       :'database') AS url_by_rule,
       :'env'::jsonb = jsonb_build_object('DATABASE_URL', :'url') AS env_has_url,
       t.has_password(:'username', :'password') AS logs_in;
SELECT username, state, minted_at IS NOT NULL AS minted, published_at FROM appinfra.credentials
 WHERE db_id = :'db_id';
SELECT count(*) AS publications FROM appinfra.publications WHERE db_id = :'db_id';

-- Several variables: one login each; the first name is DATABASE_URL's, wherever it stands in env.
SELECT * FROM appinfra.provision_tenant('app-many', 'user@example.com', 'many', publish => false, env =>
    '{"A_SERVICE_URL": "service", "READ_URL": "reader", "DATABASE_URL": "writer", "_MIGRATE": "owner"}') \gset
SELECT :'username' AS username, t.mask(:'url') AS url, :'env'::jsonb ->> 'DATABASE_URL' = :'url' AS first;
SELECT key, t.mask(value) AS value FROM jsonb_each_text(:'env'::jsonb) ORDER BY 1;
SELECT c.username, c.access, c.variables, s.setconfig[1] AS role, s.setconfig[7] AS more,
       ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid) AS member_of,
       t.has_password(c.username, substring(:'env'::jsonb ->> c.variables[1] FROM ':([^:@/]{44})@')) AS logs_in
  FROM appinfra.credentials c JOIN pg_roles r ON r.rolname = c.username
  JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE c.db_id = :'db_id' ORDER BY 1;
SELECT username, env_keys FROM appinfra.databases WHERE db_id = :'db_id';

-- Without DATABASE_URL the first variable in order is told.
SELECT t.mask(to_jsonb(c)::text) AS connection FROM appinfra.provision_tenant('app-many', 'user@example.com',
    'other', env => '{"Z_URL": "owner", "B_URL": "reader"}') c;

-- A name that is taken gets a suffix: the same slug, one that differs by a hyphen, a long one.
SELECT t.mask(c.database) AS database, c.username = c.database AS same_login, octet_length(c.database) AS bytes
  FROM unnest(ARRAY['my-app', 'myapp', 'm-y-app']) slug,
       appinfra.provision_tenant('app-' || slug, 'u', slug) c;
SELECT c.database AS first FROM appinfra.provision_tenant('app-l1', 'u', repeat('long-', 12) || 'ok') c;
SELECT c.database ~ '^app_(long){9}l_[0-9a-f]_[0-9a-f]{6}$' AS shaped,
       octet_length(c.database) AS bytes
  FROM appinfra.provision_tenant('app-l2', 'u', repeat('long-', 12) || 'ok') c;

-- A role or a database of somebody else is never taken over, one of a group's name included.
CREATE ROLE app_taken1;
CREATE ROLE app_taken2_reader;
CREATE DATABASE app_taken3 TEMPLATE template0;
SELECT t.mask(c.database) AS database FROM unnest(ARRAY['taken1', 'taken2', 'taken3']) slug,
       appinfra.provision_tenant('app-' || slug, 'u', slug) c;
SELECT rolname FROM pg_roles WHERE rolname ~ '^app_taken[123](_[a-z]+)?$' ORDER BY 1;
DROP ROLE app_taken1, app_taken2_reader;
DROP DATABASE app_taken3;

-- A later login steps over a name that a stranger has.
CREATE ROLE app_stepping_2;
SELECT count(*) FROM appinfra.provision_tenant('app-stepping', 'u', 'stepping',
    env => '{"DATABASE_URL": "writer", "DATABASE_SERVICE_URL": "service"}');
SELECT username FROM appinfra.credentials WHERE target = 'app-stepping' ORDER BY 1;
DROP ROLE app_stepping_2;

-- One app, two databases: another variable is needed. Other apps have their own.
SELECT t.try($$ SELECT appinfra.provision_tenant('app-12345678', 'user@example.com', 'second') $$);
SELECT t.try($$ SELECT appinfra.provision_tenant('app-12345678', 'user@example.com', 'second',
    env => '{"SECOND_URL": "owner", "DATABASE_URL": "owner"}') $$);
SELECT t.try($$ SELECT (appinfra.provision_tenant('app-12345678', 'user@example.com', 'second',
    env => '{"SECOND_URL": "owner"}')).env $$);

-- Ids are opaque: the longest, a UUID, one that looks like a path.
SELECT t.try(format('SELECT (appinfra.provision_tenant(%L, %L, %L)).status', app_id, owner, 'opaque'))
  FROM (VALUES (repeat('~', 128), repeat('x', 320)),
               ('3f0c2f0e-8a51-4c0b-9d3f-000000000001', 'Ünï ©ode 😀'),
               ('../svc/100%', 'u')) v (app_id, owner);
SELECT target, variables FROM appinfra.bindings WHERE app_id ~ 'svc';
