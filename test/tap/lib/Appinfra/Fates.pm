# Owns what happens to a host, its standby, its sidecars, its gateway, its producer and its store in a run of
# faults. Which act comes when is drawn from a seed before the run begins; whom it meets is the machine's.
#
#   my $fates = Appinfra::Fates->new(host => $host, seed => 7, seconds => 60, work => $work, peer => $peer, ...);
#   $fates->run;                                       # all acts at their times; then calm
#   $fates->host; $fates->hosts; $fates->sidecar_logs; $fates->complaints; $fates->count; $fates->tally;
# Needed: host, seed, seconds, work (an Appinfra::Workload), peer (the producer), sidecar_env. There may be:
# standby (takes over once), store, gateway (a sub that starts one), agents (who call it), far (an Appinfra::Namespace with the
# wires 0 to the host and 1 to producer and store), disks (true), spare (names of acts that are left out, as
# where somebody else fails hosts over and says so by turn_to).
# The acts are in Appinfra/Fates/: what is done to processes, and to what surrounds them. Some last: they
# are ended by themselves while others go on.
package Appinfra::Fates;

use strict;
use warnings;
use Time::HiRes qw(sleep time);
use Appinfra::Fates::Processes;
use Appinfra::Fates::Surroundings;
use Appinfra::Kill qw(wait_for_server);
use Test::More ();

our @ISA = qw(Appinfra::Fates::Processes Appinfra::Fates::Surroundings);

# How often each act comes until all have come, its name, which is that of its method, and what it needs.
my @acts = (
	[ 3, 'kill_worker' ], [ 2, 'terminate_worker' ], [ 3, 'kill_client' ], [ 2, 'terminate_client' ], [ 1, 'kill_checkpointer' ],
	[ 2, 'kill_postmaster' ], [ 1, 'stop_immediate' ], [ 1, 'stop_fast' ], [ 2, 'hold_backend' ], [ 1, 'hold_worker' ], [ 1, 'hold_postmaster' ],
	[ 2, 'kill_sidecar' ], [ 1, 'end_sidecar' ], [ 2, 'hold_sidecar' ], [ 2, 'kill_producer' ], [ 1, 'hold_producer' ], [ 1, 'vex_producer' ],
	[ 1, 'kill_store', 'store' ], [ 1, 'hold_store', 'store' ], [ 1, 'vex_store', 'store' ],
	[ 2, 'kill_gateway', 'gateway' ], [ 1, 'hold_gateway', 'gateway' ], [ 1, 'end_gateway', 'gateway' ],
	[ 2, 'fill_data', 'disks' ], [ 1, 'fill_wal', 'disks' ], [ 2, 'exhaust_connections' ], [ 2, 'cut_host', 'far' ], [ 2, 'cut_producer', 'far' ]);

sub new
{
	my ($class, %args) = @_;
	my $self = bless { count => 0, logs => [], complaints => [], lasting => [], tally => {}, spare => [], %args }, $class;
	$self->{hosts} = [ $args{host} ];
	$self->{longest} = $args{seconds} / 15 < 2 ? 2 : $args{seconds} / 15 > 25 ? 25 : $args{seconds} / 15;
	$self->{plan} = [ $self->_plan ];
	return $self;
}

sub host { return $_[0]{host}; }
sub hosts { return @{ $_[0]{hosts} }; }
sub count { return $_[0]{count}; }
sub tally { my ($self) = @_; return map { "$_ $self->{tally}{$_}" } sort keys %{ $self->{tally} }; }
sub sidecar_logs { return @{ $_[0]{logs} }; }
sub complaints { return @{ $_[0]{complaints} }; }

