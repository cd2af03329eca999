# Clients written to the gateway's description alone, in Python and in JavaScript with fetch (where node is
# there), behind something that drops answers and refuses at first: what they repeat has happened once, the
# answer is the same byte by byte, and what is refused with 409 is not repeated.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Process;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('clients', pool_size => 3);
my ($tenant, $other) = map { $host->provision(app_id => "app-$_", slug => $_, publish => 0, env => {}) } qw(mine other);
my $gateway = Appinfra::Gateway->start($host, args => ['--gateway-rate-limit=0']);
my %key = (map({ $_ => $gateway->mint($tenant->{db_id}, $_) } qw(dbadmin dbuser)), other => $gateway->mint($other->{db_id}, 'dbadmin'));
$gateway->sql($key{dbadmin}, $_) for 'CREATE SCHEMA rpc', 'CREATE FUNCTION rpc.double(args jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(2 * (args->>$x$n$x$)::int)$$';
my %program = (python => [ 'python3', 'peer/gateway_client_work.py', 'work_py' ], node => [ 'node', 'peer/gateway_client_work.mjs', 'work_js' ]);

for my $name (sort keys %program)
{
	my ($command, $work, $table) = @{ $program{$name} };
  SKIP:
	{
		skip "$command is not there", 1 if system("command -v $command >/dev/null 2>&1") != 0;
		my $before = Appinfra::Process->start(name => "flaky_$name", command => [ 'python3', Appinfra::test_file('peer/flaky_gateway.py'), $gateway->address ]);
		my ($address) = $before->wait_for_log(qr/listening address=\S+/) =~ /listening address=(\S+)/;
		my $user = $gateway->mint($tenant->{db_id}, 'dbuser');
		my ($out, $err) = ('', '');
		IPC::Run::run([ $command, Appinfra::test_file($work), "http://$address", map { $_->{token} } $user, $key{dbadmin}, $key{other} ], '<', \undef, '>', \$out, '2>', \$err,
			IPC::Run::timeout(120));
		is_deeply(eval { decode_json($out) }, [ 'dbuser', [ [1] ], [ { id => 1, body => 'hi' } ], [ [ 1, 'running' ], [ 2, 'start' ] ], '409 unique_violation',
				[ '403 permission_denied', '403 permission_denied', '400 multiple_statements', '400 transaction_control', '403 permission_denied' ], '400 undefined_object',
				'400 undefined_object', 42, [ JSON::PP::true, 2 ] ], "$name: what came of it") or diag "$out\n$err";
		my $report = decode_json(HTTP::Tiny->new->get("http://$address/report")->{content});
		my @calls = grep { $_->{path} =~ /sql|rpc/ } @$report;
		cmp_ok(scalar @calls, '>', 12, 'calls: ' . scalar @calls);
		is(scalar(grep { $_->{attempts} != 4 } @$report), 0, 'each was repeated with its key until it was answered, and not beyond') or diag explain $report;
		is_deeply([ grep { !$_->{same} } @calls ], [], 'what was answered again is the same byte by byte');
		is($gateway->sql($key{dbuser}, "SELECT count(*) FROM $table")->{json}{rows}[0][0], 2, 'and each write happened once');
		$before->stop;
	}
}
is($gateway->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
