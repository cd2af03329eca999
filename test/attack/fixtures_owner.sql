-- What the tenant's owner makes: things to give away, and the ways in which a command can be run.
-- The command is what the setting attack.command says at that moment.
CREATE TABLE attack_data (x text);
INSERT INTO attack_data VALUES ('a');
CREATE TYPE attack_row AS (a int);
CREATE SEQUENCE attack_seq;
CREATE FUNCTION attack_own() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION attack_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION attack_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE VIEW attack_gift_view AS SELECT x FROM attack_data;
CREATE MATERIALIZED VIEW attack_gift_matview AS SELECT x FROM attack_data;
CREATE POLICY attack_policy ON attack_data USING (true);
CREATE TABLE attack_published (x text);
CREATE PUBLICATION attack_publication FOR TABLE attack_published;
SELECT lo_create(4711);
CREATE EXTENSION attack_present;

CREATE FUNCTION attack_run(command text) RETURNS text LANGUAGE plpgsql
    AS $$ BEGIN EXECUTE command; RETURN 'ran'; END $$;

-- Takes back what the session has become, in every way, and then runs the command.
CREATE FUNCTION attack_escape(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE way text;
BEGIN
    FOREACH way IN ARRAY ARRAY['SET LOCAL ROLE NONE', 'SET ROLE NONE', 'RESET ROLE', 'SET ROLE postgres',
        $s$SELECT set_config('role', 'none', false)$s$, 'SET LOCAL SESSION AUTHORIZATION DEFAULT',
        'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION postgres'] LOOP
        BEGIN
            EXECUTE way;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    EXECUTE command;
    RETURN 'ran';
END $$;

-- For both: the tenant's own function, and the superuser's.
DO $do$
DECLARE run text; name text;
BEGIN
    FOREACH run IN ARRAY ARRAY['public.attack_run', 'attack_su.run'] LOOP
        name := CASE run WHEN 'attack_su.run' THEN 'superuser' ELSE 'own' END;
        EXECUTE format($$CREATE FUNCTION attack_%1$s_pure(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE
            AS 'BEGIN PERFORM %2$s(current_setting(''attack.command'')); RETURN x; END'$$, name, run);
        EXECUTE format($$CREATE FUNCTION attack_%1$s_fire() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM %2$s(current_setting(''attack.command'')); RETURN NULL; END'$$, name, run);
        EXECUTE format('CREATE TABLE attack_%s_triggered (x text)', name);
        EXECUTE format('CREATE TRIGGER fire BEFORE INSERT ON attack_%1$s_triggered EXECUTE FUNCTION attack_%1$s_fire()', name);
        EXECUTE format('CREATE TABLE attack_%s_indexed (x text)', name);
        EXECUTE format('CREATE INDEX ON attack_%1$s_indexed (public.attack_%1$s_pure(x))', name);
        EXECUTE format('CREATE VIEW attack_%s_view AS SELECT %s(current_setting(''attack.command'')) AS x', name, run);
        EXECUTE format('CREATE MATERIALIZED VIEW attack_%s_matview AS SELECT %s(current_setting(''attack.command'')) AS x WITH NO DATA', name, run);
        EXECUTE format('CREATE TABLE attack_%s_default (x text DEFAULT %s(current_setting(''attack.command'')))', name, run);
        EXECUTE format('CREATE TABLE attack_%s_policed (x text)', name);
        EXECUTE format('INSERT INTO attack_%s_policed VALUES (''a'')', name);
        EXECUTE format('ALTER TABLE attack_%s_policed ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE attack_%s_policed FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY p ON attack_%s_policed USING (%s(current_setting(''attack.command'')) = ''ran'')', name, run);
    END LOOP;
END $do$;
SET attack.command = 'SELECT 1';
INSERT INTO attack_own_indexed VALUES ('a');
INSERT INTO attack_superuser_indexed VALUES ('a');

-- What the planner and the executor call by themselves, for whoever comes by.
CREATE TYPE attack_cast AS ENUM ('a');
CREATE FUNCTION attack_to_int(attack_cast) RETURNS int LANGUAGE plpgsql
    AS $$ BEGIN PERFORM public.attack_run(current_setting('attack.command')); RETURN 1; END $$;
CREATE CAST (attack_cast AS int) WITH FUNCTION attack_to_int(attack_cast) AS IMPLICIT;
CREATE DOMAIN attack_domain AS text CHECK (attack_own_pure(VALUE) = VALUE);
CREATE FUNCTION attack_before(text, text) RETURNS boolean LANGUAGE plpgsql
    AS $$ BEGIN PERFORM public.attack_run(current_setting('attack.command')); RETURN true; END $$;
CREATE OPERATOR <-< (FUNCTION = attack_before, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION attack_add(text, text) RETURNS text LANGUAGE plpgsql
    AS $$ BEGIN PERFORM public.attack_run(current_setting('attack.command')); RETURN $1; END $$;
CREATE AGGREGATE attack_aggregate(text) (SFUNC = attack_add, STYPE = text, INITCOND = '');
CREATE TABLE attack_referring (x attack_cast);
