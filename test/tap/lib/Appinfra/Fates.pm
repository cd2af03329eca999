# Owns what happens to a host, its standby, its sidecars and its producer in a run of random kills: one act
# after another, chosen by rand(), which the caller has seeded.
#
#   my $fates = Appinfra::Fates->new(host => $host, standby => $standby, peer => $peer, work => $work, sidecar_env => {...});
#   $fates->act; $fates->fail_over; $fates->calm;       # calm: all runs again that was stopped or killed
#   $fates->host; $fates->sidecar_logs; $fates->complaints; $fates->count;
package Appinfra::Fates;

use strict;
use warnings;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;
use Appinfra::Kill qw(find_process wait_for_server);
use Test::More ();

# How often each act comes, and its name, which is that of its method.
my @acts = (
	[ 3, 'kill_worker' ], [ 3, 'kill_client' ], [ 1, 'kill_checkpointer' ], [ 2, 'kill_postmaster' ],
	[ 1, 'stop_immediate' ], [ 1, 'stop_fast' ], [ 3, 'terminate_client' ], [ 3, 'terminate_worker' ],
	[ 3, 'kill_sidecar' ], [ 2, 'end_sidecar' ], [ 2, 'hold_sidecar' ], [ 2, 'kill_producer' ], [ 2, 'vex_producer' ]);

sub new
{
	my ($class, %args) = @_;
	my $self = bless { count => 0, logs => [], complaints => [], %args }, $class;
	$self->{hosts} = [ $args{host} ];
	$self->_start_sidecar($_) for 0, 1;
	return $self;
}

sub host { return $_[0]{host}; }
sub hosts { return @{ $_[0]{hosts} }; }
sub count { return $_[0]{count}; }
sub sidecar_logs { return @{ $_[0]{logs} }; }
sub complaints { return @{ $_[0]{complaints} }; }

# Does one act, or passes when there is nothing to do it to.
sub act
{
	my ($self) = @_;
	my $sum = 0;
	$sum += $_->[0] for @acts;
	my $dice = rand $sum;
	for my $act (@acts)
	{
		next if ($dice -= $act->[0]) >= 0;
		my $method = $act->[1];
		Test::More::note(sprintf '%.1f %s', time - ($self->{began} //= time), $method);
		$self->{count}++;
		return $self->$method;
	}
	return;
}

# The primary dies, and its standby takes over; the callers turn to it, the sidecars find it.
sub fail_over
{
	my ($self) = @_;
	my $standby = delete $self->{standby} or return;
	Test::More::note(sprintf '%.1f fail_over', time - ($self->{began} //= time));
	$self->{count}++;
	$self->{host}->stop('immediate');
	$standby->promote;
	$self->{host} = $standby;
	push @{ $self->{hosts} }, $standby;
	$self->{work}->turn_to($standby);
	return;
}

# Nothing is stopped, held or vexed any more, and everything runs.
sub calm
{
	my ($self) = @_;
	$_->signal('CONT') for @{ $self->{sidecars} };
	$self->{peer}->rules;
	$self->_start_sidecar($_) for grep { !$self->{sidecars}[$_]->alive } 0, 1;
	wait_for_server($self->{host});
	return;
}

# Ends the sidecars, and complains when they do not end well.
sub end
{
	my ($self) = @_;
	$self->_end($_) for @{ $self->{sidecars} };
	return;
}

sub kill_worker { return $_[0]->_signal('KILL', qr/postgres: .*appinfra (scheduler|builder|janitor|watchdog|setup)/); }
sub terminate_worker { return $_[0]->_signal('TERM', qr/postgres: .*appinfra (scheduler|builder|janitor|watchdog)/); }
sub kill_client { return $_[0]->_signal('KILL', qr/postgres: .*\[local\]/); }
sub terminate_client { return $_[0]->_signal('TERM', qr/postgres: .*(\[local\]|127\.0\.0\.1)/); }
sub kill_checkpointer { return $_[0]->_signal('KILL', qr/postgres: .*checkpointer/); }
sub kill_postmaster { $_[0]{host}->crash; return; }
sub stop_immediate { return $_[0]->_restart('immediate'); }
sub stop_fast { return $_[0]->_restart('fast'); }

sub _restart
{
	my ($self, $mode) = @_;
	$self->{host}->stop($mode);
	$self->{host}->start;
	return;
}

# The process that is found first; which one that is, is chance enough.
sub _signal
{
	my ($self, $signal, $title) = @_;
	my $pid = find_process($self->{host}, $title);
	kill $signal, $pid if defined $pid;
	return;
}

sub kill_sidecar
{
	my ($self) = @_;
	my $which = int rand 2;
	$self->{sidecars}[$which]->kill9;
	$self->_start_sidecar($which);
	return;
}

sub end_sidecar
{
	my ($self) = @_;
	my $which = int rand 2;
	my $sidecar = $self->{sidecars}[$which];
	$sidecar->signal('CONT');
	# one that has only just begun does not listen to signals yet
	$sidecar->wait_for_log(qr/connection=/, 30);
	$self->_end($sidecar);
	$self->_start_sidecar($which);
	return;
}

sub _end
{
	my ($self, $sidecar) = @_;
	$sidecar->signal('CONT');
	my $status = $sidecar->stop;
	push @{ $self->{complaints} }, "a sidecar ended with $status when it was asked to end" if $status != 0;
	return;
}

# One is stopped until its leases are over, unless it is killed before; another act goes on beside it.
sub hold_sidecar
{
	my ($self) = @_;
	my $sidecar = $self->{sidecars}[ int rand 2 ];
	if (time < ($self->{held_until} // 0)) { $_->signal('CONT') for @{ $self->{sidecars} }; return; }
	$self->{held_until} = time + 3;
	$sidecar->signal('STOP');
	return;
}

sub kill_producer { $_[0]{peer}->restart; return; }

sub vex_producer
{
	my ($self) = @_;
	$self->{peer}->rules({ probability => 0.2, status => 503 }, { probability => 0.2, reset => 'after_store' },
		{ probability => 0.1, slow => 1.5, store_first => \1 }, { probability => 0.05, status => 422, body => { title => 'no' } });
	return;
}

sub _start_sidecar
{
	my ($self, $which) = @_;
	my $sidecar = $self->{host}->start_sidecar(name => "sidecar$which", env => { %{ $self->{sidecar_env} }, APPINFRA_WORKER => "sidecar$which" });
	$self->{sidecars}[$which] = $sidecar;
	push @{ $self->{logs} }, $sidecar->logfile;
	return;
}

1;
