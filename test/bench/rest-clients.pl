# Provisions over HTTP, for test/bench/rest: rest-clients.pl URL USER PREFIX CLIENTS CALLS. Each client
# keeps its connection; `http milliseconds` is printed for each call.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(time);

my ($url, $user, $prefix, $clients, $calls) = @ARGV;

sub client
{
	my ($number) = @_;
	my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 60);
	my %headers = ('X-User-Email' => $user, 'Content-Type' => 'application/json');
	$http->get("$url/healthz"); # connects
	my $out = '';
	for my $call (1 .. $calls)
	{
		my $name = "$prefix-$number-$call";
		my $content = encode_json({ app_id => $name, owner_user_id => $user, slug => $name, engine => 'postgres' });
		my $start = time;
		my $answer = $http->post("$url/api/app-infra/databases", { headers => \%headers, content => $content });
		my $taken = time - $start;
		die "$answer->{status} $answer->{content}\n" if $answer->{status} != 201;
		$out .= sprintf "http %.3f\n", 1000 * $taken;
	}
	syswrite STDOUT, $out;
	return;
}

my @pids;
for my $number (1 .. $clients)
{
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) { client($number); exit 0; }
	push @pids, $pid;
}
my $failed = 0;
for my $pid (@pids) { waitpid $pid, 0; $failed ||= $?; }
exit($failed ? 1 : 0);
