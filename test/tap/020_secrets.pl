# A plaintext password is nowhere at rest: every setting that might write one is on, and then the
# data directory, the logs, the statistics, /proc and a dump are searched. A string that was logged
# on purpose proves that the search finds.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use JSON::PP;
use File::Find;
use IPC::Run;
use Test::More;

my $host = Appinfra->make('secrets', pool_size => 4, conf => <<'CONF');
shared_preload_libraries = 'appinfra, pg_stat_statements, auto_explain'
wal_level = logical
log_statement = all
log_min_duration_statement = 0
log_min_messages = debug1
log_error_verbosity = verbose
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_duration = on
log_temp_files = 0
debug_print_parse = on
debug_print_rewritten = on
debug_print_plan = on
pg_stat_statements.track = all
pg_stat_statements.track_utility = on
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_triggers = on
track_activity_query_size = 64kB
work_mem = 64kB
CONF
$host->control('CREATE EXTENSION pg_stat_statements');

my %passwords;
my $sidecar_count = 0;

# Remembers a password by where it came from.
sub remember
{
	my ($url, $from) = @_;
	my $password = parse_dsn($url)->{password};
	$passwords{$password} = $from;
	return $password;
}

# --- the ways a password leaves the host -----------------------------------------------------------
for my $n (1 .. 3)
{
	my $tenant = $host->provision(
		app_id => "app-direct-$n",
		slug => 'direct',
		env => { DATABASE_URL => 'writer', DATABASE_SERVICE_URL => 'service', A_URL => 'owner' },
		publish => 0);
	remember($_, 'provision_tenant') for values %{ $tenant->{env} };
}

# with parameters, and with an error behind it, so that the parameters are logged
my ($code, $out, $err) = $host->try_control(<<'SQL');
PREPARE make (text, boolean) AS
    SELECT url FROM appinfra.provision_tenant($1, 'me', 'prepared', publish => $2);
EXECUTE make('app-prepared', false);
SQL
is($code, 0, 'a prepared statement provisions') or diag $err;
remember($out, 'prepared provision_tenant');

