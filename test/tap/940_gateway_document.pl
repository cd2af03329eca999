# What docs/gateway.md tells users to type, done as it stands there. (Its TypeScript: 930_gateway_clients.)
use strict;
use warnings;
use Appinfra;
use Appinfra::Document;
use Appinfra::Gateway;
use Appinfra::Mcp;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils qw(append_to_file);
use Test::More;
use Text::ParseWords qw(shellwords);

my $host = Appinfra->make('document', pool_size => 1);
my $tenant = $host->provision(app_id => 'app-notes', slug => 'notes', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host);

sub block { return Appinfra::Document::block('gateway.md', @_); }

my $mint = block('sql', 'mint_key') =~ s/db-0a1b2c3d4e5f/$tenant->{db_id}/r;
my ($token) = $host->control($mint) =~ /(acd_live_[\w-]{49})/;
ok(defined $token, 'a key is minted');
my $admin = $gateway->mint($tenant->{db_id}, 'dbadmin');
my $made = $gateway->sql($admin, 'CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, body text)');
is($made->{status}, 200, 'a table') or diag $made->{content};
for my $statement (split /;\n/, block('sql', 'rpc.add_note') . block('sql', 'own_drafts'))
{
	$made = $gateway->sql($admin, $statement);
	is($made->{status}, 200, substr $statement, 0, 60) or diag $made->{content};
}

# Runs a program of the document as somebody who has the two variables.
sub run_program
{
	my ($program, $language, $words) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/program.$language";
	append_to_file($file, block($language, $words));
	my ($out, $err) = ('', '');
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', AGENTCOOPDB_GATEWAY_URL => $gateway->url, AGENTCOOPDB_API_KEY => $token);
	ok(IPC::Run::run([ @$program, $file ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60)), "$language: it ends well") or diag $err;
	return $out;
}
my $told = decode_json(run_program([ 'sh', '-eu' ], 'sh', 'curl'));
my $shown = decode_json(block('json', '"command":"INSERT"'));
delete @{$_}{qw(duration_ms)} for $told, $shown;
is_deeply($told, $shown, 'curl is told what the document shows');
like(run_program(['/usr/bin/python3'], 'python', 'urllib'), qr/from Python/, 'Python reads what it wrote');
my $user = { token => $token };
is($gateway->rpc($user, 'add_note', { body => 'called' })->{json}{result}{body}, 'called', 'the procedure is called');
is($gateway->sql($user, 'INSERT INTO drafts (body) VALUES (1) RETURNING agent')->{json}{rows}[0][0], substr($token, 9, 16), 'a draft is its writer\'s');
is($gateway->sql($gateway->mint($tenant->{db_id}, 'dbuser'), 'SELECT count(*) FROM drafts')->{json}{rows}[0][0], 0, 'which another agent does not see');

# --- MCP: each client's configuration leads to the key's own tools ------------------------------------------------
my $example = qr/acd_live_\x{2026}/;
my %asked = (jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => 'whoami', arguments => {} });

# Starts what a configuration says, with this gateway and key in place of the example's.
sub whoami
{
	my ($env, @command) = @_;
	my %own = (AGENTCOOPDB_GATEWAY_URL => $gateway->url, AGENTCOOPDB_API_KEY => $token);
	is_deeply([ sort keys %$env ], [ sort keys %own ], 'the variables it needs');
	is(shift @command, 'appinfrad', 'and the program');
	my ($answer) = Appinfra::Mcp::lines([ Appinfra::sidecar_binary(), @command ], \%own, \%asked);
	return $answer->{result}{structuredContent}{key_id};
}
my $key_id = substr $token, 9, 16;
my ($settings, $command) = split / -- /, block('', 'claude mcp add');
is(whoami({ map { split /=/, $_, 2 } $settings =~ /-e (\S+)/g }, shellwords($command)), $key_id, 'Claude Code');
my $desktop = decode_json(block('json', '"gateway-mcp"'))->{mcpServers}{'app-db'};
is(whoami($desktop->{env}, $desktop->{command}, @{ $desktop->{args} }), $key_id, 'Claude Desktop');
my $cursor = decode_json(block('json', '/v1/mcp'))->{mcpServers}{'app-db'};
like($cursor->{headers}{Authorization}, qr/^Bearer $example$/, 'Cursor sends the key');
my ($path) = $cursor->{url} =~ m{^https://[^/]+(/.*)};
is($gateway->call(POST => $path, \%asked, headers => { Authorization => "Bearer $token" })->{json}{result}{structuredContent}{key_id}, $key_id, 'where the gateway has its tools');

# --- vectors -----------------------------------------------------------------------------------------------------
my ($extension, @made) = split /;\n/, block('sql', 'CREATE EXTENSION vector');
$made = $gateway->sql($admin, $extension);
SKIP:
{
	if ($made->{status} != 200)
	{
		like("$made->{status} $made->{json}{title} $made->{json}{hint}", qr/^400 not_supported .*installed/, 'a host without pgvector says so') or diag $made->{content};
		skip 'the extension vector is not here', 4;
	}
	is($gateway->sql($admin, $_)->{status}, 200, substr $_, 0, 60) for @made;
	my ($insert, $search) = split /;\n/, block('sql', 'EXCLUDED.embedding');
	is($gateway->sql($user, $insert, [ 'a', {}, [ 1, 0, 0.5 ] ])->{json}{rows_affected}, 1, 'a vector is stored');
	is($gateway->sql($user, $search, [ [ 1, 0, 0.5 ] ])->{json}{rows}[0][0], 'a', 'and found');
}
is($gateway->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
