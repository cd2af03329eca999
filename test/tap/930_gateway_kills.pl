# Writes with Idempotency-Keys while the gateway, a backend or the whole server is killed: each takes
# effect once, its answer is replayed byte by byte, and none that was answered is lost.
use strict;
use warnings;
use Appinfra;
use Appinfra::Callers;
use Appinfra::Gateway;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{APPINFRA_GATEWAY_SEED} // 1;
my $calls = $ENV{APPINFRA_GATEWAY_CALLS} // 600;
my $count = 12; # clients
srand $seed;
note "seed $seed, $calls calls";
my $host = Appinfra->make('killed', pool_size => 1);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $starts = 0;
sub gateway { return Appinfra::Gateway->start($host, unready => 1, name => 'gateway-' . ++$starts, args => [ '--gateway-rate-limit=0', "--gateway-listen=127.0.0.1:$port" ]); }
my $gateway = gateway()->wait_until_ready;
my $key = $gateway->mint($tenant->{db_id}, 'dbuser');
my $made = $gateway->sql($gateway->mint($tenant->{db_id}, 'dbadmin'), 'CREATE TABLE hits (id bigserial, k text)');
is($made->{status}, 200, 'a table is made') or diag $made->{content};

# Sends a write until it is answered for good.
sub write_once { return $gateway->insist($_[0], $key, $_[1], 'INSERT INTO hits (k) VALUES ($1) RETURNING id, k, clock_timestamp()', $_[1]); }

my $callers = Appinfra::Callers->start($count, sub
{
	my ($number, $saw) = @_;
	my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 1);
	for my $i (1 .. $calls / $count)
	{
		my $answer = write_once($http, "k-$number-$i");
		$saw->("k-$number-$i", $answer->{status}, $answer->{content});
	}
});

my %killed;
while ($callers->running)
{
	sleep 0.2 + rand 0.6;
	my $what = (qw(gateway gateway backend server gateway))[ int rand 5 ];
	$killed{$what}++;
	if ($what eq 'gateway')
	{
		$gateway->process->kill9;
		$gateway = gateway();
	}
	elsif ($what eq 'server')
	{
		$host->crash;
	}
	else
	{
		$host->try_control("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app_agents' ORDER BY random() LIMIT 2");
	}
}
note join ', ', map { "$_ $killed{$_}" } sort keys %killed;
my @seen = $callers->wait;
is_deeply([ map { "@$_" } grep { $_->[1] != 200 } @seen ], [], 'every write is answered 200');
is(scalar @seen, int($calls / $count) * $count, 'all of them');
sub in_workspace { return $host->safe_psql('app_agents', $_[0]); }
is(in_workspace("SELECT count(*) || ' ' || count(DISTINCT k) FROM hits"), scalar(@seen) . ' ' . scalar @seen, 'each has taken effect once');
my $ids = in_workspace("SELECT string_agg(k || ' ' || id, ',' ORDER BY id) FROM hits");
my %id = map { split / / } split /,/, $ids;
my @wrong = grep { my $row = decode_json($_->[2])->{rows}[0]; ($id{ $_->[0] } // '') ne $row->[0] } @seen;
is_deeply(\@wrong, [], 'each answer tells of the row that is there');

my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 1);
my @changed;
for my $call (@seen)
{
	my $answer = write_once($http, $call->[0]);
	push @changed, "$call->[2] became $answer->{content}"
	  if $answer->{content} ne $call->[2] || ($answer->{headers}{'x-idempotent-replayed'} // '') ne 'true';
}
is_deeply(\@changed, [], 'and is replayed byte by byte');
is($host->control("SELECT count(*) FROM appinfra.audit a WHERE action = 'sql_execute' AND outcome = 'done' AND credential = '$key->{id}'") >= @seen ? 1 : 0, 1, 'each has its audit row');
$gateway->wait_until_ready;
is($gateway->process->stop, 0, 'the gateway ends');
done_testing();
