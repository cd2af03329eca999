# Owns the type vector of a workspace in tests: pgvector's where the server has it, else a domain of the same form
# with the operator that searches use.
#
#   my $real = Appinfra::Vectors::prepare(sub { ... });    # runs a statement as a dbadmin; true: it succeeded
package Appinfra::Vectors;

use strict;
use warnings;
use Test::More;

my @stand_in = (
	'CREATE DOMAIN vector AS jsonb',
	q{CREATE FUNCTION cosine_distance(a jsonb, b jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1 - sum(x.v::float8 * y.v::float8)
		/ sqrt(sum(x.v::float8 ^ 2) * sum(y.v::float8 ^ 2)) FROM jsonb_array_elements_text(a) WITH ORDINALITY x (v, i) JOIN jsonb_array_elements_text(b) WITH ORDINALITY y (v, i) USING (i)'},
	'CREATE OPERATOR <=> (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = cosine_distance)');

# Makes the type; returns whether it is pgvector's.
sub prepare
{
	my ($run) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return 1 if $run->('CREATE EXTENSION vector');
	note 'the extension vector is not here: a type of the same form stands in';
	ok($run->($_), substr $_, 0, 40) for @stand_in;
	return 0;
}

1;
