# Owns the acts of Appinfra::Fates that are done to processes: killed, stopped and continued, ended, started.
package Appinfra::Fates::Processes;

use strict;
use warnings;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;
use Appinfra::Kill qw(find_processes);

my $worker = qr/postgres: .*appinfra (scheduler|builder|janitor|watchdog|setup)/;
my $client = qr/postgres: .*(\[local\]|10\.99\.|127\.0\.0\.1)/;

# --- the server's --------------------------------------------------------------------------------------------

sub kill_worker { return $_[0]->_signal('KILL', $worker); }
sub terminate_worker { return $_[0]->_signal('TERM', $worker); }
sub kill_client { return $_[0]->_signal('KILL', $client); }
sub terminate_client { return $_[0]->_signal('TERM', $client); }
sub kill_checkpointer { return $_[0]->_signal('KILL', qr/postgres: .*checkpointer/); }
sub stop_immediate { return $_[0]->_restart('immediate'); }
sub stop_fast { return $_[0]->_restart('fast'); }
sub hold_backend { return $_[0]->_hold($_[0]->_one_of($client)); }
sub hold_worker { return $_[0]->_hold($_[0]->_one_of($worker)); }
sub hold_postmaster { return $_[0]->_hold($_[0]{host}{_pid}); }

sub kill_postmaster
{
	my ($self) = @_;
	$self->end_lasting;
	$self->revive;
	$self->{host}->crash;
	return;
}

sub _restart
{
	my ($self, $mode) = @_;
	$self->end_lasting;
	$self->revive;
	$self->{host}->stop($mode);
	$self->{host}->start;
	return;
}

# A postmaster that has ended itself, because it could not write even when it began again, is started.
sub revive
{
	my ($self) = @_;
	my $host = $self->{host};
	return if !$host->{_pid} || kill 0, $host->{_pid};
	$host->{_pid} = undef;
	for (my $deadline = time + $PostgreSQL::Test::Utils::timeout_default; !$host->start(fail_ok => 1); sleep 0.1)
	{
		die "the host did not come back\n" if time > $deadline;
	}
	return;
}

sub _one_of
{
	my ($self, $title) = @_;
	my @found = find_processes($self->{host}, $title);
	return @found ? $found[ rand @found ] : undef;
}

sub _signal
{
	my ($self, $signal, $title) = @_;
	my $pid = $self->_one_of($title);
	kill $signal, $pid if defined $pid;
	return;
}

# A process stands still for a while.
sub _hold
{
	my ($self, $pid) = @_;
	return if !defined $pid;
	kill 'STOP', $pid;
	$self->lasts(0.2 + rand $self->{longest}, sub { kill 'CONT', $pid; });
	return;
}

# --- sidecars ------------------------------------------------------------------------------------------------

# One is stopped until its leases are over, unless it is killed before.
sub hold_sidecar { return $_[0]->_hold($_[0]{sidecars}[ int rand 2 ]->pid); }

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
	$self->_end($self->{sidecars}[$which]);
	$self->_start_sidecar($which);
	return;
}

# Whatever is cut or full, it ends when it is asked, as soon as it listens to that.
sub _end
{
	my ($self, $process) = @_;
	$process->signal('CONT');
	$process->wait_for_log(qr/started/, 60);
	my $status = eval { $process->stop };
	push @{ $self->{complaints} }, $@ || "a sidecar ended with $status when it was asked to end" if ($status // 1) != 0;
	return;
}

sub _start_sidecar
{
	my ($self, $which) = @_;
	my $sidecar = $self->{host}->start_sidecar(name => "sidecar$which", prefix => $self->_prefix,
		env => { %{ $self->{sidecar_env} }, APPINFRA_WORKER => "sidecar$which" });
	$self->{sidecars}[$which] = $sidecar;
	push @{ $self->{logs} }, $sidecar->logfile;
	return;
}

sub _prefix { my ($self) = @_; return [ $self->{far} ? $self->{far}->prefix : () ]; }

# --- the gateway ---------------------------------------------------------------------------------------------

sub hold_gateway { return $_[0]->_hold($_[0]{gateway_running}->process->pid); }

sub kill_gateway
{
	my ($self) = @_;
	$self->{gateway_running}->process->kill9;
	$self->_start_gateway;
	return;
}

sub end_gateway
{
	my ($self) = @_;
	$self->_end($self->{gateway_running}->process);
	$self->_start_gateway;
	return;
}

sub _start_gateway
{
	my ($self) = @_;
	$self->{gateway_running} = $self->{gateway}->($self->{host}, $self->_prefix);
	push @{ $self->{logs} }, $self->{gateway_running}->process->logfile;
	return;
}

# --- producer and store --------------------------------------------------------------------------------------

sub kill_producer { $_[0]{peer}->restart; return; }
sub kill_store { $_[0]{store}->restart; return; }
sub hold_producer { return $_[0]->_hold($_[0]{peer}->process->pid); }
sub hold_store { return $_[0]->_hold($_[0]{store}->process->pid); }

# They refuse, are slow, and lose answers.
sub vex_producer
{
	my ($self) = @_;
	return $self->_vex($self->{peer}, { probability => 0.2, status => 503 }, { probability => 0.2, reset => 'after_store' },
		{ probability => 0.1, slow => 1.5, store_first => \1 }, { probability => 0.05, status => 422, body => { title => 'no' } });
}

sub vex_store { return $_[0]->_vex($_[0]{store}, seed => int rand 1000, refuse => 0.2, lose => 0.2); }

# What stands still is told nothing.
sub _vex
{
	my ($self, $whom, @rules) = @_;
	$whom->process->signal('CONT');
	$whom->rules(@rules);
	$self->lasts(1 + rand 2 * $self->{longest}, sub { $whom->process->signal('CONT'); $whom->rules; });
	return;
}

1;
