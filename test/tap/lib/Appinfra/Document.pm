# Owns how tests find what a document shows: the blocks of code in it, which they run as they stand there.
#
#   my $program = Appinfra::Document::block('gateway.md', 'python', 'urllib');
package Appinfra::Document;

use strict;
use warnings;
use Carp;
use PostgreSQL::Test::Utils qw(slurp_file);
use Appinfra;

# Returns the one block of the language in a file of docs/ that has the words in it.
sub block
{
	my ($file, $language, $words) = @_;
	my @found = grep { /\Q$words\E/ } slurp_file(Appinfra::test_file("../docs/$file")) =~ /^```$language\n(.*?)^```$/msg;
	croak @found . " blocks of $language in docs/$file have $words" if @found != 1;
	return $found[0];
}

1;
