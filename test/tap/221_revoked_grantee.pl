# Whatever rights a login had and gave, and whatever policies name it: when it is revoked its role is
# dropped in the end, and nobody else gains or loses a right. The guard, which refuses most of this, is off.
use strict;
use warnings;
use Appinfra::Victim qw(:all);
use JSON::PP;
use Test::More;

have_victim('grantee');

subtest 'default privileges' => sub {
	my $victim = empowered();
	allowed($victim->{url}, <<"SQL", '', 'it has some and gives some');
SET ROLE NONE;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app_victim_reader, app_other_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO app_victim_reader;
SET ROLE app_victim_owner;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO $victim->{username};
SQL
	is_revoked($victim);
	allowed($tenant->{url}, 'CREATE TABLE later AS SELECT 5 AS x', '', 'a table made later');
	allowed($reader->{url}, 'SELECT x FROM later', 5, 'has the default privileges of the tenant');
};

subtest 'policies that name it' => sub {
	my $victim = issue('owner');
	my $user = $victim->{username};
	allowed($tenant->{url}, <<"SQL", '', 'alone, among others, to restrict');
CREATE TABLE guarded (id int, level int);
INSERT INTO guarded VALUES (1, 1), (2, 2), (3, 3);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON guarded TO app_victim_reader;
CREATE POLICY alone ON guarded USING (true);
ALTER POLICY alone ON guarded TO $user;
CREATE POLICY among ON guarded FOR SELECT TO $user, app_victim_reader USING (level > 1);
CREATE POLICY strict ON guarded AS RESTRICTIVE TO $user USING (level < 3);
SQL
	is_revoked($victim);
	my $left = superuser("SELECT string_agg(polname || ' ' || polpermissive, ',' ORDER BY polname) FROM pg_policy WHERE polrelid = 'guarded'::regclass");
	is($left, 'alone true,among true,strict false', 'none has vanished');
	is( superuser(<<'SQL'), 'among app_victim_reader', 'and none is for a login or for everybody now');
SELECT string_agg(DISTINCT polname || ' ' || coalesce(r.rolname, 'PUBLIC'), ',')
  FROM pg_policy p CROSS JOIN unnest(polroles) o LEFT JOIN pg_roles r ON r.oid = o
 WHERE polrelid = 'guarded'::regclass AND (r.oid IS NULL OR r.rolname LIKE 'app%')
SQL
	allowed($reader->{url}, 'SELECT count(*) FROM guarded', 2, 'the reader sees what it saw');
	allowed($tenant->{url}, 'DROP TABLE guarded', '', 'the owner may drop the table');
};

subtest 'a policy that names a login which was rotated' => sub {
	my $user = $tenant->{username};
	allowed($tenant->{url}, <<"SQL", '', 'the login in use is named');
CREATE TABLE guarded (level int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY alone ON guarded TO $user USING (level = 1);
SQL
	my $next = decode_json($host->control("SELECT row_to_json(c) FROM appinfra.rotate_credential('$tenant->{db_id}', publish => false) c"));
	my $old = { %$tenant };
	$tenant = { %$tenant, url => $next->{url}, username => $next->{username} };
	is_revoked($old);
	is(superuser("SELECT polroles::regrole[]::text FROM pg_policy WHERE polname = 'alone'"), "{$next->{username}}",
		'it names the successor');
	allowed($tenant->{url}, 'DROP TABLE guarded', '', 'done');
};

subtest 'grants that name it' => sub {
	my $victim = empowered();
	my $user = $victim->{username};
	allowed($tenant->{url}, <<"SQL", '', 'on all kinds of things');
CREATE SCHEMA granted;
CREATE TABLE granted.t (id serial, body text);
CREATE FUNCTION granted.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE granted.y AS (a int);
GRANT ALL ON SCHEMA granted TO $user WITH GRANT OPTION;
GRANT SELECT, INSERT ON granted.t TO $user WITH GRANT OPTION;
GRANT UPDATE (body) ON granted.t TO $user;
GRANT USAGE ON SEQUENCE granted.t_id_seq TO $user;
GRANT EXECUTE ON FUNCTION granted.f() TO $user;
GRANT USAGE ON TYPE granted.y TO $user;
GRANT CREATE, TEMP ON DATABASE app_victim TO $user;
SQL
	# without the right to, as a warning
	allowed($victim->{url}, 'SET ROLE NONE; GRANT SELECT ON granted.t TO app_victim_reader', '', 'it passes one on');
	is_revoked($victim);
	allowed($tenant->{url}, 'SELECT count(*) FROM granted.t; DROP SCHEMA granted CASCADE', 0, 'the owner has all of it');
};

subtest 'rights that belong to no database' => sub {
	my $victim = issue('owner');
	$host->control("GRANT CREATE ON DATABASE app_victim TO $victim->{username}; GRANT CONNECT ON DATABASE dba TO $victim->{username};"
		  . " GRANT CREATE ON TABLESPACE pg_default TO $victim->{username}; GRANT SET ON PARAMETER log_min_messages TO $victim->{username}");
	is_revoked($victim);
};

subtest 'grants and policies of another tenant' => sub {
	my $victim = issue('owner');
	my $user = $victim->{username};
	allowed($other->{url}, <<"SQL", '', 'in another database');
CREATE TABLE lure (id int);
INSERT INTO lure VALUES (1);
ALTER TABLE lure ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON lure TO $user;
CREATE POLICY mine ON lure TO $user USING (id = 1);
CREATE POLICY shared ON lure TO $user, app_other_reader USING (id = 1);
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO $user;
SQL
	is_revoked($victim);
	allowed($other->{url}, 'SELECT count(*) FROM lure', 1, 'the other tenant has its table');
	is(superuser("SELECT string_agg(polname, ',' ORDER BY polname) FROM pg_policy", $other->{database}), 'mine,shared', 'and its policies');
};

no_error_is_left();
done_testing();
