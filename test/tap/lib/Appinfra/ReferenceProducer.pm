# Owns a running test/peer/reference_producer.py, or another program with its options: its files, its
# tokens, what it has stored.
#
#   my $producer = Appinfra::ReferenceProducer->start;       # token "test-token", a free port
#   my $env = $producer->environment('app-1');               # of a target: {VARIABLE => value}
#   $producer->tokens('next-token', 'test-token');           # the right ones from now on
#   $producer->kill9;  $producer->restart;                   # on the same port, with what it had stored
package Appinfra::ReferenceProducer;

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Appinfra;
use Appinfra::Peer;
use Appinfra::Process;

# Starts one and waits until it listens. Arguments: program, tls (a file with certificate and key), args.
sub start
{
	my ($class, %args) = @_;
	my $self = bless { program => 'reference_producer.py', port => 0, dir => PostgreSQL::Test::Utils::tempdir(), %args }, $class;
	$self->tokens('test-token');
	$self->restart;
	return $self;
}

sub restart
{
	my ($self) = @_;
	$self->kill9;
	$self->{process} = Appinfra::Process->start(
		name => 'reference_producer',
		env => { PYTHONDONTWRITEBYTECODE => 1 },
		command => [ $self->_command('--token-file', $self->token_file, '--listen', "127.0.0.1:$self->{port}",
			$self->{tls} ? ('--tls-cert', $self->{tls}) : (), @{ $self->{args} // [] }) ]);
	($self->{port}) = $self->{process}->wait_for_log(qr/^listening \d+$/m) =~ /^listening (\d+)$/m;
	return;
}

sub _command
{
	my ($self, @args) = @_;
	return ('python3', Appinfra::test_file("peer/$self->{program}"), '--database', $self->database, @args);
}

sub kill9
{
	my ($self) = @_;
	(delete $self->{process})->kill9 if $self->{process};
	return;
}

sub database { return "$_[0]{dir}/env.sqlite"; }
sub token_file { return "$_[0]{dir}/tokens"; }
sub log { return $_[0]{process}->log; }

sub url
{
	my ($self, $host) = @_;
	return sprintf('%s://%s:%d', $self->{tls} ? 'https' : 'http', $host // '127.0.0.1', $self->{port});
}

# Replaces the tokens that are right, by rename, as one should.
sub tokens
{
	my ($self, @tokens) = @_;
	my $file = $self->token_file;
	PostgreSQL::Test::Utils::append_to_file("$file.new", join '', map { "$_\n" } @tokens);
	rename "$file.new", $file or die "$file: $!";
	return;
}

# The variables of a sidecar that delivers here, with short times; arguments add to them.
sub sidecar_env
{
	my ($self, @more) = @_;
	return Appinfra::Peer::sidecar_env($self, @more);
}

# What is stored for a target, as a deploy reads it.
sub environment
{
	my ($self, $target) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
	IPC::Run::run([ $self->_command('--print', $target) ], '>', \$out, '2>', \$err) or die "--print: $err";
	my %variables;
	$variables{$1} = $2 =~ s/\\(.)/$1/gr while $out =~ /\G(\w+)="((?:[^"\\]|\\.)*)"\n/gc;
	die "--print: $out" if (pos($out) // 0) < length $out;
	return \%variables;
}

1;
