# What a statement may try to leave behind or to reach: nothing of it meets the next call of the same key,
# another key of the workspace, or another workspace. One connection to a workspace, so that the next call of
# a key has the session that the one before had.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Wait qw(wait_for);
use JSON::PP;
use Test::More;

my $host = Appinfra->make('escapes', pool_size => 3);
my @tenants = map { $host->provision(app_id => "app-$_", slug => $_, publish => 0, env => {}) } qw(mine other);
my $gateway = Appinfra::Gateway->start($host, args => [qw(--gateway-rate-limit=0 --gateway-statement-timeout=2s)], env => { AGENTCOOPDB_DATABASE_MAX_CONNS => 3 });
my %key = map { $_ => $gateway->mint($tenants[0]{db_id}, $_) } qw(dbadmin dbuser reader);
$key{second} = $gateway->mint($tenants[0]{db_id}, 'dbuser');
$key{other} = $gateway->mint($tenants[1]{db_id}, 'dbadmin');
my ($database, $other_database) = map { $_->{database} } @tenants;

sub said
{
	my ($answer) = @_;
	my $title = ref $answer->{json} eq 'HASH' ? $answer->{json}{title} // '' : '';
	return $title eq '' ? $answer->{status} : "$answer->{status} $title";
}

# Runs a statement; what is expected is a status and title, or a pattern.
sub try_it
{
	my ($role, $sql, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $answer = $gateway->sql($key{$role}, $sql);
	like(said($answer), $expected, "$role: " . substr $sql, 0, 110) or diag $answer->{content};
	return $answer;
}

sub value
{
	my ($role, $sql, @params) = @_;
	my $answer = $gateway->sql($key{$role}, $sql, @params ? [@params] : undef);
	return $answer->{status} == 200 ? $answer->{json}{rows}[0][0] : said($answer);
}

# What a session is, in a line: it has to be the same in each call.
my $state = "SELECT concat_ws(' ', current_user, current_setting('role'), current_database(), current_setting('search_path'), current_setting('statement_timeout'), current_setting('TimeZone'),
 current_setting('work_mem'), current_setting('appinfra.key_id'), current_setting('app.workspace_id'), current_setting('row_security'), current_setting('default_transaction_isolation'),
 current_setting('default_transaction_read_only'), current_setting('session_replication_role'), nullif(current_setting('mine.own', true), ''), current_setting('idle_in_transaction_session_timeout'),
 (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors), (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
 (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid)))";
my @keys = qw(dbadmin dbuser reader second);
try_it(dbadmin => $_, qr/^200/) for 'CREATE TABLE secrets (id int PRIMARY KEY, owner text)', "INSERT INTO secrets VALUES (1, 'mine')", 'CREATE TABLE empty_one (id int)';
$gateway->sql($key{other}, $_) for 'CREATE TABLE secrets (id int PRIMARY KEY, owner text)', "INSERT INTO secrets VALUES (1, 'other')";
my %before = map { $_ => value($_, $state) } @keys, 'other';
unlike($before{$_}, qr/^\d{3} /, "$_: $before{$_}") for sort keys %before;
my ($login) = $before{dbuser} =~ /^(\S+)/;

# After each attempt: nobody's session is another one.
my $tried = 0;
sub unchanged
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %now = map { $_ => value($_, $state) } @keys, 'other';
	is_deeply(\%now, \%before, "then every key's session is as before: " . substr $what, 0, 80);
	return;
}

