# Owns agents that speak MCP: sessions with the protocol's client library (test/mcp, installed with npm
# below the test's own directory), the inspector's command line, and single messages over HTTP.
#
#   my $why = Appinfra::Agent::missing();                       # why there is no client; undef: there is one
#   my $session = Appinfra::Agent::session(stdio($host, $user), { do => 'list' }, { do => 'call', ... });
#   $session->{results}[0]{ok}, {error}, $session->{transcript}
#   my ($exit, $json, $err) = Appinfra::Agent::inspector(\@target, '--method', 'tools/list');
#   my $answer = Appinfra::Agent::post($rest, $user, { method => 'ping', id => 1 });
package Appinfra::Agent;

use strict;
use warnings;
use File::Copy qw(copy);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Appinfra;

my $modules; # where the client library is

# Installs the client library; returns why it cannot be used, or undef.
sub missing
{
	return undef if $modules;
	for my $program (qw(node npm))
	{
		return "there is no $program" if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
	}
	my $dir = PostgreSQL::Test::Utils::tempdir();
	copy(Appinfra::test_file("mcp/$_"), "$dir/$_") or die "$_: $!" for qw(package.json package-lock.json agent.mjs);
	my ($out, $err) = ('', '');
	local $ENV{npm_config_cache} = "$dir/cache";
	my @npm = qw(npm ci --no-audit --no-fund --ignore-scripts --loglevel=error --fetch-retries=1 --fetch-timeout=20000);
	my $installed = eval {
		IPC::Run::run([ @npm, '--prefix', $dir ], '<', \undef, '>', \$out, '2>', \$err, init => sub { chdir $dir }, IPC::Run::timeout(120));
	};
	return 'npm ci: ' . (($err || $@ || 'it failed') =~ s/\n.*//sr) if !$installed;
	# The inspector looks for its version one folder above its own.
	copy("$dir/package.json", "$dir/node_modules/\@modelcontextprotocol/package.json") or die $!;
	$modules = $dir;
	return undef;
}

# A session over standard input and output.
sub stdio
{
	my ($host, $user, %env) = @_;
	%env = (LC_ALL => 'C.UTF-8', APPINFRA_DATABASE_URL => $host->sidecar_url, APPINFRA_USER => $user, APPINFRA_APPS => 'open', %env);
	delete $env{$_} for grep { !defined $env{$_} } keys %env;
	return { command => Appinfra::sidecar_binary(), args => ['mcp'], env => \%env };
}

# A session over HTTP, with a good token of the user.
sub http
{
	my ($rest, $user, %claims) = @_;
	return { url => $rest->url . '/mcp', headers => { Authorization => 'Bearer ' . $rest->token(email => $user, %claims) } };
}

# Has a session; returns what agent.mjs printed.
sub session
{
	my ($with, @steps) = @_;
	my ($out, $err) = ('', '');
	my $in = encode_json({ %$with, steps => \@steps });
	IPC::Run::run([ 'node', "$modules/agent.mjs" ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(120));
	my $session = eval { decode_json($out) } // die "no session: $out$err";
	return { %$session, bytes => $out };
}

# Runs the inspector's command line; returns (exit code, document, errors).
sub inspector
{
	my ($with, @arguments) = @_;
	my @target = $with->{url}
	  ? ($with->{url}, '--transport', 'http', map { ('--header', "$_: $with->{headers}{$_}") } sort keys %{ $with->{headers} })
	  : (map({ ('-e', "$_=$with->{env}{$_}") } sort keys %{ $with->{env} }), $with->{command}, @{ $with->{args} });
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'node', "$modules/node_modules/\@modelcontextprotocol/inspector-cli/build/cli.js", '--cli', @target, @arguments ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	return ($? >> 8, scalar eval { decode_json($out) }, $err);
}

# Sends one message over HTTP; a text is sent as it is.
sub post
{
	my ($rest, $user, $message, %headers) = @_;
	my $content = ref $message ? encode_json({ jsonrpc => '2.0', %$message }) : $message;
	return $rest->call(POST => '/mcp', $content, user => $user, headers => { Accept => 'application/json, text/event-stream', %headers });
}

1;
