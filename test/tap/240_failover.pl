# A new primary gives nothing away before its versions and ids are ahead of what the old one may have
# published; a tenant with hundreds of logins; and no two builders at once.
use strict;
use warnings;
use Appinfra;
use Appinfra::Kill qw(find_process catch_process wait_for_server);
use Appinfra::Logins qw(failed_logins);
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Publications qw(publication);
use JSON::PP;
use Time::HiRes qw(sleep time);
use Test::More;

my $logins = 600;
my $primary = Appinfra->make('primary', pool_size => 2, init => { allows_streaming => 1 });
$primary->wait_for_pool(2);
$primary->provision(app_id => 'app-early', slug => 'early');
my $many = $primary->provision(app_id => 'app-many', slug => 'many', publish => 0);

# --- what the standby does not have --------------------------------------------------------------------------
$primary->backup('base');
my $standby = $primary->start_standby('standby', "wal_retrieve_retry_interval = '100ms'");
my $port = $standby->port;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->stop;
# the old primary goes on for a while, and nobody hears of it but the producer
my $before = decode_json($primary->control("SELECT row_to_json(c) FROM appinfra.claim_publications('w') c"));
is($before->{version}, 1, 'the first version is 1');
$primary->control("SELECT appinfra.complete_publication($before->{publication_id}, '$before->{claim}', NULL)");
for (1 .. 5)
{
	$primary->control("SELECT appinfra.rotate_credential('" . publication($primary, 'app-early')->{db_id} . "')");
	$before = decode_json($primary->control("SELECT row_to_json(c) FROM appinfra.claim_publications('w') c"));
	$primary->control("SELECT appinfra.complete_publication($before->{publication_id}, '$before->{claim}', NULL)");
}
is($before->{version}, 6, 'then it published more');
$primary->stop('immediate');

# --- promotion, with a sidecar that asks all the time -------------------------------------------------------------
my $claim = "SELECT row_to_json(c) FROM appinfra.claim_publications('w', 16, '1 day') c";
$standby->start;
$standby->promote;
my ($first, $deadline) = (undef, time + 60);
until (defined $first || time > $deadline)
{
	my ($code, $out) = eval { $standby->try_control($claim) };
	$first = decode_json($out) if defined $code && $code == 0 && $out ne '';
}
ok(defined $first, 'the new primary hands out what is pending');
$first //= {};
cmp_ok($first->{version} // 0, '>', $before->{version}, "its version ($first->{version}) is ahead of the old primary's ($before->{version})");
is($standby->control('SELECT timeline = (SELECT timeline_id FROM pg_control_checkpoint()) OR timeline > 1 FROM appinfra.host'), 't',
	'for the timeline that began');
$standby->control("SELECT appinfra.complete_publication($first->{publication_id}, '$first->{claim}', NULL)");
$standby->control("SELECT appinfra.rotate_credential('" . publication($standby, 'app-early')->{db_id} . "')");
my $second = decode_json($standby->control($claim));
cmp_ok($second->{version}, '>', $first->{version}, 'versions go on from there');
cmp_ok($second->{publication_id}, '>', $before->{publication_id} + 1000, 'ids are far ahead, too');
$standby->restart;
wait_for_server($standby);
$standby->wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'appinfra scheduler'");
$standby->provision(app_id => 'app-later', slug => 'later');
my $third = decode_json($standby->control($claim));
cmp_ok($third->{publication_id} - $second->{publication_id}, '<', 1000, 'a restart is no failover: nothing jumps');
cmp_ok($third->{version}, '>', $before->{version}, 'and a new variable begins above the floor, too');

# --- hundreds of logins: the ACL of the database leaves its row ----------------------------------------------------
my @urls = map { decode_json($_)->{url} } split /\n/,
  $standby->control("SELECT row_to_json(c) FROM generate_series(1, $logins) n, LATERAL appinfra.issue_credential('$many->{db_id}', CASE WHEN n % 2 = 0 THEN 'reader' ELSE 'owner' END) c WHERE n > 0");
is(scalar @urls, $logins, "$logins logins of one tenant");
cmp_ok($standby->control("SELECT pg_column_size(datacl) FROM pg_database WHERE datname = 'app_many'"), '>', 2000, 'the ACL of the database is long');
my %sample = map { $_ => $urls[$_] } 0 .. $#urls;
is_deeply([ failed_logins($standby, \%sample) ], [], 'all of them log in');
my ($code, $out, $err) = $standby->as_app($urls[-1], 'SELECT 1', PGDATABASE => 'control');
is($code, 2, 'but not into another database');
($code, $out, $err) = $standby->as_app($urls[-1], 'SELECT 1', PGDATABASE => 'app_early');
is($code, 2, "nor into another tenant's");
is($standby->control("SELECT appinfra.revoke_tenant('$many->{db_id}')"), $logins + 1, 'all are revoked at once');
($code, $out, $err) = $standby->as_app($urls[0], 'SELECT 1');
is($code, 2, 'and do not log in');

# --- one builder ----------------------------------------------------------------------------------------------------------
# The scheduler ends while its builder is at work; the new one must not start another beside it.
my ($most, $rounds) = (0, 0);
for (1 .. 6)
{
	$standby->provision(app_id => "app-drain-$_", slug => 'drain', publish => 0);
	my $builder = catch_process($standby, qr/appinfra builder/, 2) // next;
	my $scheduler = find_process($standby, qr/appinfra scheduler/) // next;
	kill 'TERM', $scheduler;
	my $until = time + 20;
	my $back;
	until (($back = find_process($standby, qr/appinfra scheduler/) // 0) && $back != $scheduler or time > $until)
	{
		my $n = builders();
		$most = $n if $n > $most;
	}
	# now it would start one
	$standby->provision(app_id => "app-drain-$_-again", slug => 'drain', publish => 0);
	my $full = 'f';
	until ($full eq 't' || time > $until)
	{
		my $n = builders();
		$most = $n if $n > $most;
		$full = $standby->control("SELECT count(*) >= 2 FROM appinfra.pool WHERE status = 'ready'");
	}
	$rounds++;
}
# at work are those with a lock; one that finds another at work has none, and ends
sub builders
{
	return $standby->control("SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
		  . " WHERE l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND l.granted AND a.backend_type = 'appinfra builder'");
}
cmp_ok($rounds, '>', 0, "the scheduler was ended $rounds times while a builder was there");
is($most, 1, 'never were two builders at work');
$standby->wait_for_pool(2);
unlike(PostgreSQL::Test::Utils::slurp_file($standby->logfile), qr/PANIC|tuple concurrently updated|duplicate key/, 'and none stood in the way of another');
$standby->wait_until("SELECT count(*) = 0 FROM appinfra.credentials WHERE state = 'revoked'");
is_deeply([ $standby->orphans('appinfra_sidecar') ], [], 'no orphans');
done_testing();
