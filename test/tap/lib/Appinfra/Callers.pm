# Runs callers in processes of their own, each with its list of things it saw.
#
#   my $callers = Appinfra::Callers->start(8, sub { my ($number, $saw) = @_; ...; $saw->('k1', 200, 'body') });
#   ... $callers->running ...
#   my @seen = $callers->wait;                    # [ 'k1', 200, 'body' ], of all of them
package Appinfra::Callers;

use strict;
use warnings;
use JSON::PP;
use POSIX qw(WNOHANG _exit);
use PostgreSQL::Test::Utils;

sub start
{
	my ($class, $count, $run) = @_;
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir(), pids => {} }, $class;
	for my $number (1 .. $count)
	{
		my $pid = fork // die "fork: $!";
		if ($pid == 0)
		{
			open my $out, '>', "$self->{dir}/$number" or _exit(2);
			$out->autoflush(1);
			my $done = eval { $run->($number, sub { print $out encode_json([@_]) . "\n" }); 1 };
			print {*STDERR} "caller $number: $@" if !$done;
			close $out;
			_exit($done ? 0 : 1);
		}
		$self->{pids}{$pid} = $number;
	}
	return $self;
}

# How many have not ended.
sub running
{
	my ($self) = @_;
	for my $pid (keys $self->{pids}->%*)
	{
		next if waitpid($pid, WNOHANG) == 0;
		$self->{failed}++ if $? != 0;
		delete $self->{pids}{$pid};
	}
	return scalar keys $self->{pids}->%*;
}

# Waits for all; dies when one has failed.
sub wait
{
	my ($self) = @_;
	select undef, undef, undef, 0.05 while $self->running;
	die "$self->{failed} callers have failed" if $self->{failed};
	return map { decode_json($_) } map { split /\n/, PostgreSQL::Test::Utils::slurp_file($_) } glob "$self->{dir}/*";
}

1;
