# The clients of test/bench/revoke: revoke-clients.pl CLIENTS DIRECTORY <<<DSN. Each logs in, runs one
# query (every third a transaction) and comes again, until SIGTERM; client.N has a line per attempt:
# when it began, and 1 or 0 for whether it succeeded.
use strict;
use warnings;
use POSIX qw(_exit);
use Time::HiRes qw(time);
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wire;

my ($clients, $dir) = @ARGV;
chomp(my $url = <STDIN>);
my $dsn = parse_dsn($url);
my $sql = [ 'SELECT 1', 'SELECT 1', 'BEGIN; SELECT pg_sleep(0.05); COMMIT' ];
my @pids;

for my $client (1 .. $clients)
{
	my $pid = fork() // die "fork: $!";
	if ($pid)
	{
		push @pids, $pid;
		next;
	}
	open my $out, '>', "$dir/client.$client" or _exit(1);
	$out->autoflush(1);
	my $parent = getppid;
	while (getppid == $parent)
	{
		my $began = time;
		my $ok = eval {
			my $session = Appinfra::Wire->login($dsn);
			$session->query($sql->[ $client % 3 ]);
			$session->close;
			1;
		};
		printf $out "%.6f %d\n", $began, $ok ? 1 : 0;
	}
	_exit(0);
}
$SIG{TERM} = sub { kill 'TERM', @pids; waitpid $_, 0 for @pids; exit 0 };
waitpid $_, 0 for @pids;