# --- roles -----------------------------------------------------------------------------------------------------
my @roles = split /\n/, $host->control("SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' OR rolname = 'pg_read_all_data' ORDER BY 1");
cmp_ok(scalar @roles, '>', 8, 'roles of others: ' . scalar @roles);
my %own = map { $_ => 1 } grep { /\Q$database\E/ } @roles;
for my $role (@roles)
{
	my %reached;
	for my $key (qw(dbadmin dbuser reader))
	{
		my ($group) = $before{$key} =~ /^(\S+)/;
		next if $role eq $group;
		for my $sql ("SELECT set_config('role', '$role', false)", "SET ROLE \"$role\"", "SET SESSION AUTHORIZATION \"$role\"")
		{
			my $answer = $gateway->sql($key{$key}, $sql);
			$reached{"$key: $sql"} = said($answer) if $answer->{status} != 403;
		}
	}
	# A login is told its own name, and may be it.
	delete @reached{ grep { /^\w+: (SET SESSION AUTHORIZATION|SELECT|SET ROLE)/ && $own{$role} } keys %reached };
	is_deeply(\%reached, {}, "nobody becomes $role");
}
unchanged('roles');
for my $key (qw(dbadmin dbuser reader))
{
	try_it($key, $_, qr/^(200|403)/) for 'SET ROLE NONE', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION', 'RESET ALL', 'SET LOCAL ROLE NONE', 'DISCARD PLANS', 'DISCARD TEMP';
	try_it($key, 'DISCARD ALL', qr/^400 not_in_transaction|^200|^403/);
	is(value($key, "SELECT count(*) FROM (SELECT set_config('role', 'none', true) AS s OFFSET 0) r, secrets WHERE r.s <> ''") =~ /^(403|\d$)/ ? 1 : 0, 1, "$key: role none inside a statement gives nothing");
	unchanged('SET ROLE NONE and its like');
}
is(value($_, "SELECT set_config('role', 'none', false) || (SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = session_user)::text"), 'nonefalse',
	"$_: the login itself is nobody") for qw(dbuser reader);

# --- settings ------------------------------------------------------------------------------------------------------
my $workspace = value(dbuser => "SELECT current_setting('app.workspace_id')");
my $others = value(other => "SELECT current_setting('app.workspace_id')");
isnt($workspace, $others, 'workspaces have ids of their own');
my @settings = ([ 'app.workspace_id', $others ], [ 'search_path', 'pg_temp, public' ], [ 'statement_timeout', '0' ], [ 'TimeZone', 'Asia/Tokyo' ], [ 'work_mem', '1MB' ], [ 'mine.own', 'x' ],
	[ 'default_transaction_read_only', 'on' ], [ 'default_transaction_isolation', 'serializable' ], [ 'idle_in_transaction_session_timeout', '0' ], [ 'row_security', 'off' ], [ 'client_encoding', 'LATIN1' ],
	[ 'synchronous_commit', 'off' ], [ 'client_connection_check_interval', '0' ], [ 'application_name', 'x' ], [ 'bytea_output', 'escape' ], [ 'standard_conforming_strings', 'off' ]);
for my $setting (@settings)
{
	my ($name, $value) = @$setting;
	for my $key (qw(dbuser reader))
	{
		try_it($key, $_, qr/^(200|403)/) for "SELECT set_config('$name', '$value', false)", "SET SESSION $name = '$value'" =~ s/'pg_temp, public'/pg_temp, public/r, "SET LOCAL $name = '$value'" =~ s/'pg_temp, public'/pg_temp, public/r;
	}
	unchanged($name);
}
try_it(dbuser => "ALTER ROLE CURRENT_USER SET work_mem = '1MB'", qr/^403/);
try_it(dbadmin => "ALTER DATABASE $database SET work_mem = '1MB'", qr/^403/);
try_it(dbuser => "SELECT set_config('session_replication_role', 'replica', false)", qr/^403/);
try_it($_ => "SELECT set_config('appinfra.key_id', '$key{other}{id}', false)", qr/^(403|409)/) for qw(dbadmin dbuser reader);
try_it($_ => "SET appinfra.key_id = '$key{other}{id}'", qr/^(403|409)/) for qw(dbadmin dbuser reader);
try_it(dbadmin => "CREATE FUNCTION as_other() RETURNS text LANGUAGE sql SET appinfra.key_id = '$key{other}{id}' AS 'SELECT current_setting(''appinfra.key_id'')'", qr/^(403|409)/);
is(value($_, "SELECT current_setting('appinfra.key_id', true)"), $key{$_}{id}, "$_: who asks is who asks") for @keys, 'other';
is(value(dbuser => "SELECT owner FROM (SELECT set_config('app.workspace_id', '$others', false) AS s OFFSET 0) w, secrets WHERE w.s <> ''"), 'mine',
	"another workspace's id in app.workspace_id shows nothing of it");
unchanged('app.workspace_id');

