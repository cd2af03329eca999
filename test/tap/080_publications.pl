# Publications with more than one sidecar, played here by SQL sessions: leases that run out, claimers
# that die, answers that come late, and claims at the same time.
use strict;
use warnings;
use Appinfra;
use Appinfra::Clients;
use Appinfra::Dsn qw(parse_dsn);
use JSON::PP;
use Test::More;

my $host = Appinfra->make('publications', pool_size => 4);

# Runs SQL as the sidecar's role, which may claim and answer and nothing else.
sub as_sidecar
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	my $code = $host->psql('control', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', 'appinfra_sidecar', '-v', 'VERBOSITY=verbose' ]);
	return ($code, $out, $err);
}

sub claim
{
	my ($worker, $batch, $lease) = @_;
	$lease //= '1 hour';
	my ($code, $out, $err) = as_sidecar(
		"SELECT row_to_json(c) FROM appinfra.claim_publications('$worker', $batch, '$lease') c");
	die $err if $code;
	return map { decode_json($_) } split /\n/, $out;
}

sub answer
{
	my ($function, $claim, @rest) = @_;
	my $list = join ', ', $claim->{publication_id}, "'$claim->{claim}'", @rest;
	my ($code, $out, $err) = as_sidecar("SELECT appinfra.$function($list)");
	return $code ? $err : $out;
}

sub status
{
	my ($claim) = @_;
	return $host->control("SELECT status FROM appinfra.publications WHERE publication_id = $claim->{publication_id}");
}

# The lease of a claim ends now, without anybody waiting for it.
sub expire
{
	my ($claim) = @_;
	$host->control("UPDATE appinfra.publication SET lease_until = now() - interval '1 s' "
		  . "WHERE publication_id = $claim->{publication_id}");
	return;
}

sub url { return $_[0]->{set}{DATABASE_URL}; }

sub logs_in
{
	my ($claim) = @_;
	return ($host->as_app(url($claim), 'SELECT current_database()'))[0] == 0 ? 1 : 0;
}

