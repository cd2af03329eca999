# The sidecar as a service: what it tells the service manager, where its options come from, and what
# it says when something is wrong with them, with the database or with its role.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Publications qw(publication wait_for_status);
use Appinfra::Supervisor;
use Appinfra::Wait qw(reaches);
use Test::More;
use Time::HiRes qw(time);

my $host = Appinfra->make('service', pool_size => 3);
my $peer = Appinfra::Peer->start;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $count = 0;

sub write_file
{
	my ($name, $text) = @_;
	open my $out, '>', "$dir/$name" or die "$name: $!";
	print $out $text;
	close $out;
	return "$dir/$name";
}

sub provision
{
	my $app = 'app-' . ++$count;
	$host->provision(app_id => $app, slug => $app);
	return $app;
}

# Runs a command that should end by itself; returns its exit code and what it printed.
sub run_to_end
{
	my ($command, $env, @args) = @_;
	my $run = $host->start_sidecar(name => 'run', command => $command, args => \@args, env => $env);
	my $status = $run->wait_end(60);
	die "it did not end: $command @args\n" . $run->log unless defined $status;
	return ($status >> 8, $run->log);
}

# --- what the service manager is told -------------------------------------------------------------------
for my $abstract (0, 1)
{
	my $name = $abstract ? 'abstract socket' : 'socket';
	my $manager = Appinfra::Supervisor->new(abstract => $abstract);
	$host->stop('fast');
	my $started = time;
	my $sidecar = $host->start_sidecar(env => $peer->sidecar_env(
		NOTIFY_SOCKET => $manager->address, WATCHDOG_USEC => 400_000, APPINFRA_CALL_TIMEOUT => '5s', APPINFRA_LEASE => '10s'));
	$sidecar->wait_for_log(qr/(database not usable.*){2}/s);
	$manager->wait_for(qr/^WATCHDOG=1$/m, 2);
	is(scalar(grep { $_->[1] =~ /READY/ } $manager->messages), 0, "$name: without the database it is not ready, and alive");
	$host->start;
	$manager->wait_for(qr/^READY=1$/m);
	my $app = provision();
	wait_for_status($host, $app, 'published');
	reaches { $manager->wait_for(qr/^WATCHDOG=1$/m, 8) } "$name: it says again and again that it is alive";
	my $alive = grep { $_->[1] =~ /^WATCHDOG=1$/m } $manager->messages;
	cmp_ok($alive, '<=', (time - $started) / 0.2 + 1, "$name: and not all the time");

	$sidecar->signal('HUP');
	my $reloading = $manager->wait_for(qr/^RELOADING=1$/m);
	like($reloading->[1], qr/^MONOTONIC_USEC=\d+$/m, "$name: SIGHUP: it is reloading, since when");
	$manager->wait_for(qr/^READY=1$/m, 2);
	$peer->rules({ hold => \1 });
	$app = provision();
	$peer->wait_for_requests($app, 1);
	$sidecar->signal('TERM');
	my $stopping = $manager->wait_for(qr/^STOPPING=1$/m);
	isnt(publication($host, $app)->{status}, 'published', "$name: SIGTERM: it is stopping, before it has finished");
	$peer->rules;
	is($sidecar->wait_end, 0, "$name: SIGTERM: exit code 0");
	is(publication($host, $app)->{status}, 'published', "$name: SIGTERM: and what was under way is finished");
	my @states = map { $_->[1] =~ /^(READY|RELOADING|STOPPING)=1$/m ? $1 : () } $manager->messages;
	is("@states", 'READY RELOADING READY STOPPING', "$name: in this order");
}
{
	my $manager = Appinfra::Supervisor->new;
	my $sidecar = $host->start_sidecar(
		env => { NOTIFY_SOCKET => $manager->address, WATCHDOG_USEC => 100_000, WATCHDOG_PID => $$ });
	$manager->wait_for(qr/^READY=1$/m);
	wait_for_status($host, provision(), 'published');
	is(scalar(grep { $_->[1] =~ /WATCHDOG/ } $manager->messages), 0, 'a watchdog of another process is not ours');
	is($sidecar->stop, 0, 'exit code 0');
}

