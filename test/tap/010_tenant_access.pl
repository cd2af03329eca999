# What a tenant's DSN opens, and what it does not: logins over TCP with scram-sha-256.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Test::More;

my $host = Appinfra->make(
	'access',
	pool_size => 2,
	init => { allows_streaming => 1 },
	conf => "appinfra.tenant_connection_limit = 4\n");

# replication over TCP is open to everybody in pg_hba.conf: only the guard is in the way
open my $hba, '>>', $host->data_dir . '/pg_hba.conf' or die $!;
print $hba "host replication all 127.0.0.1/32 scram-sha-256\n";
close $hba;
$host->reload;

$host->safe_psql('postgres', 'CREATE DATABASE plain');
$host->safe_psql('postgres', 'GRANT CONNECT ON DATABASE plain TO PUBLIC');

my $plain = $host->provision(app_id => 'app-plain', slug => 'plain-shop', publish => 0);
my $strict = $host->provision(
	app_id => 'app-strict',
	slug => 'strict-shop',
	env => {
		DATABASE_URL => 'writer',
		DATABASE_SERVICE_URL => 'service',
		OWNER_URL => 'owner',
		READER_URL => 'reader'
	},
	publish => 0);
my ($writer, $service, $owner, $reader) =
  @{ $strict->{env} }{qw(DATABASE_URL DATABASE_SERVICE_URL OWNER_URL READER_URL)};