# as functions of an app platform do it: in PL/pgSQL, with the answer in a variable
($code, $out, $err) = $host->try_control(<<'SQL');
CREATE FUNCTION public.deploy(app text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE made appinfra.connection;
BEGIN
    made := appinfra.provision_tenant(app, 'me', 'from-plpgsql', publish => false);
    RETURN made.url;
END $$;
SELECT public.deploy('app-plpgsql');
SQL
is($code, 0, 'PL/pgSQL provisions') or diag $err;
remember($out, 'PL/pgSQL');

# Claims all there is, in one call, as the sidecar does it.
sub claim
{
	my @rows = map { decode_json($_) } split /\n/,
	  $host->control("SELECT row_to_json(c) FROM appinfra.claim_publications('w', 1000) c");
	remember($_, 'claim_publications') for map { values %{ $_->{set} } } @rows;
	return @rows;
}

my $variables = { map { ("DATABASE_URL_$_" => $_ % 2 ? 'owner' : 'reader') } 1 .. 15 };
$host->provision(app_id => "app-many-$_", slug => "many-$_", env => $variables) for 1 .. 8;
$host->provision(app_id => 'app-fail', slug => 'fail');

my @first = claim();
is(scalar @first, 121, 'one call claims many publications');
is(scalar(grep { length $_->{claim} } @first), 121, 'all with a claim');

# A batch that is far beyond work_mem did not go to disk.
unlike(slurp_log(), qr/temporary file: path/, 'the batch spilled to no temporary file');

# --- a producer that echoes what it was sent ---------------------------------------------------------
my ($failed) = grep { $_->{app_id} eq 'app-fail' } @first;
my ($url) = values %{ $failed->{set} };
is( $host->control(
		"SELECT appinfra.fail_publication($failed->{publication_id}, '$failed->{claim}', "
		  . "'HTTP 500', 'unknown', now())"),
	'pending',
	'one is failed');

# The answer of a producer can hold anything; what the sidecar passes on is in its statement, so
# only what the extension keeps is looked at. The others are completed.
for my $done (grep { $_->{app_id} ne 'app-fail' } @first)
{
	$host->control(
		"SELECT appinfra.complete_publication($done->{publication_id}, '$done->{claim}')")
	  if $sidecar_count++ < 10;
}
my @second = claim();
is(scalar(grep { $_->{app_id} eq 'app-fail' } @second), 1, 'it is claimed again');
isnt((values %{ $second[0]{set} })[0], $url, 'with another password');

# --- a rollback, a cancelled statement, an error after the password was made ------------------------
($code, $out, $err) = $host->try_control(<<'SQL');
BEGIN;
SELECT url FROM appinfra.provision_tenant('app-rolled', 'me', 'rolled', publish => false);
SAVEPOINT s;
SELECT url FROM appinfra.provision_tenant('app-rolled', 'me', 'again', publish => false,
    env => '{"B_URL": "owner"}');
ROLLBACK TO s;
SELECT url, 1 / (length(url) - length(url))
  FROM appinfra.provision_tenant('app-rolled', 'me', 'again', publish => false,
    env => '{"B_URL": "owner"}');
SQL
is($code, 3, 'a statement fails when the password is made');
like($err, qr/22012/, 'by a division');
remember($_, 'rolled back') for split /\n/, $out;

is(scalar keys %passwords, 3 * 3 + 2 + 121 + 1 + 2, 'all passwords are different');
is(scalar(grep { length != 44 } keys %passwords), 0, 'and 44 characters long');

# --- searching ---------------------------------------------------------------------------------------
# Strings that must be found: one in a statement, one only in a row, one in a session that is idle.
my $planted = 'planted-in-a-statement-' . int(rand(1e9));
my $stored = 'planted-in-a-row-' . int(rand(1e9));
my $idle = $host->background_psql('control');
$idle->query_safe("SELECT '$planted'");
$host->control("CREATE TABLE public.plant AS SELECT replace('$stored', 'x', 'x') AS t");
my $halves = substr($stored, 0, 8) . "' || '" . substr($stored, 8);
$host->control("CREATE TABLE public.assembled AS SELECT '$halves' || '-assembled' AS t");
$host->control('CHECKPOINT');

my $alternatives = join '|', map { quotemeta } keys %passwords, $planted, "$stored-assembled";
my $pattern = qr/($alternatives)/;

# Looks for the strings in a text and returns a hash of those that are there.
sub search_text
{
	my ($text) = @_;
	my %found;
	$found{$1} = 1 while $text =~ /$pattern/g;
	return \%found;
}

# Reads a file as bytes; an empty string when it has gone meanwhile or may not be read.
sub bytes_of
{
	my ($file) = @_;
	open my $in, '<:raw', $file or return '';
	local $/;
	return scalar <$in> // '';
}

sub slurp_log { return bytes_of($host->logfile); }

# Searches all files below a directory; returns what was found, each with its file.
sub search_files
{
	my ($dir) = @_;
	my (%found, $bytes);
	find(
		{
			no_chdir => 1,
			wanted => sub {
				return unless -f $_;
				my $text = bytes_of($_);
				$bytes += length $text;
				$found{$_} = $File::Find::name for keys %{ search_text($text) };
			}
		},
		$dir);
	return (\%found, $bytes);
}

# Says which passwords are among what was found.
sub leaks
{
	my ($found) = @_;
	return [ map { "$passwords{$_}: $found->{$_}" } grep { $passwords{$_} } sort keys %$found ];
}

my ($on_disk, $bytes) = search_files($host->data_dir);
is_deeply(leaks($on_disk), [], 'no password in the data directory, WAL and temporary files included');
ok($on_disk->{"$stored-assembled"}, 'a row is found there');
cmp_ok($bytes, '>', 30e6, "$bytes bytes were searched");

my $log = search_text(slurp_log());
is_deeply(leaks($log), [], 'no password in the server log');
ok($log->{$planted}, 'a statement is found there');
like(slurp_log(), qr/duration: .* plan:/, 'auto_explain was on');
like(slurp_log(), qr/:targetList/, 'parse trees were logged');

my $statements = search_text($host->control('SELECT query FROM pg_stat_statements'));
is_deeply(leaks($statements), [], 'no password in pg_stat_statements');
like(
	$host->control('SELECT query FROM pg_stat_statements WHERE NOT toplevel'),
	qr/INSERT INTO appinfra\.credential/,
	'statements inside of functions are tracked');
ok( $host->control(
		"SELECT count(*) > 0 FROM pg_stat_statements WHERE query ~ 'provision_tenant'") eq 't',
	'the calls are tracked');

my $activity = search_text($host->control('SELECT * FROM pg_stat_activity'));
is_deeply(leaks($activity), [], 'no password in pg_stat_activity');
ok($activity->{$planted}, 'a statement is found there');

# The processes of this host and what they started: command line and environment.
my @pids = split /\n/, $host->control('SELECT pid FROM pg_stat_activity');
push @pids, bytes_of($host->data_dir . '/postmaster.pid') =~ /^(\d+)/;
my $proc = join "\n", map { bytes_of("/proc/$_/cmdline"), bytes_of("/proc/$_/environ") } @pids;
cmp_ok(scalar @pids, '>', 5, 'there are processes to look at');
like($proc, qr/postgres/, 'their command lines can be read');
like($proc, qr/PATH=/, 'so can their environments');
is_deeply(leaks(search_text($proc)), [], 'no password on a command line or in an environment');

my $dump = $host->basedir . '/control.sql';
IPC::Run::run([ 'pg_dump', '-f', $dump, $host->connstr('control') ]) or die 'pg_dump failed';
my $dumped = search_text(bytes_of($dump));
is_deeply(leaks($dumped), [], 'no password in a dump of the control database');
ok($dumped->{"$stored-assembled"}, 'a row is found there');

my $tables = $host->control(<<'SQL');
SELECT query_to_xml(format('SELECT * FROM %s', oid::regclass), true, false, '')
  FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'appinfra'::regnamespace
SQL
is_deeply(leaks(search_text($tables)), [], 'no password in a table or a view');
unlike($tables, qr/SCRAM-SHA-256/, 'no verifier either');

# --- what a producer echoes and a sidecar passes on is not kept ---------------------------------------
$failed = $second[0];
($url) = values %{ $failed->{set} };
my $echo = "HTTP 500: cannot store $url";
$host->control("SELECT appinfra.fail_publication($failed->{publication_id}, '$failed->{claim}', "
	  . "'$echo', 'unknown')");
is($host->control("SELECT error FROM appinfra.publications WHERE app_id = 'app-fail'") =~
	  /HTTP 500: cannot store postgres/ ? 1 : 0, 1, 'the error is kept');
$host->control("SELECT appinfra.retry_publication($failed->{publication_id})");
my ($third) = claim();
($url) = values %{ $third->{set} };
my $answer = encode_json({ env_keys => [ 'DATABASE_URL', $url ], version => 1, env => $third->{set} });
is( $host->control(
		"SELECT appinfra.complete_publication($third->{publication_id}, '$third->{claim}', '$answer')"),
	't',
	'a completion with an echo');
is( $host->control("SELECT response FROM appinfra.publications WHERE app_id = 'app-fail'"),
	'{"version": 1, "env_keys": ["DATABASE_URL"]}',
	'only env_keys and version are kept of it');
$alternatives = join '|', map { quotemeta } keys %passwords;
$pattern = qr/($alternatives)/;
$dumped = search_text($host->control('SELECT * FROM appinfra.publications')
	  . $host->control('SELECT * FROM appinfra.audit'));
is_deeply(leaks($dumped), [], 'what a producer echoes is not kept');

$idle->quit;
done_testing();
