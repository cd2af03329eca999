# Owns the invariants of what was told to somebody, for Appinfra::Invariants: calls that were acknowledged,
# their rows in the audit, errors, and seals that were collected outside.
package Appinfra::Invariants::Acknowledged;

use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Appinfra;

# As the runbook has it, what is missing is accepted by name, and then nothing else is wrong.
sub _lost_seals
{
	my ($self) = @_;
	my $heads = PostgreSQL::Test::Utils::tempdir() . '/heads';
	open my $out, '>', $heads or die "$heads: $!";
	print $out map { slurp_file($_) } $self->{fates}->sidecar_logs;
	close $out;
	my ($code, $text) = $self->_verify($heads);
	my @violations = $text =~ /^violation: (.*)$/mg;
	my @others = $self->{lossless} ? @violations : grep { !/was collected outside, and is not there/ } @violations;
	return @others if @others || $code == 0;
	return $text if $code != 1;
	my ($last) = sort { $b <=> $a } map { /^seal (\d+)/ } @violations;
	($code, $text) = $self->_verify($heads, '--accept', $last, '--reason', 'lost in a failover');
	return $code == 0 ? () : $text;
}

sub _verify
{
	my ($self, $heads, @more) = @_;
	local $ENV{APPINFRA_DATABASE_URL} = $self->{host}->connstr('control');
	IPC::Run::run([ Appinfra::sidecar_binary(), 'verify-audit', '--heads', $heads, @more ], '<', \undef, '>', \my $out, '2>', \my $err);
	return ($? >> 8, $out . $err);
}

sub _unaudited
{
	my ($self) = @_;
	return () unless $self->{lossless};
	my %rows = map { my ($name, $count) = split /\|/; ($name => $count) }
	  $self->rows("SELECT action || ' ' || db_id, count(*) FROM appinfra.audit WHERE outcome = 'done' AND db_id IS NOT NULL GROUP BY 1");
	my %calls = $self->{journal}->acknowledged;
	return map { "$_: $calls{$_} acknowledged, " . ($rows{$_} // 0) . ' rows' } grep { $calls{$_} > ($rows{$_} // 0) } keys %calls;
}

sub _doubled
{
	my ($self) = @_;
	return () unless $self->{lossless};
	return $self->{journal}->doubled_keys;
}

sub _not_the_last_word
{
	my ($self) = @_;
	return () unless $self->{lossless};
	my %word = $self->{journal}->last_words;
	my %status = map { split /\|/ } $self->rows('SELECT db_id, status FROM appinfra.databases');
	return map { "$_ is " . ($status{$_} // 'unknown') . ", not $word{$_}" } grep { ($status{$_} // 'unknown') !~ /^(?:$word{$_})$/ } keys %word;
}

sub _undocumented
{
	my ($self) = @_;
	my %documented = map { $_ => 1 } qw(57P01 57P02 57P03 55P03 55006 55000 53300 42P01 42501 42704 42710 28000 28P01 25006 23505 53000 22023 53400 53100 58030);
	return map { "$_->{op}: @{ $_->{states} } $_->{error}" } grep { grep { !$documented{$_} } @{ $_->{states} } } @{ $self->{calls} };
}

1;
