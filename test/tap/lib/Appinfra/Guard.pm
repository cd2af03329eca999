# Owns what tests of the guard ask again and again: is this refused, by which rule, and is it in the
# audit log though its transaction aborted?
#
#   my $guard = Appinfra::Guard->new($host);
#   $guard->refused($dsn, "COPY t TO '/tmp/x'", 'copy_file', 'a file');  # 42501, the rule, an audit row
#   $guard->allowed($dsn, 'SELECT 1', '1', 'a query');
#   $guard->soon(sub { ... }, 'what');                                   # becomes true
# What is refused is looked for in the audit log among the rows that came after new() or forget().
package Appinfra::Guard;

use strict;
use warnings;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Wait qw(reaches wait_for);
use Test::More;

sub new
{
	my ($class, $host) = @_;
	my $self = bless { host => $host }, $class;
	$self->forget;
	return $self;
}

# Forgets the audit rows that are there.
sub forget
{
	my ($self) = @_;
	return $self->{mark} = $self->{host}->control('SELECT coalesce(max(id), 0) FROM appinfra.audit');
}

sub allowed
{
	my ($self, $dsn, $sql, $expected, $name, %other) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $self->{host}->as_app($dsn, $sql, %other);
	return is("$code $out", "0 $expected", $name) || diag $err;
}

# Logs in and runs SQL that the guard refuses by that rule (a pattern), and looks for the audit row.
sub refused
{
	my ($self, $dsn, $sql, $rule, $name, %other) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $self->{host}->as_app($dsn, $sql, %other);
	like($err, qr/(?:ERROR|FATAL):  42501: .*\n(?:.*\n)*DETAIL:  Rule "$rule": /, "refused: $name")
	  || diag "code $code, $out";
	return $self->audited("outcome = 'refused' AND credential = '" . parse_dsn($dsn)->{user} . "'", $rule, $name);
}

# Tests that there comes an audit row with that rule.
sub audited
{
	my ($self, $where, $rule, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $self->soon(
		sub {
			$self->{host}->control("SELECT count(*) > 0 FROM appinfra.audit WHERE id > $self->{mark}"
				  . " AND $where AND detail->>'rule' ~ '^($rule)\$'") eq 't';
		},
		"audited: $name");
}

# Tests that something becomes true.
sub soon
{
	my ($self, $reached, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return reaches { wait_for($name, $reached) } $name;
}

1;
