# What docs/gateway.md tells users to type, done as it stands there.
use strict;
use warnings;
use Appinfra;
use Appinfra::Gateway;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;

my $host = Appinfra->make('document', pool_size => 1);
my $tenant = $host->provision(app_id => 'app-notes', slug => 'notes', publish => 0, env => {});
my $gateway = Appinfra::Gateway->start($host);
my $document = slurp_file(Appinfra::test_file('../docs/gateway.md'));

# The one block of a language that has the words in it.
sub block
{
	my ($language, $words) = @_;
	my @found = grep { /\Q$words\E/ } $document =~ /^```$language\n(.*?)^```$/msg;
	is(scalar @found, 1, "one block of $language has $words");
	return $found[0] // '';
}

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
	my $file = PostgreSQL::Test::Utils::tempdir() . '/program.' . ($language eq 'js' ? 'mjs' : $language);
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
SKIP:
{
	skip 'node is not there', 1 if system('command -v node >/dev/null 2>&1') != 0;
	like(run_program(['node'], 'js', 'fetch'), qr/from JavaScript/, 'JavaScript as well');
}
my $user = { token => $token };
is($gateway->rpc($user, 'add_note', { body => 'called' })->{json}{result}{body}, 'called', 'the procedure is called');
is($gateway->sql($user, 'INSERT INTO drafts (body) VALUES (1) RETURNING agent')->{json}{rows}[0][0], substr($token, 9, 16), 'a draft is its writer\'s');
is($gateway->sql($gateway->mint($tenant->{db_id}, 'dbuser'), 'SELECT count(*) FROM drafts')->{json}{rows}[0][0], 0, 'which another agent does not see');
decode_json(block('json', 'mcpServers'));
is($gateway->process->stop, 0, 'SIGTERM: exit code 0');
done_testing();
