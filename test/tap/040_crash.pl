# After a kill at any moment the host converges without help: the pool is full, whatever was
# committed works, and no database, directory or role belongs to nobody.
use strict;
use warnings;
use Appinfra;
use Appinfra::Kill qw(find_process catch_process kill_and_recover wait_for_server directories);
use JSON::PP;
use POSIX qw(_exit);
use Time::HiRes qw(sleep time);
use Test::More;

my $pool_size = 4;
my $host = Appinfra->make('crash', pool_size => $pool_size, extension => 0,
	conf => "log_min_messages = log\n");
my @provisioned;    # what callers were told, and nobody could take back
my $app = 0;

# What is registered and incomplete: a tenant without its database, a group, a login or its label.
my $incomplete = <<'SQL';
SELECT 'database of ' || db_id FROM appinfra.tenant t
 WHERE NOT EXISTS (SELECT FROM pg_database d WHERE d.oid = t.database_oid
                      AND d.datname = t.database AND d.datallowconn)
UNION ALL
SELECT 'group ' || g || ' of ' || db_id FROM appinfra.tenant t, unnest(ARRAY['owner', 'writer', 'reader', 'service']) g
 WHERE NOT EXISTS (SELECT FROM pg_authid r JOIN pg_shseclabel l ON l.objoid = r.oid
                    WHERE rolname = t.database || '_' || g AND l.label = t.db_id || ' group ' || g)
UNION ALL
SELECT 'group ' || g || ' of shell ' || db_id FROM appinfra.shell t, unnest(ARRAY['owner', 'writer', 'reader', 'service']) g
 WHERE NOT EXISTS (SELECT FROM pg_authid r WHERE rolname = t.database || '_' || g)
UNION ALL
SELECT 'database of shell ' || db_id FROM appinfra.shell t
 WHERE status = 'ready' AND NOT EXISTS (SELECT FROM pg_database d WHERE d.oid = t.database_oid
                                          AND d.datname = t.database AND NOT d.datallowconn)
UNION ALL
SELECT 'login ' || username FROM appinfra.credential c
 WHERE NOT EXISTS (SELECT FROM pg_authid r JOIN pg_shseclabel l ON l.objoid = r.oid
                    WHERE rolname = c.username AND l.label = c.db_id || ' login ' || c.access)
UNION ALL
SELECT 'login of ' || db_id FROM appinfra.tenant WHERE db_id NOT IN (SELECT db_id FROM appinfra.credential)
SQL

# Waits until the pool is full and nobody is at work, then looks at everything there is.
sub converges
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_server($host);
	my $full = "SELECT count(*) FILTER (WHERE status = 'ready') >= $pool_size"
	  . " AND count(*) = count(*) FILTER (WHERE status = 'ready') FROM appinfra.pool";
	ok($host->poll_query_until('control', $full), "$name: the pool is full again");
	is_deeply([ $host->orphans ], [], "$name: no orphans");
	is($host->control($incomplete), '', "$name: nothing is half there");
	my @broken = grep { ($host->as_app($_->{url}, 'SELECT current_database()'))[1] ne $_->{database} }
	  splice @provisioned;
	is(scalar @broken, 0, "$name: every DSN that a caller received logs in");
	return;
}

sub provision
{
	my $tenant = $host->provision(app_id => 'app-' . ++$app, slug => 'crash', publish => 0);
	push @provisioned, $tenant;
	return $tenant;
}

# A number below the argument, different in every run: the moment of a kill.
sub moment { return rand($_[0]); }

# --- while the very first template and shells are made -----------------------------------------------
my %known = map { $_ => 1 } directories($host);
$host->create_extension;
for my $n (1 .. 4)
{
	my $pid = catch_process($host, qr/appinfra builder/);
	sleep moment(0.08);
	kill_and_recover($host, $pid);
}
converges('builder killed at its first work');
is($host->control('SELECT ready FROM appinfra.template'), 't', 'the template is ready');

# --- the scheduler ---------------------------------------------------------------------------------------
my $scheduler = catch_process($host, qr/appinfra scheduler/);
kill_and_recover($host, $scheduler);
provision();
isnt(catch_process($host, qr/appinfra scheduler/), $scheduler, 'a scheduler that was killed is back');
converges('scheduler killed');

# --- the builder in the middle of CREATE DATABASE ----------------------------------------------------------
for my $n (1 .. 8)
{
	my %before = map { $_ => 1 } directories($host);
	provision();
	my $pid = catch_process($host, qr/appinfra builder/);
	my $deadline = time + 30;
	# half of them as soon as the new directory is there, half of them later
	until (grep { !$before{$_} } directories($host)) { last if time > $deadline; }
	sleep moment(0.03) if $n % 2;
	kill_and_recover($host, $pid);
}
converges('builder killed in CREATE DATABASE');
my $log = PostgreSQL::Test::Utils::slurp_file($host->logfile);
like($log, qr/removed directory "base\/\d+" of a database whose creation was interrupted/,
	'a directory without a database was found and removed');