# --- policies between keys of a workspace ------------------------------------------------------------------------------
try_it(dbadmin => $_, qr/^200/) for "CREATE TABLE drafts (id int, agent text DEFAULT current_setting('appinfra.key_id', true))", 'ALTER TABLE drafts ENABLE ROW LEVEL SECURITY',
  "CREATE POLICY own ON drafts USING (agent = current_setting('appinfra.key_id', true))";
try_it(dbuser => 'INSERT INTO drafts (id) VALUES (1)', qr/^200/);
try_it(second => 'INSERT INTO drafts (id) VALUES (2)', qr/^200/);
is(value(dbuser => 'SELECT string_agg(id::text, $$,$$) FROM drafts'), 1, 'a key sees its own rows');
is(value(second => 'SELECT string_agg(id::text, $$,$$) FROM drafts'), 2, 'another its own');
try_it(second => "INSERT INTO drafts VALUES (3, '$key{dbuser}{id}')", qr/^403/);
is(value(second => "SELECT count(*) FROM (SELECT set_config('row_security', 'off', false) AS s OFFSET 0) w, drafts WHERE w.s <> ''") =~ /^(403.*|1)$/ ? 1 : 0, 1, 'row_security does not open them');

# --- shadows ------------------------------------------------------------------------------------------------------------
for my $key (qw(dbadmin dbuser reader))
{
	try_it($key, $_, qr/^(200|403)/) for 'CREATE TEMPORARY TABLE secrets AS SELECT 1 AS id, $$forged$$::text AS owner', 'CREATE TEMP TABLE pg_type (oid oid, typname name)', 'CREATE TEMP VIEW pg_proc AS SELECT 1 AS oid',
	  'SELECT 1 AS id INTO TEMP secrets', 'CREATE TEMP TABLE kept (id int) ON COMMIT PRESERVE ROWS', 'CREATE FUNCTION pg_temp.now() RETURNS int LANGUAGE sql AS $$SELECT 1$$';
	is(value($_, 'SELECT owner FROM secrets'), $_ eq 'other' ? 'other' : 'mine', "$key: a temporary table shadows nothing for $_") for @keys, 'other';
	is(value($_, 'SELECT count(*) FROM kept'), '400 undefined_object', "nor is one there for $_") for @keys, 'other';
}
unchanged('temporary tables');
try_it(dbadmin => 'CREATE FUNCTION public.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$SELECT $x$forged$x$::text$$', qr/^(200|403)/);
is(value(dbuser => "SELECT current_setting('appinfra.key_id', true)"), $key{dbuser}{id}, "a workspace's function is not the system's");
is(value(other => "SELECT current_setting('appinfra.key_id', true)"), $key{other}{id}, "nor another workspace's");

