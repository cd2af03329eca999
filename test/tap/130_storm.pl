# 1,008 publications against a producer that fails three times in ten, in every way it can, and is
# killed twice and keeps what it had stored: nothing is lost, the DSN that was stored last logs in, and no password is left over.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Logins qw(failed_logins);
use Appinfra::Peer;
use Appinfra::Wait qw(wait_for);
use List::Util qw(sum uniq);
use Test::More;
use Time::HiRes qw(sleep time);

my ($tenants, $variables) = (63, 16);
my $all = $tenants * $variables;
my $host = Appinfra->make('storm', pool_size => 8, conf => "full_page_writes = off\nautovacuum = off\n");
my $peer = Appinfra::Peer->start;

# What can go wrong, each as often as the others, together in 30 of 100 requests. The last three end
# a publication until somebody retries it.
my @faults = (
	{ reset => 'before_read' }, { reset => 'after_read' }, { reset => 'after_store' },
	{ slow => 1.5 }, { slow => 1.5, store_first => 1 }, { half => 'hang' }, { half => 'close' },
	{ huge => 200_000 }, { invalid_json => 1 }, { redirect => $peer->url . '/elsewhere' },
	{ status => 503 }, { status => 500, store => 1 }, { status => 504 }, { status => 408 },
	{ status => 429, headers => { 'Retry-After' => '1' } }, { status => 401 },
	{ status => 422, body => { title => 'no' } }, { status => 409, body => { title => 'foreign_owner' } },
	{ status => 409, body => { title => 'stale_version' } });
# As rules are tried in order, each a little more probable among those that are left.
my $each = 0.3 / @faults;
my $rest = 1;
my @rules = map { my $p = $each / $rest; $rest -= $each; +{ %$_, probability => $p } } @faults;

sub count { return $host->control("SELECT count(*) FROM appinfra.publications WHERE $_[0]"); }

# A person retries what failed, as often as it fails.
sub retry_failed
{
	$host->control("SELECT appinfra.retry_publication(publication_id) FROM appinfra.publications WHERE status = 'failed'");
	return;
}

# How many bindings have their last publication delivered. One whose delivery was overtaken is published
# again, so there may be more publications than bindings.
sub settled
{
	return $host->control("SELECT count(*) FROM appinfra.bindings b WHERE EXISTS (SELECT FROM appinfra.publications p "
		  . "WHERE p.binding_id = b.binding_id AND p.status = 'published' AND p.version = b.version) "
		  . "AND NOT EXISTS (SELECT FROM appinfra.publications p WHERE p.binding_id = b.binding_id "
		  . "AND p.status IN ('pending', 'claimed'))");
}

# Waits until so many bindings are settled, and fails with an account when it takes too long.
sub wait_for_published
{
	my ($n) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (settled() < $n)
	{
		die 'stuck: ' . $host->control('SELECT status, error, count(*) FROM appinfra.publications GROUP BY 1, 2')
		  if time > $deadline;
		retry_failed();
		sleep 0.1;
	}
	return;
}

# --- everything is owed at once ----------------------------------------------------------------------------
my $env = join ', ', map { qq("URL_$_": ") . (qw(owner writer reader service))[ $_ % 4 ] . '"' } 1 .. $variables;
$host->control("SELECT count(*) FROM generate_series(1, $tenants) n, LATERAL appinfra.provision_tenant("
	  . "'app-' || n, 'storm', 'storm-' || n, env => '{$env}')");
is(count("status = 'pending'"), $all, "$all publications are owed");
$host->wait_for_pool(8);

$peer->rules(@rules);
my $sidecar = $host->start_sidecar(
	env => $peer->sidecar_env(APPINFRA_PROBE => '100ms', APPINFRA_CONCURRENCY => 16, APPINFRA_RETRY_LONGEST => '400ms'));

# --- the producer is killed, twice --------------------------------------------------------------------------
for my $killed (map { int($all * $_ / 3) } 1 .. 2)
{
	wait_for_published($killed);
	$peer->kill9;
	my $end = -s $sidecar->logfile;
	wait_for('the sidecar to notice', sub { substr($sidecar->log, $end) =~ /(not delivered yet .*[Cc]onnect.*){3}/s });
	$peer->restart;
}
wait_for_published($all);
my ($peak) = PostgreSQL::Test::Utils::slurp_file('/proc/' . $sidecar->pid . '/status') =~ /^VmHWM:\s+(\d+) kB/m;
cmp_ok($peak, '<', 32 * 1024, "the sidecar took at most $peak kB of memory");
cmp_ok($peak, '>', 1024, 'and some');
is($sidecar->stop, 0, 'it stops');

# --- what came of it --------------------------------------------------------------------------------------------
is(settled(), $all, 'the last publication of each binding is published');
my $store = $peer->store;
my %last;
for my $app (keys %$store)
{
	$last{"$app/$_"} = $store->{$app}{$_}{value} for keys %{ $store->{$app} };
}
is(scalar keys %last, $all, "none lost: $all variables are stored");
is(scalar uniq(map { parse_dsn($_)->{user} } values %last), $all, 'each with a user of its own');
is_deeply([ failed_logins($host, \%last) ], [], 'each DSN that was stored last logs in');

my @requests = $peer->requests;
my %received = map { parse_dsn($_)->{user} => 1 } map { values %{ $_->{body}{set} } } @requests;

# The logins that have a password which the producer never received.
sub undelivered
{
	return grep { !$received{$_} } split /\n/, $host->control('SELECT rolname FROM pg_authid '
		  . 'JOIN appinfra.credentials ON username = rolname WHERE rolpassword IS NOT NULL');
}
is_deeply([ undelivered() ], [], 'no password is left that was not delivered');
is($host->control("SELECT count(*) FROM appinfra.credentials WHERE state = 'active'"), $all, "$all credentials are active");

my %by_key;
push @{ $by_key{ $_->{headers}{'Idempotency-Key'} } }, $_ for @requests;
is(scalar(grep { uniq(map { values %{ $_->{body}{set} } } @$_) > 1 } values %by_key), 0,
	'an Idempotency-Key stands for one DSN');

# --- the storm was one ---------------------------------------------------------------------------------------------
my @journal = $peer->journal;
my $faulty = grep { $_->{fault} } @journal;
cmp_ok($faulty / @journal, '>', 0.25, sprintf 'faults: %d of %d requests', $faulty, scalar @journal);
my %kinds;
for my $fault (map { $_->{fault} // () } @journal)
{
	$kinds{ join ' ', map { "$_=" . ($fault->{$_} // '') } grep { !/probability|body|headers/ } sort keys %$fault }++;
}
cmp_ok(scalar keys %kinds, '>=', 16, 'of every kind');
note("$kinds{$_} $_") for sort keys %kinds;

# What somebody claims and never delivers would be seen.
my $stolen = $host->provision(app_id => 'app-stolen', slug => 'stolen');
$host->control("SELECT count(*) FROM appinfra.claim_publications('thief', 1)");
is_deeply([ undelivered() ], [ $stolen->{username} ], 'one that was would be noticed');
$host->wait_for_pool(8);
is_deeply([ $host->orphans ], [], 'no orphans');
done_testing();
