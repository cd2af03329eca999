# Clients written to the gateway's description alone, in Python and in TypeScript with fetch (where node and npm
# are there), behind something that drops answers and refuses at first: what they repeat has happened once, the
# answer is the same byte by byte, and what is refused with 409 is not repeated.
use strict;
use warnings;
use Appinfra;
use Appinfra::Document;
use Appinfra::Gateway;
use Appinfra::Process;
use Appinfra::TypeScript;
use Appinfra::Vectors;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $host = Appinfra->make('clients', pool_size => 3);
my ($tenant, $other) = map { $host->provision(app_id => "app-$_", slug => $_, publish => 0, env => {}) } qw(mine other);
my $gateway = Appinfra::Gateway->start($host, args => ['--gateway-rate-limit=0']);
my %key = (map({ $_ => $gateway->mint($tenant->{db_id}, $_) } qw(dbadmin dbuser)), other => $gateway->mint($other->{db_id}, 'dbadmin'));
$gateway->sql($key{dbadmin}, $_) for 'CREATE SCHEMA rpc', 'CREATE FUNCTION rpc.double(args jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(2 * (args->>$x$n$x$)::int)$$';
Appinfra::Vectors::prepare(sub { $gateway->sql($key{dbadmin}, $_[0])->{status} == 200 });
my $typescript = Appinfra::TypeScript::compile({ 'document.ts' => Appinfra::Document::block('gateway.md', 'ts', 'fetch'),
	map { $_ => slurp_file(Appinfra::test_file("peer/$_")) } qw(agentcoopdb.ts gateway_client_work.ts) });
my %program = (python => [ 'work_py', 'python3', Appinfra::test_file('peer/gateway_client_work.py') ],
	typescript => [ 'work_ts', $typescript->command('gateway_client_work.ts') ]);

for my $name (sort keys %program)
{
	my ($table, @command) = @{ $program{$name} };
  SKIP:
	{
		skip $typescript->why_not, 1 if $name eq 'typescript' && defined $typescript->why_not;
		my $before = Appinfra::Process->start(name => "flaky_$name", command => [ 'python3', Appinfra::test_file('peer/flaky_gateway.py'), $gateway->address ]);
		my ($address) = $before->wait_for_log(qr/listening address=\S+/) =~ /listening address=(\S+)/;
		my $user = $gateway->mint($tenant->{db_id}, 'dbuser');
		my ($out, $err) = ('', '');
		IPC::Run::run([ @command, "http://$address", map { $_->{token} } $user, $key{dbadmin}, $key{other} ], '<', \undef, '>', \$out, '2>', \$err,
			IPC::Run::timeout(120));
		is_deeply(eval { decode_json($out) }, [ 'dbuser', [ [1] ], [ { id => 1, body => 'hi' } ], [ [ 1, 'running' ], [ 2, 'start' ] ], '409 unique_violation',
				[ '403 permission_denied', '403 permission_denied', '400 multiple_statements', '400 transaction_control', '403 permission_denied' ], '400 undefined_object',
				2, 1, [ [ east => { n => 2 } ], [ north => {} ] ], [ [ north => 0 ] ], 42, [ JSON::PP::true, 2 ] ], "$name: what came of it") or diag "$out\n$err";
		my $report = decode_json(HTTP::Tiny->new->get("http://$address/report")->{content});
		my @calls = grep { $_->{path} =~ /sql|rpc/ } @$report;
		cmp_ok(scalar @calls, '>', 12, 'calls: ' . scalar @calls);
		is(scalar(grep { $_->{attempts} != 4 } @$report), 0, 'each was repeated with its key until it was answered, and not beyond') or diag explain $report;
		is_deeply([ grep { !$_->{same} } @calls ], [], 'what was answered again is the same byte by byte');
		is($gateway->sql($key{dbuser}, "SELECT count(*) FROM $table")->{json}{rows}[0][0], 2, 'and each write happened once');
		$before->stop;
	}
}
SKIP:
{
	skip $typescript->why_not, 1 if defined $typescript->why_not;
	$gateway->sql($key{dbadmin}, 'CREATE TABLE notes (body text)');
	my ($out, $err) = ('', '');
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', AGENTCOOPDB_GATEWAY_URL => $gateway->url, AGENTCOOPDB_API_KEY => $key{dbuser}{token});
	IPC::Run::run([ $typescript->command('document.ts') ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	like($out, qr/from TypeScript/, 'the program of the document reads what it wrote') or diag $err;
}
is($gateway->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