# --- what a session keeps ---------------------------------------------------------------------------------------------
for my $key (qw(dbuser reader))
{
	try_it($key, 'PREPARE stays AS SELECT 1', qr/^200/);
	try_it($_, 'EXECUTE stays', qr/^400 database_error/) for @keys;
	try_it($key, 'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM secrets', qr/^200/);
	try_it($_, 'FETCH ALL FROM c', qr/^400 database_error/) for @keys;
	try_it($key, 'LISTEN stays', qr/^(200|403)/);
	try_it($key, 'SELECT pg_advisory_lock(4711)', qr/^(200|403)/);
	is(value($_, 'SELECT pg_try_advisory_lock(4711)') =~ /^(1|true|403.*)$/ ? 1 : 0, 1, "an advisory lock of $key does not keep $_ out") for @keys;
	try_it($key, 'SELECT pg_advisory_lock_shared(4711)', qr/^(200|403)/);
	unchanged('prepared statements, cursors, LISTEN, locks');
}
try_it(dbuser => "SELECT pg_notify('stays', 'secret')", qr/^(200|403)/);
unlike(value(second => 'LISTEN stays') // '', qr/secret/, 'a notification meets nobody else');
my $noticed = $gateway->sql($key{second}, "DO \$\$BEGIN RAISE NOTICE 'its own'; END\$\$");
is($noticed->{json}{notice}, 'its own', 'notices are those of the call');
ok(!exists $gateway->sql($key{second}, 'SELECT 1')->{json}{notice}, 'the next one has none');

# --- a second statement ---------------------------------------------------------------------------------------------------
for my $sql ('SELECT 1; DELETE FROM secrets', 'SELECT 1;/**/DELETE FROM secrets', "SELECT 1 -- x\n; DELETE FROM secrets", 'SELECT $$;$$; DELETE FROM secrets', "SELECT E'\\';'; DELETE FROM secrets",
	'/* /* */ ; */ SELECT 1; DELETE FROM secrets', 'SELECT $a$ $$ ; $a$; DELETE FROM secrets', "SELECT U&'\\003b'; DELETE FROM secrets", 'COMMIT; DELETE FROM secrets', "SELECT ';'';'; DELETE FROM secrets")
{
	try_it($_ => $sql, qr/^400 (multiple_statements|parse_error)/) for qw(dbadmin reader);
}
is(value(dbuser => 'SELECT count(*) FROM secrets'), 1, 'none has run');
is(value(dbuser => 'SELECT $1 || $$;$$', "'; DELETE FROM secrets; --"), "'; DELETE FROM secrets; --;", 'a parameter is a value');

# --- COMMIT inside -----------------------------------------------------------------------------------------------------------
try_it(dbadmin => 'CREATE PROCEDURE leaves() LANGUAGE plpgsql AS $$BEGIN DELETE FROM secrets; COMMIT; PERFORM set_config($x$app.workspace_id$x$, $x$z$x$, false); END$$', qr/^200/);
try_it($_->[0], $_->[1], qr/^400 transaction_control/) for [ dbadmin => 'CALL leaves()' ], [ dbuser => 'CALL leaves()' ], [ dbuser => 'DO $$BEGIN DELETE FROM secrets; COMMIT; END$$' ],
  [ dbuser => 'DO $$BEGIN EXECUTE $x$DELETE FROM secrets$x$; ROLLBACK; END$$' ];
is(value(dbuser => 'SELECT count(*) FROM secrets'), 1, 'nothing of it has committed');
unchanged('COMMIT inside');

# --- other workspaces, the control database, the host --------------------------------------------------------------------------
for my $key (qw(dbadmin dbuser reader))
{
	try_it($key, $_, qr/^(400|403|404)/) for "SELECT * FROM $other_database.public.secrets", "SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('/')", "SELECT lo_import('/etc/passwd')",
	  "COPY secrets FROM PROGRAM 'id'", 'SELECT * FROM appinfra.keys', 'CREATE EXTENSION dblink', 'CREATE EXTENSION postgres_fdw', 'ALTER SYSTEM SET work_mem = 1', "SELECT pg_terminate_backend(1)",
	  'SELECT * FROM pg_authid', 'SELECT * FROM pg_shadow', 'CREATE USER x', 'DROP DATABASE control', 'SELECT pg_reload_conf()', 'LOAD $$plpgsql$$' =~ s/\$\$/'/gr,
	  "CREATE SUBSCRIPTION s CONNECTION 'dbname=control' PUBLICATION p";
	my $seen = $gateway->sql($key{$key}, 'SELECT coalesce(string_agg(query, $$ $$), $$$$) FROM pg_stat_activity WHERE datname IS DISTINCT FROM current_database()');
	unlike($seen->{content}, qr/secret_hash|gateway_key|acd_/, "$key sees no statement of the gateway's");
	unlike($gateway->sql($key{$key}, "SELECT \$1::int", ['x'])->{content}, qr/host=|password|dbname/, 'an error says nothing of a connection');
}
is(value(other => 'SELECT owner FROM secrets'), 'other', 'the other workspace has what it had');
unchanged('other workspaces');

# --- a statement that outlives its request -------------------------------------------------------------------------------------
my $stubborn = "DO \$\$BEGIN UPDATE secrets SET owner = 'taken'; LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END\$\$";
try_it(dbuser => $stubborn, qr/^408/);
is(value($_, 'SELECT owner FROM secrets'), 'mine', "$_ sees nothing of it") for @keys;
wait_for('the end of it', sub { $host->safe_psql($database, "SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND query LIKE 'DO %'") == 0 });
is($gateway->sql($key{second}, "UPDATE secrets SET owner = 'mine' RETURNING owner")->{json}{rows}[0][0], 'mine', 'and its lock is gone');
unchanged('a statement that outlives its request');
is($gateway->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
