# The strangers of test/bench/audit: audit-logins.pl PROCESSES EACH <<<DSN. Each process fails as many
# logins: half of them with a wrong password, half with a name that no role has.
use strict;
use warnings;
use POSIX qw(_exit);
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wire;

my ($processes, $each) = @ARGV;
chomp(my $url = <STDIN>);
my $dsn = parse_dsn($url);
for my $process (1 .. $processes)
{
	my $pid = fork() // die "fork: $!";
	next if $pid;
	for my $n (1 .. $each)
	{
		my %other = $n % 2 ? (password => 'wrong') : (user => "nobody$process");
		_exit(1) if eval { Appinfra::Wire->login({ %$dsn, %other }); 1 };
	}
	_exit(0);
}
my $bad = 0;
while (wait != -1) { $bad ||= $?; }
exit($bad ? 1 : 0);