sub allowed
{
	my ($dsn, $sql, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $host->as_app($dsn, $sql);
	is("$code $out", "0 $expected", $name) or diag $err;
	return;
}

sub refused
{
	my ($dsn, $sql, $state, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $host->as_app($dsn, $sql);
	is($code, 3, "$name: refused") or diag $out;
	like($err, qr/ERROR:  $state: /, "$name: SQLSTATE $state");
	return;
}

sub keeps_out
{
	my ($dsn, $reason, $name, %other) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $host->as_app($dsn, 'SELECT 1', %other);
	is($code, 2, "$name: no connection") or diag $out;
	like($err, $reason, "$name: says why");
	return;
}

# --- the returned DSN ---------------------------------------------------------------------------
my $parts = parse_dsn($plain->{url});
is("$parts->{host} $parts->{port}", '127.0.0.1 ' . $host->port, 'the DSN has the public address');
is($parts->{sslmode}, 'prefer', 'sslmode is "prefer" for a loopback address');
like($parts->{password}, qr/^[A-Za-z0-9_-]{44}$/, 'the password is 44 base64url characters');
is("$parts->{user} $parts->{database}", 'app_plainshop app_plainshop', 'names follow the slug');
is($plain->{url}, $plain->{env}{DATABASE_URL}, 'url is that of DATABASE_URL');
is($plain->{password}, $parts->{password}, 'so is password');

allowed($plain->{url}, <<'SQL', '2|b', 'an owner does DDL and DML');
CREATE TABLE item (id serial PRIMARY KEY, name text);
INSERT INTO item (name) VALUES ('a'), ('b');
UPDATE item SET name = upper(name) WHERE id = 1;
DELETE FROM item WHERE id = 1;
ALTER TABLE item ADD note text;
CREATE SCHEMA more;
CREATE TABLE more.stuff ();
DROP SCHEMA more CASCADE;
CREATE TEMP TABLE t AS SELECT id, name FROM item;
SELECT id, name FROM t;
SQL
allowed($plain->{url}, 'SELECT current_user, session_user',
	'app_plainshop_owner|app_plainshop', 'a session is its group');
keeps_out($plain->{url}, qr/password authentication failed/, 'a wrong password',
	PGPASSWORD => 'A' x 44);
keeps_out($plain->{url}, qr/password authentication failed/, 'a group role',
	PGUSER => 'app_plainshop_owner');

# --- other databases, replication ---------------------------------------------------------------
for my $database (qw(postgres template1 control plain app_strictshop))
{
	keeps_out($plain->{url}, qr/permission denied for database "$database"/,
		"a tenant's login at \"$database\"", PGDATABASE => $database);
}
keeps_out($writer, qr/permission denied for database "app_plainshop"/,
	"another tenant's login at this database", PGDATABASE => 'app_plainshop');
my $shell = $host->control("SELECT database FROM appinfra.pool WHERE status = 'ready' LIMIT 1");
keeps_out($plain->{url}, qr/permission denied|not currently accepting/, 'a login at a shell',
	PGDATABASE => $_)
  for $shell || $host->control('SELECT database FROM appinfra.pool LIMIT 1'), 'appinfra_template';

# As app users do it: the word is part of the connection string. No password in the arguments.
sub replication_refused
{
	my ($dsn, $mode) = @_;
	my $part = parse_dsn($dsn);
	local $ENV{PGPASSWORD} = $part->{password};
	my ($out, $err) = ('', '');
	IPC::Run::run(
		[
			'psql', '-XAtq', '-c', 'IDENTIFY_SYSTEM',
			"host=$part->{host} port=$part->{port} user=$part->{user} dbname=$part->{database} replication=$mode"
		],
		'>', \$out, '2>', \$err);
	is($? >> 8, 2, "replication=$mode: no connection");
	# the guard's refusal, not that of a missing pg_hba.conf line
	like($err, qr/permission denied for replication/, "replication=$mode: the guard says why");
	return;
}
replication_refused($plain->{url}, $_) for 'true', 'database';

# --- the strict shape ---------------------------------------------------------------------------
allowed($owner, <<'SQL', '', 'the owner makes tables with row-level security');
CREATE TABLE note (id serial PRIMARY KEY, owner name DEFAULT current_user, tenant int, body text);
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON note USING (tenant = current_setting('app.tenant', true)::int);
INSERT INTO note (tenant, body) VALUES (1, 'one'), (2, 'two');
SQL
allowed($writer, "SET app.tenant = '1'; SELECT body FROM note", 'one', 'a writer sees its rows');
allowed($writer, <<'SQL', 'eins', 'a writer changes its rows');
SET app.tenant = '1';
UPDATE note SET body = 'eins'; INSERT INTO note (tenant, body) VALUES (1, 'x');
DELETE FROM note WHERE body = 'x'; SELECT body FROM note;
SQL
refused($writer, "SET app.tenant = '1'; INSERT INTO note (tenant) VALUES (2)", '42501',
	"a writer making another's row");
refused($writer, 'SET row_security = off; SELECT * FROM note', '42501', 'a writer without RLS');
allowed($service, 'SELECT body FROM note ORDER BY id', "eins\ntwo", 'the service sees all rows');
allowed($service, "UPDATE note SET body = 'zwei' WHERE tenant = 2 RETURNING body", 'zwei',
	'the service changes all rows');
allowed($reader, "SET app.tenant = '2'; SELECT body FROM note", 'zwei',
	'a reader is under RLS as well');

for my $access ([ writer => $writer ], [ reader => $reader ], [ service => $service ])
{
	my ($name, $dsn) = @$access;
	my $free = 'SET default_transaction_read_only = off;';
	refused($dsn, "$free CREATE TABLE t ()", '42501', "$name creating a table");
	refused($dsn, "$free CREATE SCHEMA s", '42501', "$name creating a schema");
	refused($dsn, "$free ALTER TABLE note DISABLE ROW LEVEL SECURITY", '42501', "$name altering");
	refused($dsn, "$free DROP TABLE note", '42501', "$name dropping");
	refused($dsn, "$free DROP POLICY mine ON note", '42501', "$name dropping a policy");
	refused($dsn, "$free CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", '42501',
		"$name creating a function");
	for my $make ('lo_create(0)', 'lo_creat(-1)', "lo_from_bytea(0, 'x')")
	{
		refused($dsn, "$free SELECT $make", '42501', "$name calling $make");
	}
	my $user = parse_dsn($dsn)->{user};
	for my $role ('app_strictshop_owner', 'app_plainshop_owner', 'app_plainshop',
		parse_dsn($owner)->{user}, 'appinfra_admin', 'pg_read_all_data', scalar getpwuid($>))
	{
		refused($dsn, "SET ROLE $role", '42501', "$name: SET ROLE $role");
	}
	refused($dsn, "$free SET ROLE NONE; SELECT * FROM public.note", '42501', "$name after SET ROLE NONE");
	refused($dsn, "$free SET ROLE NONE; CREATE TABLE public.t ()", '42501',
		"$name creating after SET ROLE NONE");
	refused($dsn, "$free SET ROLE NONE; CREATE TEMP TABLE t ()", '42501',
		"$name TEMP after SET ROLE NONE");
	refused($dsn, "SET SESSION AUTHORIZATION app_strictshop_owner", '42501',
		"$name: SET SESSION AUTHORIZATION");
}
allowed($writer, 'CREATE TEMP TABLE t AS SELECT 1 AS x; SELECT x FROM t', '1', 'a writer has TEMP');
allowed($owner, 'SELECT lo_create(0) > 0 AND lo_from_bytea(0, \'x\') > 0', 't',
	'an owner makes large objects');
refused($owner, 'SET ROLE NONE; CREATE TABLE public.t ()', '42501', 'an owner after SET ROLE NONE');

refused($reader, "INSERT INTO note (tenant) VALUES (1)", '25006', 'a reader inserting');
for my $write (
	"INSERT INTO note (tenant) VALUES (1)", "UPDATE note SET body = ''",
	'DELETE FROM note', 'TRUNCATE note',
	"SELECT nextval('note_id_seq')", "SELECT setval('note_id_seq', 9)",
	'CREATE TEMP TABLE t ()', 'SELECT * FROM note FOR UPDATE',
	'BEGIN; LOCK TABLE note')
{
	refused($reader, "SET default_transaction_read_only = off; $write", '42501',
		"a reader by privilege: $write");
}

# --- what the owner creates later ---------------------------------------------------------------
allowed($owner, <<'SQL', '', 'the owner creates more');
CREATE TABLE late (id serial, body text);
INSERT INTO late (body) VALUES ('late');
CREATE SEQUENCE counter;
CREATE VIEW late_view AS SELECT body FROM late;
CREATE SCHEMA reports;
CREATE TABLE reports.daily (id serial, body text);
INSERT INTO reports.daily (body) VALUES ('daily');
CREATE FUNCTION reports.two() RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE TYPE reports.mood AS ENUM ('good', 'bad');
SQL
my $see = <<'SQL';
SELECT late.body, v.body, daily.body, reports.two(), 'good'::reports.mood
  FROM late, late_view v, reports.daily;
SQL
allowed($_->[1], $see, 'late|late|daily|2|good', "$_->[0] sees what the owner created later")
  for [ writer => $writer ], [ reader => $reader ], [ service => $service ];
for my $access ([ writer => $writer ], [ service => $service ])
{
	allowed($access->[1], <<'SQL', 't|t', "$access->[0] writes what the owner created later");
INSERT INTO late (body) VALUES ('more'); INSERT INTO reports.daily (body) VALUES ('more');
UPDATE late SET body = 'late'; DELETE FROM reports.daily WHERE body = 'more';
DELETE FROM late WHERE id > 1;
SELECT nextval('counter') > 0, setval('reports.daily_id_seq', 10) = 10;
SQL
	allowed($access->[1], 'BEGIN; TRUNCATE late; ROLLBACK', '', "$access->[0] truncates");
}
allowed($reader, 'SELECT last_value > 0 FROM counter', 't', 'a reader reads a sequence');

# --- sessions of one's own tenant ----------------------------------------------------------------
sub wait_gone
{
	my ($pid, $name) = @_;
	ok( $host->poll_query_until(
			'control', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"),
		$name);
	return;
}

my $a = $host->background_as($writer);
my $b = $host->background_as($service);
my ($a_pid, $b_pid) = map { $_->query_safe('SELECT pg_backend_pid()') } $a, $b;
my $stranger = $host->background_as($plain->{url});
my $stranger_pid = $stranger->query_safe('SELECT pg_backend_pid()');
my $admin_pid = $host->control('SELECT pg_backend_pid()');

my $list = 'SELECT access, query IS NOT NULL FROM tenant_sessions() WHERE pid <> pg_backend_pid() ORDER BY 1';
allowed($owner, $list, "service|t\nwriter|t", "an owner sees its tenant's sessions");
allowed($writer, $list, "service|f\nwriter|t", "a writer sees queries of writers only");
allowed($reader, $list, "service|f\nwriter|f", "a reader sees sessions, not their queries");
refused($reader, "SELECT tenant_$_->[0]_session($_->[1])", '42501', "a reader: $_->[0] $_->[2]")
  for map { [ cancel => @$_ ], [ terminate => @$_ ] }[ $a_pid, 'a writer' ],
  [ $b_pid, 'the service' ];
for my $foreign ([ $stranger_pid, 'another tenant' ], [ $admin_pid, 'nobody' ],
	[ $host->control("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"),
		'the checkpointer' ],
	[ $host->control("SELECT pid FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler'"),
		'the scheduler' ])
{
	refused($owner, "SELECT tenant_${_}_session($foreign->[0])", '42501',
		"an owner: $_ $foreign->[1]")
	  for 'cancel', 'terminate';
}

$a->query_until(qr/asleep/, "\\echo asleep\nSELECT pg_sleep(600);\n");
$host->wait_until("SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $a_pid");
allowed($writer, "SELECT tenant_cancel_session($a_pid)", 't', "a writer cancels a writer's query");
$host->wait_until("SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $a_pid");
refused($writer, "SELECT tenant_terminate_session($b_pid)", '42501', 'a writer ending the service');
allowed($writer, "SELECT tenant_terminate_session($a_pid)", 't', "a writer ends a writer's session");
wait_gone($a_pid, 'that session is gone');
allowed($owner, "SELECT tenant_terminate_session($b_pid)", 't', "an owner ends the service's session");
wait_gone($b_pid, 'that session is gone, too');
is($stranger->query_safe('SELECT 1'), '1', "the other tenant's session lives");
$stranger->quit;

# --- the connection limit is the tenant's, not the login's --------------------------------------
wait_gone($stranger_pid, 'nobody is left');
my @held = map { $host->background_as($_) } $writer, $writer, $service, $owner;
keeps_out($_, qr/too many connections for database/, 'one more connection of the tenant')
  for $writer, $reader;
allowed($plain->{url}, 'SELECT 1', '1', 'another tenant is not concerned');
my $pid = $held[0]->query_safe('SELECT pg_backend_pid()');
$_->quit for @held;
$host->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'app_strictshop'");
allowed($reader, 'SELECT 1', '1', 'when they are gone there is room again');

$host->wait_for_pool(2);
is_deeply([ $host->orphans('plain', 'appinfra_sidecar') ], [], 'no orphans');
done_testing();
