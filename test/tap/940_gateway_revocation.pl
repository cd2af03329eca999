# A key is revoked in the middle of its calls: when wait_key_revoked() says that it is over, nothing of
# the key commits any more; what was answered 2xx is there, what was answered 401 is not.
use strict;
use warnings;
use Appinfra;
use Appinfra::Callers;
use Appinfra::Gateway;
use HTTP::Tiny;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep);

my $seed = $ENV{APPINFRA_GATEWAY_SEED} // 1;
my $rounds = $ENV{APPINFRA_GATEWAY_ROUNDS} // 6;
srand $seed;
note "seed $seed, $rounds rounds";
my $host = Appinfra->make('revoked', pool_size => 1);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host, args => [ '--gateway-rate-limit=0' ]);
my $admin = $gateway->mint($tenant->{db_id}, 'dbadmin');
is($gateway->sql($admin, 'CREATE TABLE hits (k text)')->{status}, 200, 'a table is made');
sub in_workspace { return $host->safe_psql('app_agents', $_[0]); }
sub rows { return in_workspace('SELECT count(*) FROM hits'); }

my ($total, @lost, @ghosts, @late, @odd) = (0);
for my $round (1 .. $rounds)
{
	my $key = $gateway->mint($tenant->{db_id}, 'dbuser');
	my $callers = Appinfra::Callers->start(10, sub
	{
		my ($number, $saw) = @_;
		my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 1);
		for my $i (1 .. 1000)
		{
			my $name = "r$round-$number-$i";
			my %headers = ('Content-Type' => 'application/json', Authorization => "Bearer $key->{token}");
			$headers{'Idempotency-Key'} = $name if $i % 2;
			my $answer = $http->request(POST => $gateway->url . '/v1/sql/execute',
				{ headers => \%headers, content => encode_json({ sql => 'INSERT INTO hits VALUES ($1)', params => [$name] }) });
			$saw->($name, $answer->{status}, $answer->{status} == 200 ? () : $answer->{content});
			last if $answer->{status} == 401;
		}
	});
	sleep 0.3 + rand 0.7;
	$host->control("SELECT appinfra.revoke_key('$key->{id}')");
	is($host->control("SELECT appinfra.wait_key_revoked('$key->{id}')"), 't', "round $round: the key's calls are over");
	my $at_end = rows();
	my @seen = $callers->wait;
	$total += @seen;
	push @late, $round if rows() != $at_end;
	my %there = map { $_ => 1 } split / /, in_workspace("SELECT string_agg(k, ' ') FROM hits WHERE k LIKE 'r$round-%'");
	push @lost, map { $_->[0] } grep { $_->[1] == 200 && !$there{ $_->[0] } } @seen;
	push @ghosts, map { $_->[0] } grep { $_->[1] == 401 && $there{ $_->[0] } } @seen;
	push @odd, grep { $_->[1] != 200 && $_->[1] != 401 && $_->[1] != 503 } @seen;
}
note "$total calls";
is_deeply(\@late, [], 'nothing was written after that');
is_deeply(\@lost, [], 'what was answered 200 is there');
is_deeply(\@ghosts, [], 'what was answered 401 is not');
is_deeply([ map { "@$_" } @odd ], [], 'and nothing else was answered but 503');
done_testing();
