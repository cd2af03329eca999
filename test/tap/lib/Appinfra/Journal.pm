# Owns what the journals of callers say: what was acknowledged, and what may or may not have happened.
#
#   my $journal = Appinfra::Journal->new($work->calls);
#   my %word = $journal->last_words;       # {db_id} the statuses that the last acknowledged call leaves, as a pattern
package Appinfra::Journal;

use strict;
use warnings;

my %status_after = (
	provision_tenant => 'ready', restore_tenant => 'ready', revoke_tenant => 'revoked',
	deprovision_tenant => 'retiring|retained|dropping|dropped');

sub new { my ($class, @calls) = @_; return bless { calls => \@calls }, $class; }

# The calls that were acknowledged and committed, and had something to do.
sub _committed { return grep { $_->{code} == 0 && $_->{kind} ne 'rolled back' && @{ $_->{rows} } } @{ $_[0]{calls} }; }

sub _db_id { return (split /\|/, $_[0]{rows}[0])[0]; }

# The DSNs that were handed over, rolled back or not.
sub urls { return map { map { (split /\|/)[1] // () } @{ $_->{rows} } } grep { $_->{op} eq 'issue_credential' } @{ $_[0]{calls} }; }

# The API keys that were handed over.
sub tokens { return map { map { (split /\|/)[1] // () } @{ $_->{rows} } } grep { $_->{op} eq 'mint_key' } @{ $_[0]{calls} }; }

# The marks that were written.
sub writes { return map { $_->{rows}[0] } grep { $_->{op} eq 'write' } $_[0]->_committed; }

# What may do nothing, and what no row is for.
my %may_do_nothing = map { $_ => 1 } qw(write trespass steal bind_variables unbind_variables);

# {"action id"} how often it was acknowledged. A key that is used again, and a deprovisioning of what is
# deprovisioned, do nothing.
sub acknowledged
{
	my ($self) = @_;
	my (%count, %claimed);
	for my $call (grep { !$may_do_nothing{ $_->{op} } } $self->_committed)
	{
		my $db_id = _db_id($call);
		next if $call->{op} eq 'provision_tenant' && $claimed{$db_id}++;
		$count{"$call->{op} $db_id"}++;
	}
	return %count;
}

# The keys for which two tenants were made.
sub doubled_keys
{
	my ($self) = @_;
	my %made;
	$made{ $_->{key} }{ _db_id($_) } = 1 for grep { defined $_->{key} } $self->_committed;
	return map { "$_: " . join ' ', sort keys %{ $made{$_} } } grep { keys %{ $made{$_} } > 1 } keys %made;
}

# What each tenant must be, but where a call for its app was cut off later: nobody knows then.
sub last_words
{
	my ($self) = @_;
	my (%word, %of_app);
	for my $call (grep { exists $status_after{ $_->{op} } } @{ $self->{calls} })
	{
		if ($call->{code} == 2) { delete @word{ keys %{ $of_app{ $call->{app} } } }; next; }
		next if $call->{code} != 0 || $call->{kind} eq 'rolled back' || !@{ $call->{rows} };
		my $db_id = _db_id($call);
		# a key that is used again tells of the tenant that there was
		next if $call->{op} eq 'provision_tenant' && $of_app{ $call->{app} }{$db_id};
		$of_app{ $call->{app} }{$db_id} = 1;
		$word{$db_id} = $status_after{ $call->{op} };
	}
	return %word;
}

# {db_id} of the app for which it was handed out.
sub snapshots { return map { { _db_id($_) => $_->{app} } } grep { $_->{op} eq 'provision_tenant' } $_[0]->_committed; }

1;
