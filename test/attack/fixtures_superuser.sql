-- What a superuser has left in the tenant's database before the tenant tries: a function that runs
-- whatever it is given, functions under other names, an untrusted language, foreign servers.
CREATE SCHEMA attack_su;
GRANT USAGE ON SCHEMA attack_su TO PUBLIC;
CREATE FUNCTION attack_su.run(command text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN EXECUTE command; RETURN 'ran'; END $$;
CREATE FUNCTION attack_su.hash_of(role name) RETURNS text LANGUAGE sql SECURITY DEFINER
    AS 'SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = role';
CREATE VIEW attack_su.passwords AS SELECT rolname, rolpassword FROM pg_catalog.pg_authid;
GRANT SELECT ON attack_su.passwords TO PUBLIC;

CREATE FUNCTION attack_su.alias_read(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all';
CREATE FUNCTION attack_su.alias_ls(text) RETURNS SETOF text LANGUAGE internal AS 'pg_ls_dir_1arg';
CREATE FUNCTION attack_su.alias_import(text) RETURNS oid LANGUAGE internal AS 'be_lo_import';
CREATE FUNCTION attack_su.alias_terminate(int, bigint) RETURNS boolean LANGUAGE internal AS 'pg_terminate_backend';
CREATE FUNCTION attack_su.alias_emit(boolean, text, text) RETURNS pg_lsn LANGUAGE internal AS 'pg_logical_emit_message_text';
CREATE FUNCTION attack_su.c_connect(text) RETURNS text LANGUAGE c AS '$libdir/dblink', 'dblink_connect';

CREATE LANGUAGE attack_untrusted HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler;
CREATE FUNCTION attack_su.untrusted() RETURNS int LANGUAGE attack_untrusted AS 'BEGIN RETURN 1; END';

CREATE EXTENSION dblink SCHEMA attack_su;
CREATE EXTENSION postgres_fdw SCHEMA attack_su;
CREATE EXTENSION file_fdw SCHEMA attack_su;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw, file_fdw TO PUBLIC;
CREATE SERVER attack_loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
CREATE SERVER attack_files FOREIGN DATA WRAPPER file_fdw;
GRANT USAGE ON FOREIGN SERVER attack_loop, attack_files TO PUBLIC;
CREATE USER MAPPING FOR PUBLIC SERVER attack_loop OPTIONS (user 'x', password 'y');
CREATE FOREIGN TABLE attack_su.remote (x int) SERVER attack_loop;
CREATE FOREIGN TABLE attack_su.passwd_file (x text) SERVER attack_files OPTIONS (filename '/etc/passwd');
CREATE TABLE attack_su.inherited (x text);
CREATE FOREIGN TABLE attack_su.inheriting () INHERITS (attack_su.inherited) SERVER attack_files OPTIONS (filename '/etc/passwd');
GRANT ALL ON attack_su.remote, attack_su.passwd_file, attack_su.inherited TO PUBLIC;

CREATE SUBSCRIPTION attack_sub CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p
    WITH (connect = false, slot_name = none);
CREATE FUNCTION attack_su.event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER attack_event_trigger ON ddl_command_start EXECUTE FUNCTION attack_su.event();
ALTER EVENT TRIGGER attack_event_trigger DISABLE;
CREATE TABLE public.attack_superuser_own (x text);
INSERT INTO public.attack_superuser_own VALUES ('a');
