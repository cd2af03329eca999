# Calls of keys that are revoked while four sessions write with them, ten thousand in all, counted in the
# database: when wait_key_revoked() says so, nothing of the key commits any more, and no call is told
# otherwise than what became of it.
use strict;
use warnings;
use Appinfra;
use Appinfra::Calls;
use Appinfra::Wire;
use Test::More;

my ($keys, $calls_per_key, $workers) = (100, 100, 4);
my $host = Appinfra->make('counted');
my $gateway = Appinfra::Calls->new($host);
my $work = $host->provision(app_id => 'app-w', slug => 'work', env => {})->{db_id};
my @keys = map { $gateway->mint($work, 'dbadmin') } 1 .. $keys;
my $login = $gateway->login($work, 'owner');
my $session = Appinfra::Wire->login($login->{url});
$session->query('CREATE TABLE done (key text)');
$host->control(q{ALTER ROLE appinfra_gateway_login PASSWORD 'secret'});
my $control = { user => 'appinfra_gateway_login', password => 'secret', host => '127.0.0.1', port => $host->port, database => 'control' };

# Writes with one key after the other, each until it is told that the key is revoked. Returns how
# many calls have committed and how many were refused, by key.
sub write_with_keys
{
	my ($workspace, $registry) = (Appinfra::Wire->login($login->{url}), Appinfra::Wire->login($control));
	$registry->query('SET synchronous_commit = off');
	my @said;
	for my $key (@keys)
	{
		my $count = 0;
		while (1)
		{
			my %open = $gateway->open_transaction($workspace);
			$workspace->query("INSERT INTO done VALUES ('$key->{key_id}')");
			last if $registry->query('SELECT ' . $gateway->finish_sql($key, undef, xid => $open{xid}))->[0][0] ne 't';
			$workspace->query('COMMIT');
			$count++;
		}
		$workspace->query('ROLLBACK');
		push @said, $count;
	}
	return @said;
}

my @from;
for my $n (1 .. $workers)
{
	pipe my $read, my $write or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		close $read;
		my @said = eval { write_with_keys() };
		print $write $@ ? "error $@" : "@said\n";
		close $write;
		require POSIX;
		POSIX::_exit(0);
	}
	close $write;
	push @from, [ $pid, $read ];
}

my (%counted, @not_over);
for my $key (@keys)
{
	my $id = $key->{key_id};
	$session->query('SELECT pg_sleep(0.001)') while $session->query("SELECT count(*) FROM done WHERE key = '$id'")->[0][0] < $calls_per_key;
	my $over = $host->control("SELECT appinfra.revoke_key('$id')") . $host->control("SELECT appinfra.wait_key_revoked('$id')");
	push @not_over, $id if $over ne 't';
	$counted{$id} = $session->query("SELECT count(*) FROM done WHERE key = '$id'")->[0][0];
}

my %acknowledged = map { $_->{key_id} => 0 } @keys;
for (@from)
{
	my ($pid, $read) = @$_;
	my $line = <$read>;
	waitpid $pid, 0;
	unlike($line, qr/error/, 'a session has come to its end');
	my @said = split ' ', $line;
	$acknowledged{ $keys[$_]{key_id} } += $said[$_] for 0 .. $#keys;
}
my %left = map { @$_ } @{ $session->query('SELECT key, count(*) FROM done GROUP BY key') };
my %audited = map { split /\|/ } split /\n/, $host->control(
	q{SELECT credential, count(*) FROM appinfra.audit WHERE action = 'sql_execute' AND outcome = 'done' GROUP BY 1});
my $total = 0;
$total += $_ for values %left;

is("@not_over", '', 'every wait has come to its end');
cmp_ok($total, '>=', 10_000, "$total calls have written");
is_deeply([ grep { $left{$_} != $counted{$_} } keys %left ], [], 'none has written after its key was over');
is_deeply([ grep { $left{$_} != $acknowledged{$_} } keys %left ], [], 'each was told that it had, and no other');
is_deeply([ grep { $left{$_} != $audited{$_} } keys %left ], [], 'each has its audit row, and no other');

done_testing();
