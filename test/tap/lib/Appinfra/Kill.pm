# Owns finding and killing the processes of a host, as fast as possible: through /proc, without SQL.
#
#   my $pid = find_process($host, qr/appinfra builder/);       # now, or undef
#   my $pid = catch_process($host, qr/appinfra builder/);      # as soon as there is one; dies after 60 s
#   my $pid = catch_process($host, qr/appinfra setup/, 2);     # undef when there was none in 2 s
#   kill_and_recover($host, $pid);                             # SIGKILL, then wait for crash recovery
# The killed process takes every other one with it: PostgreSQL restarts all of them.
package Appinfra::Kill;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(find_process find_processes catch_process kill_and_recover wait_for_server directories);

# Returns the process whose title matches, or undef.
sub find_process
{
	my ($host, $title) = @_;
	return (find_processes($host, $title))[0];
}

# Returns all processes whose title matches.
sub find_processes
{
	my ($host, $title) = @_;
	return grep { _read("/proc/$_/cmdline") =~ $title } _children($host->{_pid});
}

# Waits for a process whose title matches, and returns it. One that lives for milliseconds may be
# missed on a busy machine: give a time, and when it was in vain, bring about another.
sub catch_process
{
	my ($host, $title, $seconds) = @_;
	my $deadline = time + ($seconds // 60);
	while (time < $deadline)
	{
		my $pid = find_process($host, $title);
		return $pid if defined $pid;
		sleep 0.0005;
	}
	return undef if defined $seconds;
	croak "no process $title appeared";
}

# Kills a process and waits until the server admits sessions again.
sub kill_and_recover
{
	my ($host, $pid) = @_;
	kill 'KILL', $pid;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (_read("/proc/$pid/stat") ne '' && time < $deadline) { sleep 0.002; }
	wait_for_server($host);
	return;
}

# Waits until the server admits sessions to its control database.
sub wait_for_server
{
	my ($host) = @_;
	$host->poll_query_until('control', 'SELECT NOT pg_is_in_recovery()')
	  or croak 'the server did not come back';
	return;
}

# Returns the database directories of a host.
sub directories
{
	my ($host) = @_;
	opendir my $base, $host->data_dir . '/base' or croak "base: $!";
	return grep { /^\d+$/ } readdir $base;
}

sub _children
{
	my ($pid) = @_;
	return split ' ', _read("/proc/$pid/task/$pid/children");
}

sub _read
{
	my ($file) = @_;
	open my $in, '<', $file or return '';
	local $/;
	return scalar <$in> // '';
}

1;
