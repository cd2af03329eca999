# Logins of gateways: an hour long, one hash iteration, replaced and revoked; and the setting appinfra.key_id,
# which a gateway's session has from its start and no statement changes.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Calls;
use Appinfra::Wait qw(reaches);
use Appinfra::Wire;
use Test::More;

my $host = Appinfra->make('gateways');
my $gateway = Appinfra::Calls->new($host);
my $workspace = $host->provision(app_id => 'app-w', slug => 'work', env => {});
my $other = $host->provision(app_id => 'app-o', slug => 'other', publish => 0);
my $key = $gateway->mint($workspace->{db_id}, 'dbadmin');
my $second = $gateway->mint($workspace->{db_id}, 'dbadmin');
my $shown = q{SELECT current_setting('appinfra.key_id')};

# Returns the error of SQL in a session, '' when there is none.
sub error_of
{
	my ($session, $sql) = @_;
	return eval { $session->query($sql); 1 } ? '' : $@;
}

# Returns the error of a login.
sub login_error
{
	my ($dsn, %options) = @_;
	return eval { Appinfra::Wire->login($dsn, %options)->close; 1 } ? '' : $@;
}

subtest 'no statement changes appinfra.key_id' => sub {
	my $session = $gateway->enter($workspace->{db_id}, 'owner', $key);
	is($session->query($shown)->[0][0], $key->{key_id}, 'the session has it');
	my $user = $session->query('SELECT session_user')->[0][0];
	for my $sql (
		"SET appinfra.key_id = '$second->{key_id}'",
		"BEGIN; SET LOCAL appinfra.key_id = '$second->{key_id}'",
		"SELECT set_config('appinfra.key_id', '$second->{key_id}', false)",
		"SELECT set_config('appinfra.key_id', '$second->{key_id}', true)",
		q{SELECT set_config('appinfra.key_id', '', false)},
		q{SELECT set_config('appinfra.key_id', NULL, true)},
		'RESET appinfra.key_id',
		'SET appinfra.key_id TO DEFAULT',
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql SET appinfra.key_id = '$second->{key_id}' AS 'SELECT 1'",
		"ALTER ROLE $user SET appinfra.key_id = '$second->{key_id}'",
		"ALTER ROLE app_work_owner SET appinfra.key_id = '$second->{key_id}'",
		"ALTER DATABASE app_work SET appinfra.key_id = '$second->{key_id}'",
		"SELECT tenant_set('appinfra.key_id', '$second->{key_id}')",
		"UPDATE pg_settings SET setting = '$second->{key_id}' WHERE name = 'appinfra.key_id'")
	{
		like(error_of($session, $sql), qr/^(55P02|42501|22023) /, "refused: $sql");
		error_of($session, 'ROLLBACK');
		is($session->query($shown)->[0][0], $key->{key_id}, 'as before');
	}
	for my $sql ('RESET ALL', 'DISCARD ALL', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE', 'SET ROLE NONE')
	{
		is(error_of($session, $sql), '', $sql);
		is($session->query($shown)->[0][0], $key->{key_id}, "$sql: as before");
	}
	$session->close;
};

subtest 'workers of a parallel query have it' => sub {
	my $session = $gateway->enter($workspace->{db_id}, 'owner', $key);
	$session->query('CREATE TABLE many AS SELECT n FROM generate_series(1, 20000) n');
	$session->query('SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;'
		  . ' SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off');
	my $query = "SELECT count(*) FROM many WHERE current_setting('appinfra.key_id') || n = '$key->{key_id}' || n";
	# no worker may be free at a moment
	my $plan = '';
	for (1 .. 50)
	{
		$plan = join "\n", map { $_->[0] } @{ $session->query("EXPLAIN (ANALYZE, COSTS OFF) $query") };
		last if $plan =~ /Workers Launched: [12]/;
	}
	like($plan, qr/Workers Launched: [12]/, 'workers run it');
	is($session->query($query)->[0][0], 20000, 'and see the same id');
	$session->close;
};

subtest 'nobody else has it' => sub {
	my $id = "-c appinfra.key_id=$key->{key_id}";
	like(login_error($other->{url}, options => $id), qr/^42501 permission denied to set "appinfra.key_id"/, 'a tenant with its own login');
	like(login_error($gateway->login($workspace->{db_id}, 'writer')->{url}, options => '-c appinfra.key_id=short'), qr/^22023 /, 'no id');
	my $issued = $host->control("SELECT url FROM appinfra.issue_credential('$workspace->{db_id}', 'owner')");
	like(login_error($issued, options => $id), qr/^42501 /, 'another login of the workspace');
	my ($code, $out, $err) = do { local $ENV{PGOPTIONS} = $id; $host->try_control('SELECT 1') };
	isnt($code, 0, 'a superuser');
	is(Appinfra::Wire->login($other->{url})->query($shown)->[0][0], '', 'others have an empty one');
	$host->wait_until(q{SELECT count(*) > 0 FROM appinfra.audit WHERE action IN ('guard', 'login') AND db_id = '} . $other->{db_id} . q{' AND outcome = 'refused'});
	pass('the attempt has an audit row');
};

subtest 'a login is labelled, short-lived, cheap to check, and in one database' => sub {
	my $login = $gateway->login($workspace->{db_id}, 'writer');
	my $name = $login->{username};
	is($host->control("SELECT l.label FROM pg_shseclabel l JOIN pg_authid a ON a.oid = l.objoid WHERE rolname = '$name'"),
		"$workspace->{db_id} gateway writer", 'its label');
	is($host->control("SELECT rolvaliduntil BETWEEN now() + interval '59 min' AND now() + interval '1 hour' FROM pg_authid WHERE rolname = '$name'"), 't', 'an hour');
	is($host->control("SELECT split_part(rolpassword, ':', 1) FROM pg_authid WHERE rolname = '$name'"), 'SCRAM-SHA-256$1', 'one iteration');
	is(Appinfra::Wire->login($login->{url})->query('SELECT current_user')->[0][0], 'app_work_writer', 'the group role');
	my %elsewhere = (%{ parse_dsn($login->{url}) }, database => 'app_other');
	like(login_error(\%elsewhere), qr/^(42501|28000) /, 'no other database');
	like(error_of(Appinfra::Wire->login($login->{url}), "COPY (SELECT 1) TO PROGRAM 'true'"), qr/^42501 /, 'the guard applies');
	like(error_of(Appinfra::Wire->login($login->{url}), 'CREATE TABLE t (n int)'), qr/^42501 /, 'a writer makes no table');
	my ($one, $two) = map { Appinfra::Wire->login($login->{url}) } 1, 2;
	my $pid = $one->query('SELECT pg_backend_pid()')->[0][0];
	is($two->query("SELECT tenant_terminate_session($pid)")->[0][0], 't', 'a session of the login ends another');
	like($one->wait_end, qr/^57P01 /, 'which is gone');
	is($host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'gateway_login' AND credential = '$name' AND actor = 'appinfra_gateway_login'"), '1', 'an audit row');
};

subtest 'a new login retires the former one' => sub {
	my ($first, $next) = map { $gateway->login($workspace->{db_id}, 'reader') } 1, 2;
	my $reader = Appinfra::Calls->new($host, 'h')->login($workspace->{db_id}, 'reader');
	is($host->control("SELECT state || ' ' || (retires_at BETWEEN now() + interval '4 min' AND now() + interval '5 min') FROM appinfra.credentials WHERE username = '$first->{username}'"),
		'retiring true', 'the former goes in 5 minutes');
	is($host->control("SELECT string_agg(state, ' ') FROM appinfra.credentials WHERE username IN ('$next->{username}', '$reader->{username}')"),
		'active active', 'the next, and that of another gateway, do not');
	is(login_error($first->{url}), '', 'the former still works');
};

subtest 'a gateway that starts revokes what its earlier run has left' => sub {
	my $mine = $gateway->login($workspace->{db_id}, 'writer');
	my $theirs = Appinfra::Calls->new($host, 'h')->login($workspace->{db_id}, 'writer');
	my ($left, $stays) = map { Appinfra::Wire->login($_->{url}) } $mine, $theirs;
	my %call = $gateway->open_transaction($left);
	is($gateway->begin($key, 'left', %call)->{verdict}, 'run', 'a call runs');
	$gateway->ask(q{SELECT appinfra.gateway_hello('g')});
	like($left->wait_end, qr/^57P01 /, 'its session is ended');
	like(login_error($mine->{url}), qr/^(28P01|28000) /, 'its login does not log in');
	is($host->control(q{SELECT count(*) FROM appinfra.credential WHERE gateway = 'g' AND state IN ('active', 'retiring')}), '0', 'no login is left');
	is($stays->query('SELECT 1')->[0][0], 1, 'another gateway goes on');
	is($gateway->begin($key, 'left', xid => undef, pid => undef)->{verdict}, 'run', 'its call may run again');
};

subtest 'revocations end a login as any other' => sub {
	my $login = $gateway->login($workspace->{db_id}, 'writer');
	my $session = Appinfra::Wire->login($login->{url});
	$host->control("SELECT appinfra.revoke_credential('$login->{username}')");
	like($session->wait_end, qr/^57P01 /, 'revoke_credential');
	$session = $gateway->enter($workspace->{db_id}, 'owner', $key);
	$host->control("SELECT appinfra.revoke_tenant('$workspace->{db_id}')");
	like($session->wait_end, qr/^57P01 /, 'revoke_tenant');
	like(eval { $gateway->login($workspace->{db_id}, 'owner'); 1 } ? '' : $@, qr/55000/, 'and no new one is made');
	$host->control("SELECT appinfra.restore_tenant('$workspace->{db_id}')");
	is($gateway->enter($workspace->{db_id}, 'owner', $key)->query($shown)->[0][0], $key->{key_id}, 'until it is restored');
};

subtest 'a registry without logins left behind' => sub {
	$host->control("SELECT appinfra.deprovision_tenant('$workspace->{db_id}', '0')");
	reaches { $host->wait_until("SELECT status = 'dropped' FROM appinfra.databases WHERE db_id = '$workspace->{db_id}'") } 'the workspace is dropped';
	is($host->control("SELECT count(*) FROM pg_roles WHERE rolname ~ '^app_work'"), '0', 'with all roles');
	is($host->control(q{SELECT string_agg(DISTINCT status, ' ') FROM appinfra.keys}), 'revoked', 'and its keys are revoked');
};

done_testing();
