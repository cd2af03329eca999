# A host with a standby, and a sidecar that is given both: it works on the one that takes writes, and
# after a failover on the other, also with what it was delivering meanwhile.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Peer;
use Appinfra::Publications qw(publication wait_for_status);
use Test::More;

my $primary = Appinfra->make('primary', pool_size => 3, init => { allows_streaming => 1 });
$primary->wait_for_pool(3);
$primary->backup('base');
# What is under way is to be told from what would be published again.
my $standby = $primary->start_standby('standby', 'appinfra.republish = never');
my $peer = Appinfra::Peer->start;

# The standby comes first, so that a sidecar which takes any would take that.
my $url = sprintf('postgres://appinfra_sidecar@%s:%d,%s:%d/control',
	$standby->host_encoded, $standby->port, $primary->host_encoded, $primary->port);
my %env = (APPINFRA_DATABASE_URL => $url, APPINFRA_LEASE => '60s', APPINFRA_CALL_TIMEOUT => '20s');
my $sidecar = $primary->start_sidecar(env => $peer->sidecar_env(%env));
my $log = $sidecar->wait_for_log(qr/(database connected .*){2}/s);
is(join(' ', $log =~ /database connected .* port=(\d+)/g), $primary->port . ' ' . $primary->port,
	'of two hosts it takes the primary');
$primary->provision(app_id => 'app-early', slug => 'early');
wait_for_status($primary, 'app-early', 'published');

# A sidecar that is told to take any takes the standby, and cannot work: read-write is the default for that.
my $any = $primary->start_sidecar(name => 'any', command => 'publish', args => ['--once'],
	env => $peer->sidecar_env(%env, APPINFRA_DATABASE_URL => "$url?target_session_attrs=any"));
is($any->wait_end(30) >> 8, 3, 'with target_session_attrs=any it would take the standby, and fail: exit code 3');
like($any->log, qr/database not usable .*during recovery/, 'because that is read-only');

# --- the primary dies while something is being delivered ------------------------------------------------
$peer->rules({ app => 'app-between', status => 503 });
$primary->provision(app_id => 'app-between', slug => 'between');
my ($request) = $peer->wait_for_requests('app-between', 2);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$primary->stop('immediate');
$sidecar->wait_for_log(qr/(database connection lost .*){2}/s);
$sidecar->wait_for_log(qr/database not usable/);
$standby->promote;
$log = $sidecar->wait_for_log(qr/(database connected .*){4}/s);
is(join(' ', ($log =~ /database connected .* port=(\d+)/g)[ 2, 3 ]), $standby->port . ' ' . $standby->port,
	'after the failover it takes the new primary');
$peer->rules;
my $row = wait_for_status($standby, 'app-between', 'published');
is($row->{attempt}, 1, 'what was under way is delivered, without another password');
my $dsn = $peer->wait_for_value('app-between', 'DATABASE_URL');
is($dsn, $request->{body}{set}{DATABASE_URL}, 'with the DSN that was sent before');
my ($code, $out, $err) = $standby->as_app($dsn, 'CREATE TABLE t (); SELECT current_database()', PGPORT => $standby->port);
is($out, 'app_between', 'which logs in to the new primary, and writes') or diag $err;

$standby->provision(app_id => 'app-after', slug => 'after');
wait_for_status($standby, 'app-after', 'published');
$dsn = $peer->wait_for_value('app-after', 'DATABASE_URL');
is(parse_dsn($dsn)->{port}, $standby->port, 'what is provisioned afterwards carries the new address');
($code, $out, $err) = $standby->as_app($dsn, 'SELECT current_database()');
is($out, 'app_after', 'and logs in') or diag $err;
is($sidecar->stop, 0, 'SIGTERM: exit code 0');
$standby->wait_for_pool(3);
is_deeply([ $standby->orphans ], [], 'no orphans');
done_testing();