# --- the usual way ----------------------------------------------------------------------------------------
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', env => { DATABASE_URL => 'writer', DATABASE_SERVICE_URL => 'service' });
is("$tenant->{status} " . ($tenant->{url} // 'none'), 'ready none', 'publish: the caller gets no password');
my @two = claim('w1', 10);
is(scalar @two, 2, 'two variables are two publications');
my ($writer) = grep { $_->{set}{DATABASE_URL} } @two;
my ($service) = grep { $_->{set}{DATABASE_SERVICE_URL} } @two;
isnt(parse_dsn(url($writer))->{user}, parse_dsn($service->{set}{DATABASE_SERVICE_URL})->{user},
	'with different users');
is("$writer->{target} $writer->{app_id} $writer->{attempt} $writer->{version}", 'app-1 app-1 1 1',
	'for the app, the first attempt, version 1');
is_deeply($writer->{unset}, [], 'nothing to unset');
is(logs_in($writer), 1, 'the DSN logs in as soon as the claim is committed');
is(scalar claim('w2', 10), 0, 'nothing is left for another worker');
is(answer('extend_claim', $writer, "'10 minutes'"), 't', 'a lease is extended');
is(answer('complete_publication', $writer, "'{\"version\": 1, \"env_keys\": [\"DATABASE_URL\"]}'"), 't', 'completed');
is(answer('complete_publication', $writer), 't', 'the same answer once more, because its reply was lost');
is(status($writer), 'published', 'it is published');
is(answer('extend_claim', $writer, "'10 minutes'"), 'f', 'what is published is held no more');
is(answer('complete_publication', $service), 't', 'the other one, too');
is($host->control('SELECT count(*) FROM appinfra.publications'), 2, 'and nothing was queued');

# --- a claimer that dies: in its transaction, and with its claim ----------------------------------------------
$host->provision(app_id => 'app-2', slug => 'two');
my $session = $host->background_psql('control');
$session->query_safe('BEGIN');
my $lost = decode_json($session->query_safe("SELECT row_to_json(c) FROM appinfra.claim_publications('dying', 1) c"));
is(scalar claim('w1', 10), 0, 'what an open transaction claims is skipped, not waited for');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$host->control("SELECT pg_terminate_backend($pid, 10000)");
eval { $session->quit };
my ($dead) = claim('w1', 10);
is("$dead->{publication_id} $dead->{attempt}", "$lost->{publication_id} 1", 'it is claimed again, as if nothing had been');
is(logs_in($lost), 0, 'the DSN that was never committed does not log in');
is(logs_in($dead), 1, 'the other one does');
is(parse_dsn(url($dead))->{user}, parse_dsn(url($lost))->{user}, 'it is the same login');
like(answer('complete_publication', $lost), qr/ERROR:  42704: /, 'the claim that was never committed is unknown');

is(scalar claim('w2', 10), 0, 'while the lease runs nobody else gets it');
expire($dead);
my ($next) = claim('w2', 10);
is("$next->{publication_id} $next->{attempt}", "$dead->{publication_id} 2", 'when the lease has ended another worker gets it');
cmp_ok($next->{version}, '>', $dead->{version}, 'with a higher version');
isnt(parse_dsn(url($next))->{user}, parse_dsn(url($dead))->{user}, 'with another login');
is(logs_in($dead) . logs_in($next), '11', 'both DSNs log in: nobody knows which one was delivered');
is(answer('extend_claim', $dead), 'f', 'the first worker cannot extend its claim any more');

# --- the slow worker is late ----------------------------------------------------------------------------------
is(answer('complete_publication', $next), 't', 'the second worker completes');
is(answer('complete_publication', $dead), 'f', 'the first one, late, is told so');
is(status($next), 'published', 'what is published stays so');
my ($mend) = claim('w1', 10);
isnt($mend->{publication_id}, $next->{publication_id}, 'one more publication follows, because the late delivery may stand');
cmp_ok($mend->{version}, '>', $next->{version}, 'with a higher version');
is(answer('complete_publication', $mend), 't', 'completed');
is(logs_in($_), 1, 'a DSN that may be in the environment logs in') for $dead, $next, $mend;
answer('complete_publication', $dead);
is(scalar claim('w1', 10), 0, 'the late answer repeated queues nothing more');
is( $host->control("SELECT string_agg(state, ' ' ORDER BY state) FROM appinfra.credentials WHERE db_id = "
		  . "(SELECT db_id FROM appinfra.databases WHERE app_id = 'app-2')"),
	'active retiring retiring',
	'one credential stays, the others retire');

# A late answer while the second worker is still at it, and late answers of a failure.
$host->provision(app_id => 'app-3', slug => 'three');
my ($first) = claim('w1', 10);
expire($first);
my ($second) = claim('w2', 10);
is(answer('complete_publication', $first), 'f', 'late while another holds the claim');
is(status($second), 'claimed', 'the other claim is untouched');
is(scalar claim('w3', 10), 0, 'what was queued waits: one claim per binding');
is(answer('complete_publication', $second), 't', 'the holder completes');
my ($third) = claim('w3', 10);
ok($third, 'then what was queued is due');
expire($third);
my ($fourth) = claim('w4', 10);
is(answer('fail_publication', $third, "'time-out'", "'unknown'"), 'claimed', 'a late failure changes nothing');
is(answer('complete_publication', $fourth), 't', 'the holder completes');
my ($fifth) = claim('w1', 10);
is(answer('complete_publication', $fifth), 't', 'one more was queued and is completed');
is(scalar claim('w1', 10), 0, 'then all is quiet');
is(logs_in($_), 1, 'every DSN that may stand in the environment logs in') for $first, $second, $fifth;

# --- failures ---------------------------------------------------------------------------------------------------
$host->provision(app_id => 'app-4', slug => 'four');
my ($refused) = claim('w1', 10);
is(answer('fail_publication', $refused, "'HTTP 503'", "'no'", 'now()'), 'pending', 'surely not stored: pending again');
is(logs_in($refused), 0, 'and its password is gone');
my ($retried) = claim('w1', 10);
is(parse_dsn(url($retried))->{user}, parse_dsn(url($refused))->{user}, 'the same login waited');
is(answer('fail_publication', $retried, "'reset'", "'unknown'", 'now()'), 'pending', 'perhaps stored: pending again');
is(logs_in($retried), 1, 'and its DSN still logs in');
my ($anew) = claim('w1', 10);
isnt(parse_dsn(url($anew))->{user}, parse_dsn(url($retried))->{user}, 'another login follows');
is(answer('fail_publication', $anew, "'HTTP 422'", "'no'"), 'failed', 'given up: failed');
is(scalar claim('w1', 10), 0, 'a failed one is not claimed');
$host->control("SELECT appinfra.retry_publication($anew->{publication_id})");
my ($last) = claim('w1', 10);
is($last->{publication_id}, $anew->{publication_id}, 'a retried one is');
is(answer('complete_publication', $last), 't', 'and completed');
is(logs_in($last) . logs_in($retried), '11', 'its DSN logs in, and so does the one that may have been stored');
$host->provision(app_id => 'app-later', slug => 'later');
my ($later) = claim('w1', 10);
is(answer('fail_publication', $later, "'HTTP 429'", "'no'", "now() + interval '1 hour'"), 'pending', 'put off');
is(scalar claim('w1', 10), 0, 'it is not claimed before its time');

# --- who may -------------------------------------------------------------------------------------------------------
for my $sql (
	"SELECT * FROM appinfra.publication", "SELECT * FROM appinfra.publications",
	"SELECT * FROM appinfra.audit", "SELECT rolpassword FROM pg_authid",
	"SELECT appinfra.retry_publication(1)", "SELECT * FROM appinfra.provision_tenant('a', 'b', 'c')")
{
	my ($code, $out, $err) = as_sidecar($sql);
	like($err, qr/ERROR:  42501: /, "a sidecar may not: $sql");
}
for my $bad (
	[ "claim_publications('', 1)", '22023' ], [ "claim_publications(NULL, 1)", '22004' ],
	[ "claim_publications('w', 0)", '22023' ], [ "claim_publications('w', 1001)", '22023' ],
	[ "claim_publications('w', NULL)", '22004' ], [ "claim_publications('w', 1, '0 s')", '22023' ],
	[ "claim_publications('w', 1, '2 days')", '22023' ], [ "claim_publications('w', 1, '-1 s')", '22023' ],
	[ "complete_publication(0, '$last->{claim}')", '42704' ],
	[ "complete_publication($last->{publication_id}, '$first->{claim}')", '42704' ],
	[ "complete_publication($last->{publication_id}, NULL)", '22004' ],
	[ "fail_publication($last->{publication_id}, '$last->{claim}', 'e', 'perhaps')", '22023' ],
	[ "fail_publication($last->{publication_id}, '$last->{claim}', NULL, 'no')", '22004' ],
	[ "extend_claim($last->{publication_id}, '$last->{claim}', '1 year')", '22023' ])
{
	my ($code, $out, $err) = as_sidecar("SELECT * FROM appinfra.$bad->[0]");
	like($err, qr/ERROR:  $bad->[1]: /, "refused with $bad->[1]: $bad->[0]");
}

# --- many workers at once -------------------------------------------------------------------------------------------
$host->provision(app_id => "app-many-$_", slug => 'many',
	env => { map { ("URL_$_" => 'owner') } 1 .. 16 }) for 1 .. 5;
my @results = Appinfra::Clients->start($host, 'control',
	map { "SELECT row_to_json(c) FROM appinfra.claim_publications('w$_', 20, '1 hour') c;" x 3 } 1 .. 8)->finish;
is(join('', map { $_->{err} } @results), '', '8 workers claim at once: no error');
my @all = map { map { decode_json($_) } split /\n/, $_->{out} } @results;
push @all, claim('rest', 1000);
my %ids = map { $_->{publication_id} => 1 } @all;
is(scalar(@all) . ' ' . scalar(keys %ids), '80 80', 'each publication is claimed once');
my %users = map { map { parse_dsn($_)->{user} => 1 } values %{ $_->{set} } } @all;
is(scalar keys %users, 80, 'each with a login of its own');

# Answers of everybody, twice, in different orders, while others claim what they made due again.
$host->control('UPDATE appinfra.publication SET lease_until = now() - interval \'1 s\' WHERE publication_id % 2 = 0 AND status = \'claimed\'');
is(scalar claim('w9', 40), 40, 'what has expired goes to another worker');
my @answers = map { "SELECT appinfra.complete_publication($_->{publication_id}, '$_->{claim}');" } @all;
@results = Appinfra::Clients->start($host, 'control',
	"@answers", join(' ', reverse @answers),
	"SELECT count(*) FROM appinfra.claim_publications('x', 50, '1 s');" x 4,
	"SELECT count(*) FROM appinfra.claim_publications('y', 50, '1 s');" x 4)->finish;
is(join('', map { $_->{err} } @results), '', 'answers and claims at once: no error, no deadlock');

# From here one sidecar is enough to come to rest.
my %standing;
my $rounds = 0;
while ($host->control("SELECT count(*) FROM appinfra.publications WHERE status IN ('pending', 'claimed') AND app_id ~ 'many'") > 0 && $rounds++ < 10)
{
	$host->control("UPDATE appinfra.publication SET lease_until = now() - interval '1 s' WHERE status = 'claimed'");
	for my $due (claim('last', 1000))
	{
		$host->control("SELECT appinfra.complete_publication($due->{publication_id}, '$due->{claim}')");
		$standing{"$due->{target} " . (keys %{ $due->{set} })[0]} = (values %{ $due->{set} })[0];
	}
}
cmp_ok($rounds, '<', 10, "everything is published after $rounds rounds");
is( $host->control("SELECT count(*) FROM appinfra.bindings b WHERE app_id ~ 'many' AND 1 <> (SELECT count(*) FROM appinfra.credentials c WHERE c.db_id = b.db_id AND c.variables = b.variables AND c.state = 'active')"),
	0, 'each binding has one active credential');
my @working = grep { ($host->as_app($_, 'SELECT 1'))[0] == 0 } values %standing;
cmp_ok(scalar keys %standing, '>', 30, 'many were delivered once more');
is(scalar @working, scalar keys %standing, 'every DSN that was delivered last logs in');
$host->wait_for_pool(4);
is_deeply([ $host->orphans ], [], 'no orphans');
done_testing();
