"""Random utility statements: a grammar, of which one sentence at a time is grown.

<name> stands for one of the lines of that rule. Names are of things that are there and of things
that are not, of others' and of the server's, and odd ones. One statement in eight loses or doubles
a word afterwards, because what a parser lets through with a part missing is what hooks forget.
"""
import random
import re

# What only the host may do has to be refused, what concerns the tenant's own things may work; none
# of the statements that may work takes the suite's own things away.
RULES = {
    "statement": """
CREATE ROLE <name> <role_option>
CREATE USER <name> <role_option> <role_option>
CREATE GROUP <name> USER <role>
ALTER ROLE <role> <role_option>
ALTER ROLE <role> RENAME TO <name>
ALTER ROLE <role> SET <setting>
ALTER ROLE <role> IN DATABASE <database> SET <setting>
ALTER ROLE ALL SET <setting>
ALTER ROLE <role> RESET ALL
ALTER USER <role> PASSWORD NULL
ALTER GROUP <role> ADD USER <role>
DROP ROLE <role>, <role>
DROP ROLE IF EXISTS <name>
GRANT <role> TO <role>
GRANT <role>, <role> TO <role> WITH ADMIN OPTION GRANTED BY <role>
REVOKE ADMIN OPTION FOR <role> FROM <role> CASCADE
GRANT <privilege> ON <object> TO <role>
GRANT <privilege> (x, "") ON attack_data TO <role>
GRANT ALL ON ALL <plural> IN SCHEMA <schema> TO <role>, <role>
REVOKE <privilege> ON <object> FROM <role> CASCADE
ALTER DEFAULT PRIVILEGES FOR ROLE <role> GRANT SELECT ON TABLES TO <role>
ALTER DEFAULT PRIVILEGES IN SCHEMA <schema> GRANT ALL ON FUNCTIONS TO <role>
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM <role>
ALTER TABLE <table> OWNER TO <role>
ALTER TABLE ALL IN TABLESPACE pg_default OWNED BY <role> SET TABLESPACE pg_default
ALTER <kind> <name> OWNER TO <role>
ALTER DATABASE <database> OWNER TO <role>
ALTER DATABASE <database> SET <setting>
ALTER DATABASE <database> RENAME TO <name>
ALTER DATABASE <database> WITH CONNECTION LIMIT <number>
CREATE DATABASE <name> TEMPLATE <database>
DROP DATABASE IF EXISTS <name>
CREATE SCHEMA <name> AUTHORIZATION <role>
CREATE SCHEMA IF NOT EXISTS AUTHORIZATION <role>
CREATE SCHEMA <name> CREATE TABLE x (x int) GRANT SELECT ON x TO <role>
CREATE POLICY <name> ON <table> TO <role>, <role> USING (<expression>)
ALTER POLICY attack_policy ON attack_data TO <role>
REASSIGN OWNED BY <role> TO <role>
DROP OWNED BY <role>
SECURITY LABEL ON <labelled> IS <text>
SECURITY LABEL FOR <provider> ON <labelled> IS <text>
COMMENT ON <commented> IS <text>
CREATE EXTENSION <extension> <extension_option>
ALTER EXTENSION <extension> UPDATE TO <text>
ALTER EXTENSION <extension> ADD TABLE <table>
CREATE FUNCTION <name>() RETURNS int LANGUAGE <language> AS <text>
CREATE OR REPLACE FUNCTION <name>(<name> text) RETURNS text LANGUAGE <language> <function_option> AS <text>, <text>
CREATE FUNCTION <name>() RETURNS int <function_option>
ALTER FUNCTION <function> <function_option>
ALTER FUNCTION <function> SET <setting>
CREATE PROCEDURE <name>() LANGUAGE <language> AS <text>
DO LANGUAGE <language> <text>
DO <text>
CREATE LANGUAGE <name> HANDLER <name>
CREATE TYPE <name>
CREATE TYPE <name> (INPUT = int4in, OUTPUT = <name>, SEND)
CREATE AGGREGATE <name>(<type>) (SFUNC = <name>, STYPE = <type>)
CREATE OPERATOR <operator> (LEFTARG = <type>, FUNCTION = int4pl)
CREATE OPERATOR CLASS <name> FOR TYPE <type> USING btree AS STORAGE <type>
CREATE TEXT SEARCH <search> <name> (TEMPLATE = simple, PARSER = "default")
CREATE CAST (<type> AS <type>) WITHOUT FUNCTION
CREATE CAST (<type> AS <type>) WITH INOUT AS IMPLICIT
CREATE TRANSFORM FOR <type> LANGUAGE <language> (FROM SQL WITH FUNCTION <name>(internal))
CREATE ACCESS METHOD <name> TYPE INDEX HANDLER <name>
CREATE FOREIGN DATA WRAPPER <name> HANDLER <name>
CREATE SERVER <name> FOREIGN DATA WRAPPER <name> OPTIONS (<name> <text>)
ALTER SERVER attack_loop OPTIONS (SET port <text>)
CREATE USER MAPPING FOR <role> SERVER attack_loop
DROP USER MAPPING IF EXISTS FOR <role> SERVER <name>
CREATE FOREIGN TABLE <name> (x int) SERVER attack_loop
IMPORT FOREIGN SCHEMA <schema> FROM SERVER attack_loop INTO <schema>
CREATE SUBSCRIPTION <name> CONNECTION <text> PUBLICATION <name> WITH (connect = false)
ALTER SUBSCRIPTION attack_sub OWNER TO <role>
CREATE PUBLICATION <name> FOR ALL TABLES
CREATE PUBLICATION <name> FOR TABLE <table>
CREATE EVENT TRIGGER <name> ON ddl_command_start EXECUTE FUNCTION attack_event()
ALTER EVENT TRIGGER attack_event_trigger OWNER TO <role>
CREATE TRIGGER <name> BEFORE INSERT ON <table> EXECUTE FUNCTION <trigger>()
CREATE RULE <name> AS ON INSERT TO <table> DO INSTEAD <query>
CREATE TABLESPACE <name> OWNER <role> LOCATION <text>
ALTER TABLESPACE pg_default RESET (seq_page_cost)
DROP TABLESPACE <name>
COPY <table> TO <text>
COPY <table> FROM <text>
COPY <table> TO PROGRAM <text>
COPY (<query>) TO STDOUT
COPY <table> FROM STDIN
LOAD <text>
ALTER SYSTEM SET <setting>
ALTER SYSTEM RESET ALL
CHECKPOINT
SET <setting>
SET LOCAL <setting>
SET SESSION AUTHORIZATION <role>
SET ROLE <role>
RESET <setting_name>
SHOW <setting_name>
SELECT set_config(<text>, <text>, false)
SELECT set_config(NULL, NULL, NULL)
PREPARE TRANSACTION <text>
COMMIT PREPARED <text>
ROLLBACK PREPARED <text>
LOCK TABLE <table> IN <lock> MODE NOWAIT
TRUNCATE <table>
VACUUM <table>
ANALYZE <table>
REINDEX TABLE <table>
REINDEX DATABASE <database>
CLUSTER <table>
REFRESH MATERIALIZED VIEW attack_gift_matview
DISCARD <discarded>
LISTEN <name>
NOTIFY <name>, <text>
DROP <kind> IF EXISTS <name> CASCADE
ALTER <kind> <name> RENAME TO <name>
ALTER <kind> <name> SET SCHEMA <schema>
CREATE VIEW <name> AS <query>
CREATE MATERIALIZED VIEW <name> AS <query> WITH NO DATA
CREATE TABLE <name> AS <query>
CREATE STATISTICS <name> ON x, (<expression>) FROM attack_data
EXPLAIN <query>
PREPARE <name> AS <query>
EXECUTE <name>
DECLARE <name> CURSOR WITH HOLD FOR <query>
CALL <name>(<text>)
<query>
""",
    "query": """
SELECT <expression>
SELECT * FROM <table>
SELECT <function_call>
SELECT <function_call> FROM <table>
UPDATE <table> SET x = <expression>
DELETE FROM <table> WHERE <expression> IS NULL
INSERT INTO <table> SELECT * FROM <table>
TABLE <table>
VALUES (<expression>), (NULL)
""",
    "expression": "NULL\n<text>\n<function_call>\ncurrent_user\nNULL::regrole\n<text>::regrole\n(SELECT count(*) FROM <table>)\n<number>",
    "function_call": """
pg_read_file(<text>)
pg_read_file(NULL)
pg_ls_dir(<text>)
lo_import(<text>)
pg_terminate_backend(NULL)
pg_reload_conf()
attack_su.alias_read(<text>)
attack_su.c_connect(NULL)
attack_own()
pg_logical_emit_message(true, <text>, <text>)
pg_replication_origin_create(<text>)
has_database_privilege(<text>, <text>, <text>)
pg_get_userbyid(<number>::oid)
set_config(<text>, <text>, true)
query_to_xml(<text>, true, true, '')
""",
    "role": "CURRENT_USER\nCURRENT_ROLE\nSESSION_USER\nPUBLIC\n@U\n@G\n@OT\n@OG\npostgres\npg_read_server_files\nappinfra_admin\nnone\n<name>\nUSER",
    "role_option": "SUPERUSER\nNOLOGIN\nPASSWORD <text>\nPASSWORD NULL\nVALID UNTIL <text>\nCONNECTION LIMIT <number>\nIN ROLE <role>\n"
                   "ROLE <role>\nBYPASSRLS\nREPLICATION\nINHERIT\nCREATEDB\nCREATEROLE",
    "name": 'nothing\n"odd name"\n"Größe"\n"%s%n"\nattack_nothing\nx\n"' + "x" * 70 + '"\n"null"\nNULL\npg_temp.x\nfuzz_a\nfuzz_b\nfuzz_c\na.b.c.d',
    "database": '@DB\n@ODB\npostgres\ntemplate1\ncontrol\nnothing\n"NULL"',
    "schema": "public\npg_catalog\ninformation_schema\npg_temp\nnothing\npg_toast",
    "table": "attack_data\nattack_seq\nattack_row\npg_authid\npg_database\npg_proc\npg_class\npg_shseclabel\nattack_su.remote\n"
             "pg_catalog.pg_settings\ninformation_schema.sql_features\nnothing\nfuzz_a\nfuzz_b\nattack_gift_view\npg_stats",
    "object": "<table>\nTABLE <table>\nSCHEMA <schema>\nDATABASE <database>\nFUNCTION <function>\nLANGUAGE <language>\nTYPE <type>\n"
              "SEQUENCE attack_seq\nLARGE OBJECT 4711\nFOREIGN SERVER attack_loop\nTABLESPACE pg_default\nPARAMETER <setting_name>",
    "plural": "TABLES\nSEQUENCES\nFUNCTIONS\nROUTINES",
    "privilege": "SELECT\nALL\nINSERT\nUSAGE\nCREATE\nEXECUTE\nCONNECT\nTEMP\nSET\nALTER SYSTEM\nREFERENCES",
    "kind": "TABLE\nVIEW\nINDEX\nSEQUENCE\nTYPE\nDOMAIN\nCOLLATION\nCONVERSION\nSCHEMA\nMATERIALIZED VIEW\nFOREIGN TABLE\nSTATISTICS\n"
            "EVENT TRIGGER\nLANGUAGE\nSERVER\nROLE\nDATABASE\nTABLESPACE\nSUBSCRIPTION\nPUBLICATION\nACCESS METHOD\nFOREIGN DATA WRAPPER",
    "labelled": "ROLE <role>\nDATABASE <database>\nTABLE <table>\nCOLUMN attack_data.x\nFUNCTION <function>\nTABLESPACE pg_default",
    "commented": "ROLE <role>\nDATABASE <database>\nTABLE <table>\nTABLESPACE pg_default\nCOLUMN attack_data.x\nLANGUAGE plpgsql\nCONSTRAINT x ON <table>",
    "provider": "appinfra\n<name>",
    "extension": "plperl\nfile_fdw\ndblink\nappinfra\nattack_denied\nattack_requires\n<name>\npg_stat_statements",
    "extension_option": "\nCASCADE\nSCHEMA <schema>\nVERSION <text>\nSCHEMA <schema> CASCADE",
    "language": "sql\nplpgsql\nc\ninternal\nattack_untrusted\nC\n'internal'\n\"plpgsql\"\nnothing\n<name>",
    "function": "attack_own()\nattack_own\npg_read_file(text)\npg_catalog.lower(text)\nattack_su.alias_read(text)\nnothing(int)\n<name>()",
    "function_option": "\nSTRICT\nIMMUTABLE\nLEAKPROOF\nCOST <number>\nSUPPORT <name>\nSET <setting>\nPARALLEL SAFE\nRETURN <expression>",
    "type": "int\ntext\ninternal\nattack_row\nanyelement\n<name>\nint[]\npg_authid",
    "trigger": "attack_trigger\nattack_event\nsuppress_redundant_updates_trigger\n<name>",
    "search": "CONFIGURATION\nDICTIONARY\nPARSER\nTEMPLATE",
    "operator": "###\n=\n<>\n@@@",
    "setting": "<setting_name> = <text>\n<setting_name> TO DEFAULT\n<setting_name> = <number>\n<setting_name> TO <text>, <text>\n<setting_name> FROM CURRENT",
    "setting_name": "role\nsession_authorization\nlocal_preload_libraries\nsession_preload_libraries\nmax_parallel_workers\nappinfra.guard\nwork_mem\n"
                    "attack.x\nnothing\nlog_statement\nappinfra.nothing\nTIME ZONE\nall\n\"\"\nsearch_path\nis_superuser",
    "discarded": "ALL\nPLANS\nTEMP\nSEQUENCES",
    "lock": "ACCESS SHARE\nACCESS EXCLUSIVE\nROW EXCLUSIVE",
    "text": "''\n'x'\n'postgres'\n'@W/fuzz'\n'/etc/passwd'\n'BEGIN END'\n'SELECT 1'\n'pg_read_file_all'\nNULL\n'@OT'\n'role'\n'%s%n'\n'infinity'\nE'\\\\\\\\x'",
    "number": "0\n-1\n1\n4294967295\n99999999999999999999\n1.5\nNULL",
}

CHOICES = {name: [line for line in lines.split("\n") if line or not lines.startswith("\n")]
           for name, lines in RULES.items()}


def grow(chance, form, depth=0):
    """Replaces every <rule> in the form by one of its lines."""
    def expand(match):
        lines = CHOICES[match.group(1)]
        if depth > 6:
            lines = [line for line in lines if "<" not in line] or ["NULL"]
        return grow(chance, chance.choice(lines), depth + 1)
    return re.sub(r"<([a-z_]+)>", expand, form)


def damage(chance, statement):
    """Takes a word away, or says one twice."""
    words = statement.split(" ")
    at = chance.randrange(len(words))
    words[at:at + 1] = chance.choice([[], [words[at], words[at]]])
    return " ".join(words)


def statements(seed, count):
    """The same statements for the same seed; every kind occurs."""
    chance = random.Random(seed)
    kinds = CHOICES["statement"]
    for number in range(count):
        statement = grow(chance, kinds[number % len(kinds)])
        yield damage(chance, statement) if chance.random() < 0.125 else statement
