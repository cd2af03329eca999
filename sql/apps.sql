-- Apps and their owners: an app has one owner, and nobody else's database reaches its environment.

-- A claim registers a new app; the audit says so.
SELECT status FROM appinfra.provision_tenant('app-own', 'ann@example.com', 'owned');
SELECT app_id, owner_user_id, slug, databases FROM appinfra.apps WHERE app_id = 'app-own';
SELECT action, detail FROM appinfra.audit WHERE detail->>'app_id' = 'app-own' ORDER BY id;

-- The owner may have more databases in it; nobody else any, whatever the variable.
SELECT status FROM appinfra.provision_tenant('app-own', 'ann@example.com', 'second', env => '{"SECOND_URL": "reader"}');
SELECT t.registry() AS before \gset
SELECT t.try($$ SELECT appinfra.provision_tenant('app-own', 'eve@example.com', 'stolen', env => '{"STOLEN_URL": "owner"}') $$);
SELECT t.try($$ SELECT appinfra.register_app('app-own', 'eve@example.com') $$);
SELECT t.registry() = :'before' AS unchanged;

-- Registered before it has a database: the slug is the default one, and another call changes it.
SELECT appinfra.register_app('app-reg', 'ann@example.com', 'reg');
SELECT database FROM appinfra.provision_tenant('app-reg', 'ann@example.com', NULL);
SELECT appinfra.register_app('app-reg', 'ann@example.com', 'reg-other');
SELECT database FROM appinfra.provision_tenant('app-reg', 'ann@example.com', NULL, env => '{"OTHER_URL": "owner"}');
SELECT appinfra.register_app('app-reg', 'ann@example.com');
SELECT t.try($$ SELECT appinfra.provision_tenant('app-reg', 'ann@example.com', NULL, env => '{"THIRD_URL": "owner"}') $$);
SELECT app_id, owner_user_id, slug, databases FROM appinfra.apps WHERE app_id = 'app-reg';

-- Transfer: the app, all its databases, one transaction. What people had is revoked, what the app has is not.
SELECT db_id FROM appinfra.databases WHERE app_id = 'app-own' AND slug = 'owned' \gset
SELECT (appinfra.issue_credential(:'db_id', 'reader')).username AS issued \gset
SELECT appinfra.transfer_app('app-own', 'bob@example.com');
SELECT owner_user_id FROM appinfra.apps WHERE app_id = 'app-own';
SELECT slug, owner_user_id FROM appinfra.databases WHERE app_id = 'app-own' ORDER BY slug;
SELECT state IN ('revoked', 'gone') AS revoked, reason FROM appinfra.credentials WHERE username = :'issued';
SELECT count(*) AS of_the_app FROM appinfra.credentials WHERE db_id = :'db_id' AND state = 'waiting' AND variables IS NOT NULL;
SELECT detail FROM appinfra.audit WHERE action = 'transfer_app' ORDER BY id DESC LIMIT 1;
SELECT t.try($$ SELECT appinfra.provision_tenant('app-own', 'ann@example.com', 'late', env => '{"LATE_URL": "owner"}') $$);

-- To its own owner, or rolled back: nothing, and no audit row.
SELECT (SELECT string_agg(a::text, ' ' ORDER BY app_id) FROM appinfra.apps a) AS apps,
       (SELECT count(*) FROM appinfra.audit WHERE action = 'transfer_app') AS transfers \gset
SELECT appinfra.transfer_app('app-own', 'bob@example.com');
BEGIN;
SELECT appinfra.transfer_app('app-own', 'carol@example.com');
ROLLBACK;
SELECT (SELECT string_agg(a::text, ' ' ORDER BY app_id) FROM appinfra.apps a) = :'apps' AS unchanged,
       (SELECT count(*) FROM appinfra.audit WHERE action = 'transfer_app') = :transfers AS none_recorded;

-- Forgetting one: not while a database of it is there in any form.
SELECT t.try($$ SELECT appinfra.unregister_app('app-reg') $$) ~ '^55000' AS refused;
SELECT appinfra.register_app('app-empty', 'ann@example.com');
SELECT appinfra.unregister_app('app-empty');
SELECT count(*) FROM appinfra.apps WHERE app_id = 'app-empty';
SELECT appinfra.register_app('app-empty', 'eve@example.com');
SELECT appinfra.unregister_app('app-empty');

-- A registry of an older release has databases without apps: they are their owner's all the same.
DELETE FROM appinfra.app WHERE app_id = 'app-reg';
SELECT t.try($$ SELECT appinfra.provision_tenant('app-reg', 'eve@example.com', 'stolen', env => '{"STOLEN_URL": "owner"}') $$);
SELECT t.try($$ SELECT appinfra.register_app('app-reg', 'eve@example.com') $$);
SELECT status FROM appinfra.provision_tenant('app-reg', 'ann@example.com', 'reg2', env => '{"FOURTH_URL": "owner"}');
SELECT owner_user_id, databases FROM appinfra.apps WHERE app_id = 'app-reg';
SELECT appinfra.transfer_app('app-reg', 'bob@example.com');
SELECT owner_user_id, databases FROM appinfra.apps WHERE app_id = 'app-reg';

-- Such a registry may have databases of several owners in one app: the oldest one's is the owner, the rest shows.
UPDATE appinfra.tenant SET owner_user_id = 'eve@example.com' WHERE app_id = 'app-reg' AND slug = 'reg2';
SELECT severity, rule, e.database, object, grantee, detail, replace(remedy, d.db_id, 'ID') AS remedy
  FROM appinfra.databases d, appinfra.exposures(d.db_id) e WHERE d.app_id = 'app-reg' AND e.rule = 'app_owner';
SELECT appinfra.transfer_app('app-reg', 'ann@example.com');
SELECT count(*) FROM appinfra.exposures() WHERE rule = 'app_owner';

-- Bad input.
SELECT call, t.try(call) FROM (VALUES
    ($$ SELECT appinfra.register_app(NULL, 'u') $$),
    ($$ SELECT appinfra.register_app('a', NULL) $$),
    ($$ SELECT appinfra.register_app('', 'u') $$),
    ($$ SELECT appinfra.register_app('a b', 'u') $$),
    ($$ SELECT appinfra.register_app('a', '') $$),
    ($$ SELECT appinfra.register_app('a', 'u', 'No Slug') $$),
    ($$ SELECT appinfra.unregister_app(NULL) $$),
    ($$ SELECT appinfra.unregister_app('unknown') $$),
    ($$ SELECT appinfra.transfer_app(NULL, 'u') $$),
    ($$ SELECT appinfra.transfer_app('app-own', NULL) $$),
    ($$ SELECT appinfra.transfer_app('app-own', E'a\nb') $$),
    ($$ SELECT appinfra.transfer_app('unknown', 'u') $$)) v (call);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT t.try($$ SELECT appinfra.register_app('app-rr', 'u') $$);
ROLLBACK;
BEGIN READ ONLY;
SELECT t.try($$ SELECT appinfra.register_app('app-ro', 'u') $$);
ROLLBACK;
