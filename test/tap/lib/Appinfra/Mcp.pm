# Owns a plain MCP client that writes JSON lines to the standard input of a server. What agents have, the
# protocol's own client library, is Appinfra::Agent's.
#
#   my @messages = Appinfra::Mcp::lines(\@command, \%env, @requests);
package Appinfra::Mcp;

use strict;
use warnings;
use Carp;
use IPC::Run;
use JSON::PP;

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