# The acts of the whole run, each [pause before it, name, seed of what it draws itself]: dealt from a pack that
# has each act as often as it weighs, so that none waits for its luck. A slow machine does not come to the last.
sub _plan
{
	my ($self) = @_;
	srand $self->{seed};
	my %spared = map { $_ => 1 } @{ $self->{spare} };
	my @pack = map { my $name = $_->[1]; ($name) x $_->[0] } grep { !$spared{ $_->[1] } && (!$_->[2] || $self->{ $_->[2] }) } @acts;
	my (@plan, @left, $length);
	while (($length //= 0) < $self->{seconds})
	{
		@left = @pack if !@left;
		push @plan, [ rand 1.2, splice(@left, int rand @left, 1), int rand 2**31 ];
		$length += $plan[-1][0];
	}
	$self->{failover} = $self->{standby} ? 0.4 + rand 0.3 : undef;
	return @plan;
}

# Does what is planned as long as there is time, and returns when all is calm.
sub run
{
	my ($self) = @_;
	$self->_start_sidecar($_) for 0, 1;
	$self->_start_gateway if $self->{gateway};
	$self->{agents}->begin(2) if $self->{agents};
	my $began = $self->{began} = time;
	for my $act (@{ $self->{plan} })
	{
		my ($pause, $name, $seed) = @$act;
		my $at = time + $pause;
		last if $at > $began + $self->{seconds};
		do { $self->end_due; sleep 0.05 } while time < $at;
		$self->_do('fail_over', $seed) if $self->{standby} && time > $began + $self->{failover} * $self->{seconds};
		$self->_do($name, $seed);
	}
	$self->end_lasting; # a call may wait for that
	$self->{work}->stop;
	$self->calm;
	return;
}

sub _do
{
	my ($self, $name, $seed) = @_;
	srand $seed;
	Test::More::note(sprintf '%.1f %s', time - $self->{began}, $name);
	$self->{count}++;
	$self->{tally}{$name}++;
	$self->$name;
	return;
}

# The primary dies, and its standby takes over; the callers turn to it, the sidecars find it.
sub fail_over
{
	my ($self) = @_;
	my $standby = delete $self->{standby} or return;
	$self->end_lasting;
	$self->{host}->stop('immediate');
	$standby->promote;
	$self->turn_to($standby);
	return;
}

# Another host has the registry from now on, whoever brought that about.
sub turn_to
{
	my ($self, $host) = @_;
	$self->{host} = $host;
	push @{ $self->{hosts} }, $host;
	$self->{work}->turn_to($host);
	return;
}

# Nothing is stopped, held or vexed any more, and everything runs.
sub calm
{
	my ($self) = @_;
	$self->end_lasting;
	$self->{peer}->rules;
	$self->{store}->rules if $self->{store};
	$self->revive;
	wait_for_server($self->{host});
	$self->_start_sidecar($_) for grep { !$self->{sidecars}[$_]->alive } 0, 1;
	$self->_start_gateway if $self->{gateway} && !$self->{gateway_running}->process->alive;
	return;
}

# Ends the sidecars and the gateway, and complains when they do not end well.
sub end
{
	my ($self) = @_;
	$self->_end($_) for @{ $self->{sidecars} };
	$self->_end($self->{gateway_running}->process) if $self->{gateway};
	return;
}

# --- acts that last ------------------------------------------------------------------------------------------

# Something is over after some seconds, or when all is ended, whichever comes first.
sub lasts
{
	my ($self, $seconds, $over) = @_;
	push @{ $self->{lasting} }, [ time + $seconds, $over ];
	return;
}

# Ends what is due.
sub end_due
{
	my ($self) = @_;
	my $now = time;
	my @due = grep { $_->[0] <= $now } @{ $self->{lasting} };
	$self->{lasting} = [ grep { $_->[0] > $now } @{ $self->{lasting} } ];
	$_->[1]->() for @due;
	return;
}

# Ends all of it, now: what comes next needs a server that can be stopped and started.
sub end_lasting
{
	my ($self) = @_;
	my @all = @{ $self->{lasting} };
	$self->{lasting} = [];
	$_->[1]->() for @all;
	return;
}

1;
