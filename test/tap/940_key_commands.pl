# What administrators and agents have on the command line: mint-key, list-keys, revoke-key, gateway-mcp.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use Appinfra::Mcp;
use Appinfra::Wait qw(wait_for);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('key_commands', pool_size => 3);
my $tenant = $host->provision(app_id => 'app-agents', slug => 'agents', publish => 0, env => {});
my $workspace = $host->control("SELECT workspace_id FROM appinfra.databases WHERE db_id = '$tenant->{db_id}'");
my $binary = Appinfra::sidecar_binary();
$host->control('GRANT appinfra_admin TO appinfra_sidecar');
my %admin = (APPINFRA_DATABASE_URL => $host->sidecar_url);

# Runs a command; returns its exit code and what it wrote.
sub run_command
{
	my ($env, $in, @arguments) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', %$env);
	IPC::Run::run([ $binary, @arguments ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	return ($? >> 8, $out, $err);
}

sub ok_command
{
	my @arguments = @_;
	my ($code, $out, $err) = run_command(\%admin, '', @arguments);
	is($code, 0, "@arguments") or diag $err;
	return $out;
}

sub fails_with
{
	my ($code, $pattern, $name, @arguments) = @_;
	my ($got, $out, $err) = run_command(\%admin, '', @arguments);
	is($got, $code, $name) or diag $err;
	is($out, '', '  nothing on standard output');
	like($err, $pattern, '  and says why');
	return;
}

my ($token, $key_id);
subtest 'mint-key' => sub {
	my ($code, $out, $err) = run_command(\%admin, '', 'mint-key', "--workspace=$tenant->{db_id}", '--role=dbuser', '--env=dev', '--name=an agent', '--valid-for=30d');
	is($code, 0, 'a key is made') or diag $err;
	like($out, qr/\Aacd_dev_([A-Za-z0-9_-]{16})_[A-Za-z0-9_-]{32}\n\z/, 'and stands alone on standard output');
	($token) = $out =~ /(\S+)/;
	$key_id = substr $token, 8, 16;
	unlike($err, qr/\Q$token\E/, 'and nowhere else');
	is($host->control("SELECT role || ',' || env || ',' || name || ',' || (expires_at - created_at = interval '30 days') FROM appinfra.keys WHERE key_id = '$key_id'"),
		'dbuser,dev,an agent,true', 'as it was asked for');
	like(ok_command('mint-key', '--workspace', uc $workspace, '--role', 'reader'), qr/\Aacd_live_/, 'of a workspace_id');
	like(ok_command('mint-key', '--workspace=agents', '--role=dbadmin'), qr/\Aacd_live_/, 'of a slug');
	fails_with(1, qr/unknown|no such|not/, 'a workspace that is not there', 'mint-key', '--workspace=nobodys', '--role=reader');
	my $made = ok_command('mint-key', '--workspace=fresh', '--role=dbadmin', '--create');
	like($made, qr/\Aacd_live_/, 'one that is made for it');
	like(ok_command('mint-key', '--workspace=fresh', '--role=reader', '--create'), qr/\Aacd_live_/, 'once');
	is($host->control("SELECT count(*) || ' ' || min(app_id) || ' ' || (SELECT count(*) FROM appinfra.bindings b JOIN appinfra.databases f USING (db_id) WHERE f.slug = 'fresh')"
			. " FROM appinfra.databases WHERE slug = 'fresh'"), '1 fresh 0', 'without variables');
	fails_with(2, qr/--workspace/, 'no workspace', 'mint-key', '--role=reader');
	fails_with(2, qr/--role must be one of dbadmin, dbuser, reader/, 'no role', 'mint-key', '--workspace=agents');
	fails_with(2, qr/--env must be/, 'another env', 'mint-key', '--workspace=agents', '--role=reader', '--env=prod');
	fails_with(2, qr/--valid-for wants a time/, "no time: $_", 'mint-key', '--workspace=agents', '--role=reader', "--valid-for=$_") for 'soon', '30', 'd', '-1d';
	fails_with(2, qr/no such option|argument/, 'an option that is none', 'mint-key', '--workspace=agents', '--role=reader', '--colour=red');
	my $lost;
	($code, $out, $lost) = run_command({ APPINFRA_DATABASE_URL => 'host=127.0.0.1 port=1 dbname=x' }, '', 'mint-key', '--workspace=agents', '--role=reader');
	is("$code $out", '3 ', 'a database that is not there') or diag $lost;
};

subtest 'list-keys' => sub {
	my @rows = map { [ split /\t/ ] } split /\n/, ok_command('list-keys', '--workspace=agents');
	is(scalar @rows, 3, 'the keys of a workspace');
	is_deeply([ @{ $rows[0] }[ 0 .. 4, 6 ] ], [ $key_id, $tenant->{db_id}, 'dbuser', 'dev', 'active', 'an agent' ], 'a line each');
	like($rows[0][5], qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'until when');
	is(scalar(() = ok_command('list-keys') =~ /\n/g), 5, 'or all');
	my $json = ok_command('list-keys', '--json', "--workspace=$workspace");
	is_deeply([ map { $_->{role} } @{ decode_json($json)->{keys} } ], [qw(dbuser reader dbadmin)], 'or as JSON');
	unlike($json, qr/acd_/, 'without a token');
	fails_with(1, qr/no such workspace/, 'a workspace that is not there', 'list-keys', '--workspace=nobodys');
};

my $gateway = Appinfra::Gateway->start($host, args => ['--gateway-rate-limit=0']);
my %agent = (AGENTCOOPDB_GATEWAY_URL => $gateway->url . '/', AGENTCOOPDB_API_KEY => $token);
sub message { my ($id, $method, $params) = @_; return { jsonrpc => '2.0', id => $id, method => $method, params => $params }; }
sub call_of { my ($id, $name, $arguments) = @_; return message($id, 'tools/call', { name => $name, arguments => $arguments }); }

subtest 'gateway-mcp' => sub {
	my @answers = Appinfra::Mcp::lines([ $binary, 'gateway-mcp' ], \%agent,
		message(1, 'initialize', { protocolVersion => '2025-06-18', capabilities => {}, clientInfo => { name => 't', version => '1' } }),
		{ jsonrpc => '2.0', method => 'notifications/initialized' }, '', call_of(2, 'whoami', {}),
		call_of(3, 'sql_execute', { sql => q(SELECT E'{"a":\n1}'::json AS j) }), [ message(4, 'ping', {}) ], '{', 'x' x 1_100_000, call_of(5, 'sql_execute', { sql => 'SELEC' }));
	is_deeply([ map { $_->{id} } @answers ], [ 1, 2, 3, undef, undef, undef, 5 ], 'each request is answered, in a line');
	is($answers[1]{result}{structuredContent}{key_id}, $key_id, 'for the holder of the key') or diag explain \@answers;
	is_deeply($answers[2]{result}{structuredContent}{rows}, [ [ { a => 1 } ] ], 'also where the answer has lines');
	is_deeply([ map { $_->{error}{code} } @answers[ 3 .. 5 ] ], [ -32600, -32700, -32600 ], 'what is no message of the version that was agreed on is refused');
	like($answers[6]{result}{content}[0]{text}, qr/^parse_error: /, 'a refusal is passed on');

	my $file = PostgreSQL::Test::Utils::tempdir() . '/key';
	PostgreSQL::Test::Utils::append_to_file($file, "$token\n");
	my %by_file = (AGENTCOOPDB_GATEWAY_URL => $gateway->url, AGENTCOOPDB_API_KEY_FILE => $file);
	my ($said) = Appinfra::Mcp::lines([ $binary, 'gateway-mcp' ], \%by_file, call_of(1, 'whoami', {}));
	is($said->{result}{structuredContent}{role}, 'dbuser', 'the key may come by a file');
	for my $case ([ 'no gateway', qr/AGENTCOOPDB_GATEWAY_URL/, AGENTCOOPDB_API_KEY => $token ], [ 'no key', qr/AGENTCOOPDB_API_KEY/, AGENTCOOPDB_GATEWAY_URL => $gateway->url ],
		[ 'two keys', qr/both set/, %agent, AGENTCOOPDB_API_KEY_FILE => $file ], [ 'a key that is none', qr/no header/, %agent, AGENTCOOPDB_API_KEY => "a\nb" ],
		[ 'a gateway in clear', qr/plaintext/, %agent, AGENTCOOPDB_GATEWAY_URL => 'http://gateway.example' ])
	{
		my ($name, $pattern, %env) = @$case;
		my ($code, $out, $err) = run_command(\%env, '', 'gateway-mcp');
		is("$code $out", '2 ', "$name: exit code 2");
		like($err, $pattern, '  and says why');
		unlike($err, qr/\Q$token\E/, '  without the key');
	}
};

subtest 'the key stays secret' => sub {
	my ($in, $out, $err) = ('', '', '');
	local %ENV = (PATH => $ENV{PATH}, %agent);
	my $client = IPC::Run::start([ $binary, 'gateway-mcp' ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	$in = encode_json(call_of(1, 'whoami', {})) . "\n";
	$client->pump until $out =~ /\n/;
	my $pid = $client->{KIDS}[0]{PID};
	for my $place (qw(environ cmdline))
	{
		my $text = eval { PostgreSQL::Test::Utils::slurp_file("/proc/$pid/$place") } // '';
		unlike($text, qr/\Q$token\E/, "/proc/PID/$place does not have it");
	}
	$client->finish;
	is($err, '', 'nothing is logged');
};

subtest 'revoke-key' => sub {
	is(ok_command('revoke-key', $key_id, '--reason=the agent is gone'), "revoked $key_id\n", 'a key is revoked');
	is($host->control("SELECT status || ' ' || reason FROM appinfra.keys WHERE key_id = '$key_id'"), 'revoked the agent is gone', 'for a reason');
	my ($said) = Appinfra::Mcp::lines([ $binary, 'gateway-mcp' ], \%agent, call_of(7, 'whoami', {}));
	is_deeply([ $said->{id}, $said->{error}{message} =~ /^(key_inactive: )/ ], [ 7, 'key_inactive: ' ], 'the gateway does not answer it any more') or diag explain $said;
	fails_with(1, qr/./, 'a key that is not there', 'revoke-key', 'x' x 16);
	fails_with(2, qr/id of one key/, 'no key', 'revoke-key');
	my ($code, $out, $err) = run_command(\%admin, '', 'revoke-key', $token);
	is($code, 2, 'the key itself is not taken');
	unlike($err, qr/\Q$token\E/, '  nor quoted');
};
$gateway->process->stop;
my ($gone) = Appinfra::Mcp::lines([ $binary, 'gateway-mcp' ], \%agent, call_of(8, 'whoami', {}));
is_deeply([ $gone->{id}, $gone->{error}{code}, $gone->{error}{message} =~ /^(the gateway cannot be reached)/ ], [ 8, -32603, 'the gateway cannot be reached' ], 'a gateway that is gone is said to be')
  or diag explain $gone;
done_testing();
