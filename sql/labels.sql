-- Labels: only superusers set them, on roles and databases only, and only in their shape.

\pset format unaligned
CREATE ROLE regress_labelled;
CREATE ROLE regress_owner CREATEROLE CREATEDB;

-- Three words, neither more nor fewer, each short.
SELECT label, t.try(format('SECURITY LABEL FOR appinfra ON ROLE regress_labelled IS %L', label)) AS result
  FROM unnest(ARRAY['', ' ', 'one', 'one two', 'one two ', 'one  two three', ' one two three', 'one two three ',
                    'one two three four', 'one two ' || repeat('x', 32), repeat('x', 32) || ' two three',
                    'one two ' || repeat('x', 31), 'db-0123456789ab login owner']) label;
SELECT label FROM pg_shseclabel WHERE objoid = 'regress_labelled'::regrole;

-- Not by who owns or may alter the object, be it his own role, database or table.
CREATE TABLE t.regress_table ();
ALTER TABLE t.regress_table OWNER TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
CREATE ROLE regress_mine;
SELECT t.try($$ SECURITY LABEL FOR appinfra ON ROLE regress_mine IS 'db-0123456789ab login owner' $$);
SELECT t.try($$ SECURITY LABEL FOR appinfra ON ROLE regress_owner IS NULL $$);
SELECT t.try($$ SECURITY LABEL FOR appinfra ON ROLE regress_labelled IS NULL $$);
SELECT t.try($$ SECURITY LABEL FOR appinfra ON TABLE t.regress_table IS 'a b c' $$);
RESET SESSION AUTHORIZATION;

-- Nothing but roles and databases carries one, not even a superuser's.
SELECT t.try($$ SECURITY LABEL FOR appinfra ON TABLE t.regress_table IS 'a b c' $$);
SELECT t.try($$ SECURITY LABEL FOR appinfra ON SCHEMA t IS 'a b c' $$);
SELECT t.try($$ SECURITY LABEL FOR appinfra ON FUNCTION t.mask(text) IS 'a b c' $$);
SELECT t.try($$ SECURITY LABEL FOR appinfra ON TABLESPACE pg_default IS 'a b c' $$);

-- A database carries one, like a role.
BEGIN;
SELECT t.try($$ SECURITY LABEL FOR appinfra ON DATABASE template1 IS '- template 1' $$);
ROLLBACK;

-- A superuser takes one away again.
SELECT t.try($$ SECURITY LABEL FOR appinfra ON ROLE regress_labelled IS NULL $$);
SELECT count(*) AS labels FROM pg_shseclabel WHERE objoid = 'regress_labelled'::regrole;
DROP TABLE t.regress_table;
DROP ROLE regress_mine, regress_owner, regress_labelled;

-- Every role and database of a tenant has its label, with the tenant's id; nobody else's has one.
SELECT count(*) > 10 AS tenants,
       bool_and(5 <= (SELECT count(*) FROM pg_roles r JOIN pg_shseclabel l ON l.objoid = r.oid
                       WHERE l.classoid = 'pg_authid'::regclass AND l.label LIKE t.db_id || ' %')) AS roles,
       bool_and((SELECT l.label = t.db_id || ' tenant ' || t.hardening FROM pg_shseclabel l
                  WHERE l.classoid = 'pg_database'::regclass AND l.objoid = t.database_oid)) AS databases
  FROM appinfra.tenant t WHERE status = 'ready';
SELECT c.username FROM appinfra.credentials c JOIN pg_roles r ON r.rolname = c.username
 WHERE c.state <> 'gone' AND (SELECT label FROM pg_shseclabel WHERE objoid = r.oid AND classoid = 'pg_authid'::regclass)
       IS DISTINCT FROM format('%s login %s', c.db_id, c.access);
SELECT r.rolname FROM pg_roles r JOIN pg_shseclabel l ON l.objoid = r.oid AND l.classoid = 'pg_authid'::regclass
 WHERE r.rolname !~ '^(app|svc|appinfra)_';
