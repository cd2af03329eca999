# The OpenAPI document that the sidecar serves, as two linters see it: no error, and no warning. A linter
# that is missing fails.
use strict;
use warnings;
use Appinfra;
use Appinfra::Npm;
use Appinfra::Rest;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('openapi', pool_size => 1);
my $rest = Appinfra::Rest->start($host);
my $linters = Appinfra::Npm::install('clients/openapi', 'spectral.yaml');
my $answer = $rest->call(GET => '/openapi.json');
is($answer->{status}, 200, 'the document is served');
PostgreSQL::Test::Utils::append_to_file("$linters/openapi.json", $answer->{content});
# Each linter is also shown a document with something to warn of: without these answers nothing uses Health.
my $bad = decode_json($answer->{content});
delete $bad->{paths}{'/healthz'}{get}{responses};
PostgreSQL::Test::Utils::append_to_file("$linters/bad.json", encode_json($bad));

# Runs a linter on a document; returns its exit code, and all that it said.
sub lint
{
	my ($file, $program, @arguments) = @_;
	local %ENV = (%ENV, HOME => $linters, REDOCLY_TELEMETRY => 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE => 'true', NO_COLOR => 1);
	my $said = '';
	eval { IPC::Run::run([ "$linters/node_modules/.bin/$program", 'lint', "$linters/$file", @arguments ], '<', \undef, '>', \$said, '2>', \$said, init => sub { chdir $linters }, IPC::Run::timeout(120)) }
		// return (-1, $@);
	return ($? >> 8, $said);
}

my %linters = (
	redocly => { arguments => [ '--extends', 'recommended' ], clean => qr/Your API description is valid/, complaint => qr/\b(warning|error)/i },
	spectral => { arguments => [ '--ruleset', "$linters/spectral.yaml", '--fail-severity', 'warn' ], clean => qr/No results with a severity of 'warn' or higher found/, complaint => qr/^ *\d+:\d+ +(warning|error) /m });
for my $name (sort keys %linters)
{
	my %linter = %{ $linters{$name} };
	my ($exit, $said) = lint('openapi.json', $name, @{ $linter{arguments} });
	is($exit, 0, "$name finds no error") or diag $said;
	like($said, $linter{clean}, '  and says so');
	unlike($said, $linter{complaint}, '  nor a warning');
	($exit, $said) = lint('bad.json', $name, @{ $linter{arguments} });
	like($said, $linter{complaint}, '  but has one where there is one to give');
	like($said, qr/Health/, '  which it names');
}
is($rest->process->stop, 0, 'exit code 0');
done_testing();
