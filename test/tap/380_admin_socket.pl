# The administrators' socket: whose the file is before anybody can connect, whom the kernel lets speak,
# and that nothing that is sent there says who asks.
use strict;
use warnings;
use Appinfra;
use Appinfra::Answers qw(refused);
use Appinfra::Rest;
use JSON::PP;
use Test::More;

my $host = Appinfra->make('socket', pool_size => 1);
$host->wait_for_pool(1);
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $group = getgrgid((split / /, $))[0]);
my $account = 'unix:' . getpwuid($>);
my ($ours, $theirs) = map { "$dir/$_" } qw(ours theirs);
my $databases = Appinfra::Rest::databases();

# What is answered at a socket: (status, document).
sub at
{
	my ($socket, $path, @args) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'curl', '-sS', '--max-time', '20', '-w', "\n%{http_code}", '--unix-socket', $socket, @args, "http://localhost$path" ],
		'>', \$out, '2>', \$err);
	my ($body, $status) = $out =~ /^(.*)\n(\d+)$/s;
	return ($status, eval { decode_json($body) } // $body // $err);
}

# --- members of the group ----------------------------------------------------------------------------------
my $rest = Appinfra::Rest->start($host, args => [ "--socket=$ours", "--socket-admin-group=$group" ]);
$rest->process->wait_for_log(qr/listening address=unix:\Q$ours\E/);
is(sprintf('%o %d', (stat $ours)[2] & 07777, (stat $ours)[5]), '660 ' . getgrnam($group), 'the file is the group\'s, 0660');
my ($status, $made) = at($ours, $databases, '--json',
	encode_json({ app_id => 'app-1', owner_user_id => 'user@example.com', slug => 'one' }));
is($status, 201, 'a member of the group provisions, for others') or diag explain $made;
my $audit;
($status, $audit) = at($ours, "/api/app-infra/audit?db_id=$made->{db_id}");
is($status, 200, 'and reads the audit');
is((grep { $_->{action} =~ /provision/ } @{ $audit->{audit} })[0]{end_user}, $account, 'which names the account');
my $token = $rest->token(email => 'other@example.com');
for my $claimed ([ '-H', 'X-User-Email: other@example.com' ], [ '-H', "Authorization: Bearer $token" ], [ '-H', 'Authorization: Bearer x' ],
	[ '-H', 'X-Guest-Id: 0123456789abcdef' ])
{
	($status, my $read) = at($ours, "$databases/$made->{db_id}", @$claimed);
	is("$status $read->{db_id}", "200 $made->{db_id}", "no header says who asks: $claimed->[1]");
}

# --- the same names elsewhere --------------------------------------------------------------------------------
refused($rest->call(GET => $databases), 401, 'unauthenticated', 'elsewhere nobody is let in without a token');
refused($rest->call(GET => $databases, undef, user => $account, admin => 1), 401, 'unauthenticated',
	'and no token names an account of the machine');
$rest->process->stop;
ok(!-e $ours, 'the socket goes with the process');

# --- who is no member --------------------------------------------------------------------------------------
my $other = (grep { $_ ne $group } map { scalar getgrgid $_ } 1 .. 3)[0];
$rest = Appinfra::Rest->start($host, args => [ "--socket=$theirs", "--socket-group=$group", "--socket-admin-group=$other" ],
	env => { APPINFRA_TRUST_LOOPBACK => 1 });
$rest->process->wait_for_log(qr/listening address=unix:/);
for my $path ($databases, '/healthz', '/metrics', '/nowhere')
{
	($status, my $problem) = at($theirs, $path, '-H', 'X-User-Email: user@example.com', '-H', "Authorization: Bearer $token");
	is("$status $problem->{title}", '403 forbidden', "who may connect and is no member is refused: $path");
}
is($rest->call(GET => $databases, undef, user => 'user@example.com')->{status}, 200, 'and elsewhere asks as always');
is($rest->call(GET => $databases, undef, headers => { 'X-User-Email' => $account })->{status}, 401, 'but not as an account');
$rest->process->stop;

# --- what cannot be ----------------------------------------------------------------------------------------
for my $wrong ([ qr/there is no such group/, '--socket-admin-group=no-such-group' ], [ qr/there is no such user/, '--socket-owner=no-such-user' ],
	[ qr/cannot be given to its owner and group/, '--socket-owner=0' ], [ qr/stands for all/, '--socket-admin-group=65534' ])
{
	my $run = $host->start_sidecar(args => [ "--socket=$dir/wrong", $wrong->[1] ]);
	my $end = $run->wait_end(20);
	is(defined $end ? $end >> 8 : 'runs', 2, "not started with $wrong->[1]");
	like($run->log, $wrong->[0], '  and told why');
}
my $run = $host->start_sidecar(args => ['--socket-admin-group=daemon']);
is($run->wait_end(20) >> 8, 2, 'a group without a socket is a mistake, too');

done_testing();
