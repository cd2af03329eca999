-- CREATE EXTENSION: where it works, what it makes, and what is closed afterwards.

-- From version 18 on an error in an extension's script says where in it.
\set SHOW_CONTEXT never

-- In any other database it is refused, and says which one it is for.
CREATE DATABASE appinfra_elsewhere;
\set control :DBNAME
\c appinfra_elsewhere
CREATE EXTENSION appinfra;
SELECT count(*) AS schemas FROM pg_namespace WHERE nspname = 'appinfra';
\c :control
DROP DATABASE appinfra_elsewhere;

-- A group role of the lanes is not taken over from somebody whom the host knows as a tenant's.
CREATE ROLE appinfra_auditor;
SECURITY LABEL FOR appinfra ON ROLE appinfra_auditor IS 'db-0123456789ab group reader';
CREATE EXTENSION appinfra;
SELECT count(*) AS schemas FROM pg_namespace WHERE nspname = 'appinfra';
DROP ROLE appinfra_auditor;

-- Somebody else's schema of that name is not taken over either.
CREATE SCHEMA appinfra;
CREATE EXTENSION appinfra;
DROP SCHEMA appinfra;

-- Only a superuser installs.
CREATE ROLE regress_installer;
SET ROLE regress_installer;
CREATE EXTENSION appinfra;
RESET ROLE;
DROP ROLE regress_installer;

-- In the control database it works. Its own check cannot be called by hand.
CREATE EXTENSION appinfra;
CREATE EXTENSION appinfra;
SELECT appinfra.check_installation();
SELECT extversion = appinfra.version() AS version_told, extrelocatable FROM pg_extension
 WHERE extname = 'appinfra';
SELECT appinfra.host_id() = host_id AS host_told FROM appinfra.host;

-- The roles of the lanes can do nothing by themselves and log nobody in.
SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
  FROM pg_roles WHERE rolname ~ '^appinfra_(admin|publisher|auditor|gateway)$' ORDER BY 1;
SELECT count(*) AS memberships FROM pg_auth_members
 WHERE roleid::regrole::text ~ '^appinfra_(admin|publisher|auditor|gateway)$'
    OR member::regrole::text ~ '^appinfra_(admin|publisher|auditor|gateway)$';

-- The control database and template1 are closed to PUBLIC.
SELECT datname, has_database_privilege('appinfra_auditor', oid, 'CONNECT') AS connect,
       has_database_privilege('appinfra_auditor', oid, 'TEMP') AS temp
  FROM pg_database WHERE datname IN ('template1', current_database()) ORDER BY 1;

-- What every test below looks at: what the extension owns.
CREATE TEMP VIEW member AS
    SELECT classid, objid, pg_describe_object(classid, objid, 0) AS object
      FROM pg_depend
     WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
       AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'appinfra');

-- It owns its schema; nothing of it stands elsewhere.
SELECT object FROM member WHERE classid = 'pg_namespace'::regclass;
SELECT proname FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
 WHERE pronamespace <> 'appinfra'::regnamespace;

-- PUBLIC may nothing: no function, no relation, no type beyond using it, no schema.
SELECT p.oid::regprocedure AS open_function
  FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
 CROSS JOIN aclexplode(coalesce(proacl, acldefault('f', proowner))) a
 WHERE a.grantee = 0;
SELECT c.oid::regclass AS open_relation
  FROM pg_class c CROSS JOIN aclexplode(coalesce(relacl, acldefault('r', relowner))) a
 WHERE relnamespace = 'appinfra'::regnamespace AND relkind IN ('r', 'v', 'S') AND a.grantee = 0;
SELECT privilege_type AS open_schema
  FROM pg_namespace CROSS JOIN aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
 WHERE nspname = 'appinfra' AND a.grantee = 0;

-- Every function that runs as its owner pins its search_path.
SELECT p.oid::regprocedure AS unpinned
  FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
 WHERE prosecdef AND ('search_path=pg_catalog, pg_temp' = ANY (proconfig)) IS NOT TRUE;
SELECT count(*) > 5 AS some_are_definers
  FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass WHERE prosecdef;

-- Every function, relation and type has a comment.
SELECT object AS without_comment FROM member
 WHERE classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass,
                   'pg_type'::regclass)
   AND NOT (classid = 'pg_class'::regclass AND EXISTS (
            SELECT FROM pg_class WHERE oid = objid AND relkind IN ('S', 'i')))
   AND NOT (classid = 'pg_type'::regclass AND EXISTS (
            SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
             WHERE t.oid = objid AND (t.typelem <> 0 OR c.relkind IN ('r', 'v'))))
   AND obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
 ORDER BY 1;

-- Who may call what. Only the extension's owner calls what nobody is named for.
SELECT p.oid::regprocedure AS function,
       (SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles r
         WHERE r.rolname ~ '^appinfra_(admin|publisher|auditor|gateway)$'
           AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')) AS callers
  FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
 ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Who may read what, and that nobody writes anything.
SELECT c.relname, c.relkind,
       (SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles r
         WHERE r.rolname ~ '^appinfra_(admin|publisher|auditor|gateway)$'
           AND has_table_privilege(r.rolname, c.oid, 'SELECT')) AS readers,
       (SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles r
         WHERE r.rolname ~ '^appinfra_(admin|publisher|auditor|gateway)$'
           AND has_table_privilege(r.rolname, c.oid,
               'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')) AS writers
  FROM pg_class c
 WHERE relnamespace = 'appinfra'::regnamespace AND relkind IN ('r', 'v')
 ORDER BY relname COLLATE "C";

-- No view has a column for a secret or a verifier.
SELECT attrelid::regclass, attname FROM pg_attribute
 WHERE attrelid IN (SELECT oid FROM pg_class
                     WHERE relnamespace = 'appinfra'::regnamespace AND relkind IN ('r', 'v'))
   AND attname ~ 'password|secret|verifier|url' AND attname <> 'endpoint_url';

-- A dump keeps the registry and its sequences; shells and the template belong to this server.
SELECT c.relname FROM pg_extension e JOIN pg_class c ON c.oid = ANY (e.extconfig)
 WHERE e.extname = 'appinfra' ORDER BY relname COLLATE "C";
SELECT c.relname AS not_in_a_dump FROM pg_extension e JOIN pg_class c
    ON c.relnamespace = 'appinfra'::regnamespace AND c.relkind IN ('r', 'S')
   AND c.oid <> ALL (e.extconfig)
 WHERE e.extname = 'appinfra' ORDER BY relname COLLATE "C";
