# The command `appinfra`: docs/cli.md, each of whose commands is run here and must print what stands
# there; what it says of mistakes, with which exit code; tokens, profiles and servers elsewhere.
# APPINFRA_CLI_DOCUMENT=FILE writes the document with what was printed.
use strict;
use warnings;
use Appinfra;
use Appinfra::Console;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('cli', pool_size => 4);
$host->wait_for_pool(4);
my $console = Appinfra::Console->start($host);

# --- the document -------------------------------------------------------------------------------------------
my $document = PostgreSQL::Test::Utils::slurp_file(Appinfra::test_file('../docs/cli.md'));
my ($written, $commands) = ('', 0);
for my $part (split /(^```console\n.*?^```\n)/ms, $document)
{
	if ($part !~ s/^```console\n//)
	{
		$written .= $part;
		next;
	}
	$written .= "```console\n";
	for my $step (split /^(?=\$ )/m, $part =~ s/^```\n\z//mr)
	{
		my ($line, $shown) = $step =~ /^\$ ([^\n]*)\n(.*)\z/s or die "no command: $step";
		my ($printed) = $console->shell($line);
		is($printed, $shown, "docs/cli.md: $line");
		$written .= "\$ $line\n$printed";
		$commands++;
	}
	$written .= "```\n";
}
cmp_ok($commands, '>', 20, 'it has many commands');
if (my $file = $ENV{APPINFRA_CLI_DOCUMENT})
{
	open my $out, '>', $file or die $!;
	print $out $written;
	close $out;
}

# --- what a script reads ------------------------------------------------------------------------------------
my ($code, $out, $err) = $console->run('db', 'create', 'app-json', '--slug=json', '--owner=json@example.com', '--no-publish', '--json');
is($code, 0, 'db create --json') or diag $err;
my $made = decode_json($out);
is($out =~ tr/\n//, 1, 'one line');
like($made->{connection}{url}, qr/^postgresql:.*:[\w-]{44}\@/, 'with the DSN, this once');
is(($host->as_app($made->{connection}{url}, 'SELECT 1'))[1], 1, 'which logs in');
is_deeply([ $console->run('db', 'create', 'app-json', '--slug=json', '--owner=other@example.com', '--json') ]->[0], 1, 'for another owner: 1, refused');
($code, $out, $err) = $console->run('db', 'ls', '--app=app-json', '--json');
is(decode_json($out)->{databases}[0]{db_id}, $made->{db_id}, 'db ls --json');
($code, $out, $err) = $console->run('db', 'info', 'db-000000000000', '--json');
is_deeply([ $code, $out, decode_json($err)->{title} ], [ 6, '', 'not_found' ], 'a refusal: the problem as JSON, on standard error, and 6');

# --- destroying asks ----------------------------------------------------------------------------------------
for my $verb ([qw(db delete app-json)], [qw(db revoke app-json)], [qw(db unbind app-json DATABASE_URL)], [qw(credentials revoke app-json x)],
	[qw(keys revoke app-json 0123456789abcdef)], [qw(apps unregister app-json)])
{
	($code, $out, $err) = $console->run(@$verb);
	is("$code $out", '2 ', "@$verb: nobody is there to answer");
	like($err, qr/--yes/, '  and it says what to say');
}
is($host->control("SELECT status FROM appinfra.databases WHERE db_id = '$made->{db_id}'"), 'ready', 'nothing was destroyed');

# --- mistakes -----------------------------------------------------------------------------------------------
for my $mistake (
	[ qr/did you mean appinfra db ls\?/, 'db', 'lst' ],
	[ qr/did you mean appinfra db psql\?/, 'psql', 'app-json' ],
	[ qr/did you mean appinfra pool\?/, 'pol' ],
	[ qr/did you mean appinfra credentials issue\?/, 'credentials', 'isue' ],
	[ qr/db wants another word/, 'db' ],
	[ qr/there is no command "--json"/, '--json', 'db', 'ls' ],
	[ qr/an argument belongs to no option/, 'db', 'ls', 'x' ],
	[ qr/db info takes DATABASE/, 'db', 'info' ],
	[ qr/did you mean --app\?/, 'db', 'ls', '--ap=x' ],
	[ qr/--reason is an option of db revoke, credentials revoke, keys revoke, buckets revoke, not of db ls/, 'db', 'ls', '--reason=x' ],
	[ qr/--timeout must be a time/, 'db', 'restore', 'app-json', '--timeout=soon' ],
	[ qr/a service is named SERVICE\/HOST/, 'services', 'set', 'app-json', 'worker' ])
{
	my ($pattern, @arguments) = @$mistake;
	($code, $out, $err) = $console->run(@arguments);
	is("$code $out", '2 ', "2 for: appinfra @arguments");
	like($err, $pattern, '  and it says what is right');
}
like(($console->run)[2], qr/Usage: appinfra COMMAND/, 'without a command it lists them');
like(($console->run('db', '--help'))[1], qr/db psql .*\n/, 'a noun has help');
like(($console->run('db', 'create', '--help'))[1], qr/--slug/, 'and a command');
like(($console->run('--version'))[1], qr/^appinfra \d/, 'and it says its version');

# --- who asks, and where -------------------------------------------------------------------------------------
my $url = $console->rest->url;
my $user = $console->rest->token(email => 'json@example.com');
is(($console->run({ APPINFRA_URL => $url }, 'db', 'ls'))[0], 5, 'elsewhere nobody is let in without a token: 5');
($code, $out, $err) = $console->run({ APPINFRA_URL => $url, APPINFRA_TOKEN => $user }, 'db', 'ls', '--json');
is_deeply([ map { $_->{db_id} } @{ decode_json($out)->{databases} } ], [ $made->{db_id} ], 'with a token: what is the user\'s') or diag $err;
is(($console->run({ APPINFRA_URL => $url, APPINFRA_TOKEN => $user }, 'pool'))[0], 5, 'and nothing for administrators');
is(($console->run({ APPINFRA_URL => 'http://appinfra.example', APPINFRA_TOKEN => $user }, 'db', 'ls'))[0], 2, 'no token travels in clear: 2');
is(($console->run({ APPINFRA_URL => 'http://127.0.0.1:1' }, 'db', 'ls'))[0], 3, 'nobody answers: 3');
($code, $out, $err) = $console->run({ APPINFRA_URL => 'unix:/nowhere/socket' }, 'db', 'ls');
is($code, 3, 'no socket: 3');
like($err, qr/appinfrad serve --socket=/, '  and what to do');

# Profiles.
my $config = $console->home . '/.config/appinfra';
system 'mkdir', '-p', $config;
PostgreSQL::Test::Utils::append_to_file("$config/config", "[default]\nurl = \"http://127.0.0.1:1\"\n[mine]\nurl = \"$url\"\ntoken-file = \"~/token\"\n");
PostgreSQL::Test::Utils::append_to_file($console->home . '/token', "$user\n");
my %profile = (APPINFRA_URL => undef);
is(($console->run({%profile}, 'db', 'ls'))[0], 3, 'the profile "default" is taken by itself');
like(($console->run({%profile}, 'db', 'ls', '--profile=mine'))[1], qr/app-json/, 'another when it is named');
like(($console->run({ %profile, APPINFRA_PROFILE => 'none' }, 'db', 'ls'))[2], qr/has no profile "none"/, 'one that is not there');
PostgreSQL::Test::Utils::append_to_file("$config/config", "[open]\nurl = \"$url\"\ntoken = \"$user\"\n");
chmod 0644, "$config/config";
($code, $out, $err) = $console->run({%profile}, 'db', 'ls', '--profile=open');
is($code, 2, 'a token in a file that others can read: 2');
like($err, qr/chmod 600/, '  and what to do');
unlike($err, qr/\Q$user\E/, '  and not the token');
chmod 0600, "$config/config";
like(($console->run({%profile}, 'db', 'ls', '--profile=open'))[1], qr/app-json/, 'and then it is taken');

done_testing();