# --- flag, environment, file -------------------------------------------------------------------------------
my %sinks = map { $_ => "$dir/sink-$_" } qw(file environment flag);
my $config = write_file('appinfrad.conf', <<"CONF");
# as in appinfrad.conf.example
sink = "file:$sinks{file}"
worker = "by-file"
log-format = "json"
poll = "100ms"
CONF
for my $case (
	[ 'file', {}, [] ],
	[ 'environment', { APPINFRA_SINK => "file:$sinks{environment}", APPINFRA_WORKER => 'by-environment' }, [] ],
	[ 'flag', { APPINFRA_SINK => "file:$sinks{environment}", APPINFRA_WORKER => 'by-environment' },
		[ "--sink=file:$sinks{flag}", '--worker', 'by-flag' ] ])
{
	my ($name, $env, $args) = @$case;
	my $app = provision();
	my ($code, $log) = run_to_end('publish', { APPINFRA_SINK => undef, APPINFRA_CONFIG => $config, %$env }, '--once', @$args);
	is($code, 0, "$name: delivered") or diag $log;
	is(join(' ', grep { $host->app_env($app, $sinks{$_})->{DATABASE_URL} } sort keys %sinks), $name, "$name: to the sink that it names");
	is(publication($host, $app)->{worker}, "by-$name", "$name: under the name that it gives");
	like($log, qr/^\{.*"worker": ?"by-$name"/, "$name: the file decides what nobody else names");
}
{
	my $app = provision();
	my ($code, $log) = run_to_end('publish', { APPINFRA_SINK => undef, APPINFRA_CONFIG => '/no/such/file' }, '--config', $config, '--once');
	is($code, 0, '--config wins over APPINFRA_CONFIG') or diag $log;
	my %secret_files = (
		APPINFRA_DATABASE_URL => undef,
		APPINFRA_DATABASE_URL_FILE => write_file('url', $host->sidecar_url . "\n"),
		OPENFACTORY_DB_PRODUCER_TOKEN => undef,
		OPENFACTORY_DB_PRODUCER_TOKEN_FILE => write_file('token', "test-token\n"));
	$app = provision();
	($code, $log) = run_to_end('publish', $peer->sidecar_env(%secret_files), '--once');
	is($code, 0, 'connection string and token come from files') or diag $log;
	is(($peer->requests($app))[0]{headers}{Authorization}, 'Bearer test-token', 'without their line ends');
	$app = provision();
	($code, $log) = run_to_end('publish', { APPINFRA_DATABASE_URL => 'postgres://nobody@127.0.0.1:1/none' },
		'--once', '--database', $host->sidecar_url);
	is($code, 0, '--database wins over APPINFRA_DATABASE_URL') or diag $log;
	$app = provision();
	($code, $log) = run_to_end('publish', { APPINFRA_DATABASE_URL => undef, PGHOST => $host->host, PGPORT => $host->port,
			PGDATABASE => 'control', PGUSER => 'appinfra_sidecar' }, '--once');
	is($code, 0, "libpq's own variables work") or diag $log;
	is(publication($host, $app)->{status}, 'published', 'and it is published');
}

# --- a wrong configuration: exit code 2, and what to do ------------------------------------------------------
my $empty = write_file('empty', '');
my $bad = write_file('bad.conf', "sink = \"file:$dir/x\"\nno-such-option = \"1\"\n");
my $url = $host->sidecar_url;
for my $case (
	[ 'no sink', { APPINFRA_SINK => undef }, [], qr/no sink: set APPINFRA_PRODUCER_URL, or APPINFRA_SINK=file:DIR/ ],
	[ 'a sink of another kind', { APPINFRA_SINK => 'ftp' }, [], qr/--sink must be "http" or "file:DIR"/ ],
	[ 'a sink without its folder', { APPINFRA_SINK => 'file:' }, [], qr/names no folder/ ],
	[ 'no token', $peer->sidecar_env(OPENFACTORY_DB_PRODUCER_TOKEN => undef), [], qr/no token: set OPENFACTORY_DB_PRODUCER_TOKEN_FILE/ ],
	[ 'a token that no header may carry', $peer->sidecar_env(OPENFACTORY_DB_PRODUCER_TOKEN => "a\tb"), [], qr/characters that no header may carry/ ],
	[ 'two tokens', $peer->sidecar_env(OPENFACTORY_DB_PRODUCER_TOKEN_FILE => $config), [], qr/are both set; keep one/ ],
	[ 'a token file that is not there', $peer->sidecar_env(OPENFACTORY_DB_PRODUCER_TOKEN => undef, OPENFACTORY_DB_PRODUCER_TOKEN_FILE => "$dir/none"),
		[], qr{secret file "\Q$dir\E/none": No such file} ],
	[ 'an empty token file', $peer->sidecar_env(OPENFACTORY_DB_PRODUCER_TOKEN => undef, OPENFACTORY_DB_PRODUCER_TOKEN_FILE => $empty), [], qr/: empty/ ],
	[ 'a config file that is not there', {}, [ '--config', "$dir/none" ], qr/none/ ],
	[ 'an option that is none, in the file', {}, [ '--config', $bad ], qr/no-such-option/ ],
	[ 'a flag that is none', {}, ['--no-such-flag'], qr/--no-such-flag/ ],
	[ 'a time that is none', { APPINFRA_POLL => 'soon' }, [], qr/--poll must be a time from 1ms to 24h/ ],
	[ 'a number that is none', {}, ['--batch=0'], qr/--batch must be a whole number from 1 to 256/ ],
	[ 'a lease shorter than two calls', {}, ['--lease=20s'], qr/--lease must be at least twice --call-timeout/ ],
	[ 'a log level that is none', { APPINFRA_LOG_LEVEL => 'loud' }, [], qr/unknown log level "loud"/ ],
	[ 'a log format that is none', { APPINFRA_LOG_FORMAT => 'xml' }, [], qr/--log-format must be "text" or "json"/ ],
	[ 'a URL of another kind', $peer->sidecar_env(APPINFRA_PRODUCER_URL => 'ftp://x'), [], qr/is neither https nor http/ ],
	[ 'a URL with a password', $peer->sidecar_env(APPINFRA_PRODUCER_URL => 'https://u:hidden-word@x'), [], qr/carries a user or a password/ ],
	[ 'a path without the app', $peer->sidecar_env(APPINFRA_PRODUCER_PATH => '/env'), [], qr/contain "\{app_id\}"/ ],
	[ 'a password on the command line', {}, ['--database=postgres://u:hidden-word@h/d'], qr/carries a password, which everyone/ ],
	[ 'a connection string that is none', { APPINFRA_DATABASE_URL => 'hidden-word' }, [], qr/connection string cannot be parsed/ ])
{
	my ($name, $env, $args, $message) = @$case;
	my ($code, $log) = run_to_end('serve', $env, @$args);
	is($code, 2, "$name: exit code 2");
	like($log, $message, "$name: with a message");
	unlike($log, qr/hidden-word/, "$name: that quotes no secret");
	is(() = $log =~ /\n/g, 1, "$name: of one line");
}
my ($code, $log) = run_to_end('none', {});
is($code, 2, 'a command that is none: exit code 2');
like($log, qr/no command "none"; the commands are serve, publish, /, 'which names it and the ones there are');
($code, $log) = run_to_end('publish', {}, '--once', '--listen=127.0.0.1:0');
is($code, 2, "an option of another command: exit code 2");
like($log, qr/--listen is an option of serve, not of publish/, 'which says whose it is');
($code, $log) = run_to_end('publish', { APPINFRA_LISTEN => '127.0.0.1:0' }, '--once');
is($code, 0, 'while its variable may be set') or diag $log;
($code, $log) = run_to_end('--help', {});
is($code, 0, '--help: exit code 0');
like($log, qr/^  \Q$_\E /m, "with the command $_") for qw(serve publish mcp check-env check-producer verify-audit audit);
unlike($log, qr/--drain-timeout/, 'and no options');
($code, $log) = run_to_end('serve', {}, '--help');
is($code, 0, 'serve --help: exit code 0');
like($log, qr/--drain-timeout.*\(APPINFRA_DRAIN_TIMEOUT\).*--listen.*Exit codes: 0 done/s, 'with every option of serve');
unlike($log, qr/--(once|timeout|user) /, 'and none of others');
($code, $log) = run_to_end('--version', {});
like("$code $log", qr/^0 appinfrad \d+\.\d+\.\d+$/, '--version');

# --- the database cannot be reached, or not used ------------------------------------------------------------------
my $unused = PostgreSQL::Test::Cluster::get_free_port();
$host->control('CREATE ROLE stranger LOGIN');
$host->control("CREATE ROLE other LOGIN PASSWORD 'right'");
$host->control("CREATE ROLE paired LOGIN PASSWORD 'right'");
$host->safe_psql('postgres', 'GRANT CONNECT ON DATABASE postgres TO stranger');
$host->safe_psql('postgres', 'GRANT CONNECT ON DATABASE control TO stranger');
open my $hba, '>>', $host->data_dir . '/pg_hba.conf' or die $!;
print $hba "local all stranger trust\nlocal all paired peer\n";
close $hba;
$host->reload;
my $socket = $host->host_encoded;
my $port = $host->port;
for my $case (
	[ 'nobody listens', "postgres://x\@127.0.0.1:$unused/control",
		qr/"127\.0\.0\.1", port $unused failed: Connection refused.*Is the server running on that host and accepting TCP\/IP connections\?/ ],
	[ 'no such socket', "postgres:///control?host=%2Fno%2Fsuch&port=$port", qr{"/no/such/\.s\.PGSQL\.$port" failed: .*Is the server running locally} ],
	[ 'a host that has no address', "postgres://x\@no.such.invalid:$port/control", qr/could not translate host name "no\.such\.invalid"/ ],
	[ 'a wrong password', "postgres://other:hidden-word\@127.0.0.1:$port/control", qr/"127\.0\.0\.1", port $port failed: FATAL:  password authentication failed for user "other"/ ],
	[ 'the method peer', "postgres://paired:hidden-word\@/control?host=$socket&port=$port",
		qr/Peer authentication failed for user "paired"; hint: a line of pg_hba\.conf with the method peer matches first.*scram-sha-256/ ],
	[ 'no such database', "postgres:///none?host=$socket&port=$port&user=stranger",
		qr/database "none" does not exist; hint: .*appinfra\.control_database names: create it/ ],
	[ 'not the control database', "postgres:///postgres?host=$socket&port=$port&user=stranger", qr/hint: run CREATE EXTENSION appinfra in this database, or connect to the control database/ ],
	[ 'not a member of appinfra_publisher', "postgres:///control?host=$socket&port=$port&user=stranger",
		qr/permission denied .*SQLSTATE 42501.*hint: grant appinfra_publisher to the sidecar's login/ ])
{
	my ($name, $database, $message) = @$case;
	($code, $log) = run_to_end('publish', { APPINFRA_DATABASE_URL => $database }, '--once', '--reconnect-longest=100ms');
	is($code, 3, "$name: exit code 3") or diag $log;
	like($log, qr/ warn database not usable .*/, "$name: it says so");
	like($log =~ s/\\"/"/gr, $message, "$name: and what to check");
	unlike($log, qr/hidden-word/, "$name: no secret");
}

# serve goes on trying, and works as soon as somebody has granted it.
my $app = provision();
my $sidecar = $host->start_sidecar(env => {
	APPINFRA_DATABASE_URL => "postgres:///control?host=$socket&port=$port&user=stranger", APPINFRA_RECONNECT_LONGEST => '100ms' });
$sidecar->wait_for_log(qr/hint: grant appinfra_publisher/);
is($sidecar->alive, 1, 'serve goes on trying');
$host->control('GRANT appinfra_publisher TO stranger');
wait_for_status($host, $app, 'published');
ok($host->app_env($app)->{DATABASE_URL}, 'and delivers as soon as it may');
is($sidecar->stop, 0, 'exit code 0');
done_testing();
