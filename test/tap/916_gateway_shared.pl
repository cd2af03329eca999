# The gateway within `serve`: at the address of REST and MCP, where each answers its own and both are told of, and
# at one of its own.
use strict;
use warnings;
use Appinfra;
use Appinfra::Wait qw(wait_for);
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use Test::More;

my $host = Appinfra->make('shared', pool_size => 1);
$host->control('GRANT appinfra_admin, appinfra_gateway TO appinfra_sidecar');
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, owner_user_id => 'user', env => {});
my ($key_id, $token) = split / /, $host->control("SELECT key_id || ' ' || token FROM appinfra.mint_key('agents', 'dbuser')");
my $agent = HTTP::Tiny->new(timeout => 30);

# Starts serve with REST at one port and the gateway at another, which may be the same; returns the process.
sub serve
{
	my ($name, $rest, $gateway) = @_;
	return $host->start_sidecar(name => $name, env => { APPINFRA_SINK => undef },
		args => [ "--listen=127.0.0.1:$rest", "--gateway-listen=127.0.0.1:$gateway", '--trust-loopback=1', '--worker=shared' ]);
}

sub call
{
	my ($port, $method, $path, %headers) = @_;
	my $body = delete $headers{body};
	my $answer = $agent->request($method, "http://127.0.0.1:$port$path", { headers => \%headers, defined $body ? (content => $body) : () });
	$answer->{json} = eval { decode_json($answer->{content}) };
	return $answer;
}

sub sql
{
	my ($port) = @_;
	return call($port, POST => '/v1/sql/execute', Authorization => "Bearer $token", 'Content-Type' => 'application/json', body => '{"sql": "SELECT 1"}');
}

# The families of metrics that a text has, each time that it begins one.
sub families { return grep { /^(?:appinfra|agentcoopdb)_/ } $_[0] =~ /^# TYPE (\S+)/mg; }

my @ports = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 3;
my $one = serve('one', @ports[ 0, 0 ]);
wait_for('both', sub { call($ports[0], GET => '/readyz')->{status} == 200 });
is_deeply(call($ports[0], GET => '/readyz')->{json}, { status => 'ready', ready => JSON::PP::true, reasons => [] }, 'both are ready');
my $healthy = call($ports[0], GET => '/healthz')->{json};
is(join(' ', $healthy->{status}, sort keys %{ $healthy->{version} }), 'ok build_date commit version', 'healthy, with the version');
is(sql($ports[0])->{json}{rows}[0][0], 1, 'a key runs a statement');
my $listed = call($ports[0], GET => '/api/app-infra/databases', 'X-User-Email' => 'user');
is($listed->{json}{databases}[0]{db_id}, $tenant->{db_id}, 'REST answers beside it') or diag $listed->{content};
is(call($ports[0], GET => '/v1/nothing', Authorization => "Bearer $token")->{json}{title}, 'not_found', 'a path of the gateway that is none');
is(call($ports[0], POST => '/v1/sql/execute', 'X-User-Email' => 'user', 'Content-Type' => 'application/json', body => '{"sql": "SELECT 1"}')->{status}, 401,
	'who is a user is not a key');
wait_for('metrics of the registry', sub { call($ports[0], GET => '/metrics')->{content} =~ /^appinfra_keys\{status="active"\} 1$/m });
my @families = families(call($ports[0], GET => '/metrics')->{content});
my %times;
$times{$_}++ for @families;
is_deeply([ grep { $times{$_} > 1 } sort keys %times ], [], 'no metric is told twice');
ok($times{$_}, "$_ is told") for qw(appinfra_tenants appinfra_keys agentcoopdb_requests_total appinfra_gateway_logins);
$host->stop('fast');
my $degraded;
wait_for('both to see it', sub { ($degraded = call($ports[0], GET => '/readyz'))->{status} == 503 });
is(join(' ', $degraded->{json}{status}, sort keys %{ $degraded->{json} }), 'degraded ready reason reasons status', 'without the database neither is');
$host->start;
wait_for('both', sub { call($ports[0], GET => '/readyz')->{status} == 200 });
wait_for('a statement', sub { sql($ports[0])->{status} == 200 });
is($host->control(q{SELECT count(*) > 0 FROM appinfra.credential WHERE gateway = 'shared' AND state IN ('active', 'retiring')}), 't', 'it holds a login');
is($one->stop, 0, 'SIGTERM: exit code 0');
is($host->control(q{SELECT count(*) FROM appinfra.credential WHERE gateway = 'shared' AND state IN ('active', 'retiring')}), '0', '  and it has given its logins back');

my $two = serve('two', @ports[ 1, 2 ]);
wait_for('REST', sub { call($ports[1], GET => '/readyz')->{status} == 200 });
wait_for('the gateway', sub { call($ports[2], GET => '/readyz')->{status} == 200 });
is(sql($ports[2])->{status}, 200, 'at an address of its own it runs statements');
is(sql($ports[1])->{status}, 404, 'and REST knows nothing of them');
is(call($ports[2], GET => '/api/app-infra/databases', 'X-User-Email' => 'user')->{status}, 404, 'nor it of REST');
for my $port (@ports[ 1, 2 ])
{
	wait_for("keys at $port", sub { call($port, GET => '/metrics')->{content} =~ /^appinfra_keys\{status="active"\} 1$/m });
}
pass('each counts keys');
is($two->stop, 0, 'SIGTERM: exit code 0');
done_testing();
