#!/usr/bin/env perl
# Runs TAP test files, some at a time, and prints what they did as prove does. The last line is
# "tap: N passed, N failed", counted in assertions; a file that died, ran nothing or missed its
# plan counts as one failure more.
#
#   tools/prove.pl JOBS LIBDIR FILE...
use strict;
use warnings;
use TAP::Harness;

my ($jobs, $lib, @files) = @ARGV;
my $harness = TAP::Harness->new(
	{ jobs => $jobs, lib => [$lib], timer => 1, failures => 1, merge => 0 });
my $result = $harness->runtests(@files);

my ($passed, $failed) = (scalar $result->passed, scalar $result->failed);
for my $file ($result->descriptions)
{
	my ($parser) = $result->parsers($file);
	my $silent = !$parser->failed && $parser->has_problems;
	my $nothing = !$parser->tests_run && !$parser->skip_all;
	$failed++ if $silent || (!$parser->failed && $nothing);
	show_log($file) if $parser->has_problems;
}
print "tap: $passed passed, $failed failed\n";
exit($failed ? 1 : 0);

# Shows the end of what PostgreSQL::Test wrote beside the terminal: the reason is there.
sub show_log
{
	my ($name) = $_[0] =~ m{([^/]+)\.pl$};
	open my $log, '<', "$ENV{TESTDIR}/tmp_check/log/regress_log_$name" or return;
	my @lines = <$log>;
	splice @lines, 0, -40 if @lines > 40;
	print "--- end of the log of $_[0]\n", @lines, "---\n";
	return;
}
