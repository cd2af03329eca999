# Owns the MCP clients of a test: the official client library (test/mcp, installed from the npm
# registry into a directory of the test's), and a plain one that writes JSON lines.
#
#   my $client = Appinfra::Mcp->install or plan skip_all => Appinfra::Mcp->why_not;
#   my ($hello, @answers) = $client->session([ 'stdio', @command ], \%env, @steps);
#   my @messages = Appinfra::Mcp::lines(\@command, \%env, @requests);
package Appinfra::Mcp;

use strict;
use warnings;
use Carp;
use File::Copy qw(copy);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Appinfra;

my $why_not = '';

# Installs the library, as the lock file says; nothing when that cannot be done here.
sub install
{
	my ($class) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	for my $program (qw(node npm))
	{
		next if grep { -x "$_/$program" } split /:/, $ENV{PATH};
		$why_not = "there is no $program";
		return undef;
	}
	copy(Appinfra::test_file("mcp/$_"), "$dir/$_") or croak "$_: $!" for qw(package.json package-lock.json session.mjs);
	my $output = '';
	my $done = eval {
		IPC::Run::run([ 'npm', 'ci', '--prefix', $dir, '--no-audit', '--no-fund', '--ignore-scripts', '--cache', "$dir/cache" ],
			'<', \'', '>&', \$output, IPC::Run::timeout(180));
	};
	return bless { dir => $dir }, $class if $done && -d "$dir/node_modules/\@modelcontextprotocol";
	$why_not = 'the client library cannot be installed from the npm registry: ' . substr($output, -300) =~ s/\s+/ /gr;
	return undef;
}

sub why_not { return $why_not; }

# Runs a session of steps (see session.mjs); returns what it told: about the server, then a step each.
sub session
{
	my ($self, $where, $env, @steps) = @_;
	my ($in, $out, $err) = (encode_json(\@steps), '', '');
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', HOME => $self->{dir}, %$env);
	IPC::Run::run([ 'node', "$self->{dir}/session.mjs", @$where ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(120))
	  or croak "session: $err";
	$self->{transcript} .= $out;
	return map { decode_json($_) } split /\n/, $out;
}

# All that the server has said so far.
sub transcript { return $_[0]{transcript}; }

# Runs a command with these lines on standard input (texts, or messages to encode), waits for its end,
# and returns the messages it wrote.
sub lines
{
	my ($command, $env, @lines) = @_;
	my $in = join '', map { (ref $_ ? encode_json($_) : $_) . "\n" } @lines;
	my ($out, $err) = ('', '');
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', %$env);
	IPC::Run::run($command, '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(60)) or croak "ended with $?: $err";
	return map { decode_json($_) } split /\n/, $out;
}

1;