# --- a setup worker, in a shell and in the template --------------------------------------------------------
# Has setup workers started until one was caught, and kills it.
sub kill_setup_worker
{
	my ($bring_about) = @_;
	for (1 .. 50)
	{
		$bring_about->();
		my $pid = catch_process($host, qr/appinfra setup/, 1) // next;
		kill_and_recover($host, $pid);
		return 1;
	}
	return 0;
}
is(kill_setup_worker(\&provision), 1, 'a setup worker is killed in a shell') for 1 .. 3;
is( kill_setup_worker(
		sub { $host->control('UPDATE appinfra.template SET ready = false'); provision(); }),
	1,
	'one is killed when the template is being made');
converges('setup worker killed');
is($host->control('SELECT ready FROM appinfra.template'), 't', 'the template is ready');

# --- DROP DATABASE that was interrupted: the database is there and invalid ----------------------------------
$host->control('UPDATE appinfra.template SET ready = false');
$host->control("UPDATE pg_database SET datconnlimit = -2, datistemplate = false WHERE datname = 'appinfra_template'");
provision();
ok($host->poll_query_until('control', 'SELECT ready FROM appinfra.template'),
	'a template whose drop was interrupted is made anew');
converges('template invalid');

# --- a backend in the middle of a claim ----------------------------------------------------------------------
my $session = $host->background_psql('control');
$session->query_safe("BEGIN;\n" . $host->provision_sql(app_id => 'app-open', slug => 'open', publish => 0));
my $backend = $session->query_safe('SELECT pg_backend_pid()');
my $taken = $host->control(
	"SELECT count(*) FROM pg_database WHERE datname = 'app_open'");
is($taken, 0, 'a claim that is not committed is invisible');
kill_and_recover($host, $backend);
eval { $session->quit };
is($host->control("SELECT count(*) FROM appinfra.databases WHERE app_id = 'app-open'"), 0,
	'a backend killed in a claim leaves no tenant');
push @provisioned, my $second = $host->provision(app_id => 'app-open', slug => 'open', publish => 0);
is($second->{database}, 'app_open', 'the name and the variable are free');
converges('backend killed in a claim');

# --- everything at once, while clients provision --------------------------------------------------------------
# Each client provisions until it is told to stop, and writes down what it was given.
my $stop = $host->basedir . '/stop';
my @clients;
for my $client (1 .. 4)
{
	my $pid = fork() // die "fork: $!";
	if ($pid)
	{
		push @clients, $pid;
		next;
	}
	open my $given, '>', $host->basedir . "/client.$client" or _exit(1);
	$given->autoflush(1);
	for (my $n = 1; !-e $stop; $n++)
	{
		my ($code, $out) = eval {
			$host->try_control($host->provision_sql(app_id => "app-$client-$n", slug => 'crowd', publish => 0));
		};
		print $given "$out\n" if defined $code && $code == 0;
	}
	_exit(0);
}
my $rounds = 6;
for my $round (1 .. $rounds)
{
	# let them get some
	my $have = (-s $host->basedir . '/client.1') // 0;
	my $deadline = time + 30;
	sleep 0.01 while -s $host->basedir . '/client.1' <= $have && time < $deadline;
	sleep moment(0.3);
	if ($round % 3 == 0)
	{
		$host->stop('immediate');
		$host->start;
	}
	elsif ($round % 3 == 1)
	{
		$host->crash;
	}
	else
	{
		my $pid = find_process($host, qr/appinfra (setup|builder)/) // find_process($host, qr/provision|SELECT|idle/);
		kill_and_recover($host, $pid) if defined $pid;
	}
}
open my $told, '>', $stop or die $!;
close $told;
waitpid $_, 0 for @clients;
for my $client (1 .. 4)
{
	push @provisioned,
	  map { decode_json($_) } split /\n/, PostgreSQL::Test::Utils::slurp_file($host->basedir . "/client.$client");
}
my $told_count = @provisioned;
cmp_ok($told_count, '>=', $rounds, "$told_count calls were answered in between");
my %distinct = map { $_->{database} => 1 } @provisioned;
is(scalar keys %distinct, $told_count, 'with different databases');
is( $host->control("SELECT count(*) FROM appinfra.databases WHERE app_id ~ '^app-[0-9]+-'") >= $told_count,
	1,
	'all of them are registered');
converges('postmaster, builder and backends killed under load');

# Whatever a caller was not told, because its answer was lost, is complete as well: see converges().
$host->restart;
converges('restarted');
$log = PostgreSQL::Test::Utils::slurp_file($host->logfile);
unlike($log, qr/PANIC|TRAP|some useless files may be left behind/, 'no PANIC, nothing left behind');
done_testing();
