# No password that the sidecar handles is anywhere but where it is delivered: not in its log at its
# most verbose, in /proc, in the server's log and views, nor in what a producer's echo leaves behind.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Peer;
use Appinfra::Process;
use Appinfra::Publications qw(publication wait_for_status wait_until_settled);
use File::Find;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('secrets', pool_size => 4, conf => <<'CONF');
shared_preload_libraries = 'appinfra, pg_stat_statements'
log_statement = all
log_min_duration_statement = 0
log_min_messages = debug1
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
debug_print_parse = on
pg_stat_statements.track = all
track_activity_query_size = 64kB
CONF
$host->control('CREATE EXTENSION pg_stat_statements');
my $peer = Appinfra::Peer->start;
my $token = 'token-' . join '', map { ('a' .. 'z')[ rand 26 ] } 1 .. 40;
my $database_password = 'dbpw-' . join '', map { ('a' .. 'z')[ rand 26 ] } 1 .. 40;
$host->control("SET pg_stat_statements.track = none; SET log_statement = none; SET log_min_duration_statement = -1; SET debug_print_parse = off;
	ALTER ROLE appinfra_sidecar PASSWORD '$database_password'");
$peer->expect_token($token);
my %secrets = ($token => 'the token', $database_password => "the sidecar's own password");

# The sidecar's own password travels in its environment, over TCP.
sub start
{
	my ($format, %more) = @_;
	my $url = sprintf 'postgres://appinfra_sidecar:%s@127.0.0.1:%d/control', $database_password, $host->port;
	my $sidecar = $host->start_sidecar(name => $format, env => $peer->sidecar_env(
		APPINFRA_DATABASE_URL => $url, OPENFACTORY_DB_PRODUCER_TOKEN => $token, APPINFRA_PROBE => '100ms',
		APPINFRA_LOG_LEVEL => 'debug', APPINFRA_LOG_FORMAT => $format, %more));
	$sidecar->wait_for_log(qr/database connected.*database connected/s);
	return $sidecar;
}

# Reads a file as bytes; undef when it may not be read.
sub bytes_of
{
	my ($file) = @_;
	open my $in, '<:raw', $file or return undef;
	local $/;
	return scalar <$in> // '';
}

# The secrets in a text, by what they are; also in their percent-encoded and their base64 forms, and
# any half of one.
sub found_in
{
	my ($text) = @_;
	my %found;
	for my $secret (keys %secrets)
	{
		my $half = length($secret) / 2;
		$found{ $secrets{$secret} } = 1
		  if grep { index($text, $_) >= 0 } substr($secret, 0, $half), substr($secret, $half);
	}
	return [ sort keys %found ];
}

sub proc_of
{
	my ($pid) = @_;
	return join "\n", map { bytes_of("/proc/$pid/$_") // '' } qw(cmdline environ comm);
}

# --- what the sidecar goes through -----------------------------------------------------------------------
# Deliveries, every kind of fault, and a producer that sends back whatever it was sent.
my $n = 0;

sub deliver
{
	my ($status, @rules) = @_;
	my $app = 'app-' . ++$n;
	$peer->rules(map { { app => $app, %$_ } } @rules);
	$host->provision(app_id => $app, slug => $app, env => { DATABASE_URL => 'writer' });
	my $row = wait_for_status($host, $app, $status);
	for my $request ($peer->requests($app))
	{
		$secrets{ parse_dsn($_)->{password} } = "a password of $app" for values %{ $request->{body}{set} };
	}
	return $row;
}

# The peer knows the DSN only when it has it, so the echo is the next answer for the same claim.
sub deliver_with_echo
{
	my ($twist) = @_;
	my $app = 'app-' . ++$n;
	$peer->rules({ app => $app, status => 503 });
	$host->provision(app_id => $app, slug => $app);
	my ($request) = $peer->wait_for_requests($app, 1);
	my $dsn = $request->{body}{set}{DATABASE_URL};
	my $password = parse_dsn($dsn)->{password};
	$secrets{$password} = "a password of $app";
	my $echo = $twist->($dsn, $password);
	$peer->rules({ app => $app, status => 422, body => { title => "no $echo", detail => "got $echo with Bearer $token" } });
	return wait_for_status($host, $app, 'failed');
}

my %twists = (
	'the DSN' => sub { $_[0] },
	'the password' => sub { $_[1] },
	'the password in the middle of a word' => sub { "x$_[1]y" },
	'the DSN, percent-encoded' => sub { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger },
	'the first half of the password' => sub { substr $_[1], 0, 22 },
	'the password with a line break in it' => sub { substr($_[1], 0, 20) . "\n" . substr($_[1], 20) },
	'the password behind 490 letters' => sub { 'x ' x 245 . $_[1] });

my %sidecars;
for my $format (qw(text json))
{
	my $sidecar = $sidecars{$format} = start($format);
	deliver('published');
	deliver('published', { times => 1, %$_ })
	  for { status => 503 }, { status => 500, store => 1 }, { status => 401 }, { reset => 'after_store' },
	  { half => 'close' }, { invalid_json => 1 }, { huge => 100_000 }, { redirect => 'http://127.0.0.1:1/x' };
	deliver('failed', { status => 409, body => { title => 'foreign_owner' } });
	for my $name (sort keys %twists)
	{
		my $row = deliver_with_echo($twists{$name});
		like($row->{error}, qr/^HTTP 422 no .*\*\*\*/, "$format: a producer echoes $name: the error is kept, with stars");
		is_deeply(found_in(encode_json($row)), [], "$format: and without the password");
	}
	$sidecar->signal('HUP');
	$sidecar->wait_for_log(qr/token and CA read again/);

	# While it runs:
	my $pid = $sidecar->pid;
	like(bytes_of("/proc/$pid/cmdline"), qr{/appinfrad[^\0]*\0serve}, "$format: its command line can be read");
	is_deeply(found_in(proc_of($pid)), [], "$format: no secret on its command line, nor in its environment");
	my $limits = bytes_of("/proc/$pid/limits");
	like($limits, qr/^Max core file size\s+0\s+0\s/m, "$format: RLIMIT_CORE is 0");
	is((stat "/proc/$pid/mem")[4], 0, "$format: it is not dumpable: its /proc belongs to root") if $> != 0;
	is(bytes_of("/proc/$pid/environ"), undef, "$format: and cannot be read by others of its user") if $> != 0;
	$sidecar->stop;
}

# --- one that is killed while it holds DSNs leaves no core, and its log nothing ------------------------------
{
	my $sidecar = start('text', APPINFRA_CALL_TIMEOUT => '10s', APPINFRA_LEASE => '20s');
	$peer->rules({ status => 503, headers => { 'Retry-After' => '600' } });
	$host->provision(app_id => 'app-abort', slug => 'abort');
	my ($request) = $peer->wait_for_requests('app-abort', 1);
	$secrets{ parse_dsn($request->{body}{set}{DATABASE_URL})->{password} } = 'a password of app-abort';
	$sidecar->wait_for_log(qr/not delivered yet/);
	$sidecar->signal('ABRT');
	my $status = $sidecar->wait_end(30);
	is($status & 127, 6, 'a crash ends it');
	is($status & 128, 0, 'without a core');
	is_deeply(found_in($sidecar->log), [], 'and without a secret in its log');
}

# --- logs ------------------------------------------------------------------------------------------------------
cmp_ok(scalar keys %secrets, '>', 30, 'there are many secrets to look for');
for my $format (sort keys %sidecars)
{
	my $log = $sidecars{$format}->log;
	is_deeply(found_in($log), [], "$format: no secret in the log at debug");
	my @lines = split /\n/, $log;
	cmp_ok(scalar @lines, '>', 30, "$format: which has many lines");
	if ($format eq 'json')
	{
		my @events = map { eval { decode_json($_) } } @lines;
		is(scalar(grep { $_ && $_->{time} && $_->{level} && $_->{event} } @events), scalar @lines, 'json: each line is an object');
		ok((grep { ($_->{error} // '') =~ /HTTP 422 no .*\*\*\*/ } @events), 'json: with the errors');
	}
	else
	{
		is(scalar(grep { !/^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) \S/ } @lines), 0, 'text: each line is an event');
	}
}

# --- the server ---------------------------------------------------------------------------------------------------
my $sidecar = start('text');
my $planted = 'planted-' . join '', map { ('a' .. 'z')[ rand 26 ] } 1 .. 40;
$secrets{$planted} = 'what was planted';
my $idle = $host->background_psql('control');
$idle->query_safe("SELECT '$planted'");
my $activity = $host->control('SELECT * FROM pg_stat_activity');
is_deeply(found_in($activity), ['what was planted'], 'pg_stat_activity: only what was planted');
like($activity, qr/appinfrad/, 'pg_stat_activity: the sidecar is there');
my $statements = $host->control('SELECT * FROM pg_stat_statements');
is_deeply(found_in($statements), [], 'pg_stat_statements: nothing');
like($statements, qr/claim_publications/, "pg_stat_statements: the sidecar's calls are there");
my $server_log = bytes_of($host->logfile);
is_deeply(found_in($server_log), ['what was planted'], 'server log: only what was planted');
like($server_log, qr/fail_publication.*HTTP 422 no/s, 'server log: the parameters of the calls are there');
is_deeply(found_in($host->control('SELECT * FROM appinfra.publications') . $host->control('SELECT * FROM appinfra.audit')),
	[], 'publications and audit: nothing');
$sidecar->stop;
$idle->quit;

# The search finds what is there: in a log, on a command line, in an environment, where it was delivered.
my $shown = Appinfra::Process->start(name => 'shown', env => { PLANTED => $planted },
	command => [ 'perl', '-e', "\$| = 1; print '$planted'; sleep 600" ]);
$shown->wait_for_log(qr/planted/);
is_deeply(found_in($shown->log), ['what was planted'], 'the search finds: in a log');
is_deeply(found_in(bytes_of('/proc/' . $shown->pid . '/cmdline')), ['what was planted'], 'the search finds: on a command line');
is_deeply(found_in(bytes_of('/proc/' . $shown->pid . '/environ')), ['what was planted'], 'the search finds: in an environment');
$shown->kill9;
my $journal = join '', map { encode_json($_) } $peer->journal;
is(scalar @{ found_in($journal) } >= $n ? 1 : 0, 1, 'the search finds: every app in the journal of the producer');

# --- the file sink ---------------------------------------------------------------------------------------------------
umask 0;
my $dir = PostgreSQL::Test::Utils::tempdir() . '/env';
$sidecar = start('text', APPINFRA_SINK => "file:$dir", APPINFRA_PRODUCER_URL => undef, OPENFACTORY_DB_PRODUCER_TOKEN => undef);
$host->provision(app_id => 'app-file', slug => 'file');
wait_for_status($host, 'app-file', 'published');
$secrets{ parse_dsn($host->app_env('app-file', $dir)->{DATABASE_URL})->{password} } = 'in the file';
chmod 0666, "$dir/app-file/app.env";
$host->provision(app_id => 'app-file', slug => 'file', env => { SECOND_URL => 'reader' });
wait_for_status($host, 'app-file', 'published', 'SECOND_URL');
$sidecar->stop;
my (%modes, @holding);
find({ no_chdir => 1, wanted => sub {
	$modes{ (-d $_ ? 'folder' : 'file') . sprintf ' %o', (stat $_)[2] & 07777 }++;
	push @holding, $_ if -f $_ && grep { $_ eq 'in the file' } @{ found_in(bytes_of($_)) };
} }, $dir);
is(join(', ', sort keys %modes), 'file 600, folder 700', 'file sink: files 0600, folders 0700, whatever umask is, also when one was opened');
is_deeply(\@holding, ["$dir/app-file/app.env"], 'file sink: the password is in app.env only');
is_deeply(found_in($sidecar->log), [], 'file sink: no secret in the log');
done_testing();
