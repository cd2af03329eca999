# Owns clients of a gateway that is killed, held and cut off: child processes that write with Idempotency-Keys, each
# call until it is answered for good, and remember what they were told.
#
#   my $agents = Appinfra::Agents->make($host, sub { $gateway });      # a workspace and a key
#   $agents->begin(2);  $agents->stop;                                 # 2 clients  my @told = $agents->told;                          # [name, status, content]
#   $agents->{key}; $agents->{database};  $agents->call($http, $name);
package Appinfra::Agents;

use strict;
use warnings;
use HTTP::Tiny;
use Time::HiRes qw(sleep);
use Appinfra::Callers;

# Makes the workspace. The sub gives the gateway that runs now, which every one listens as.
sub make
{
	my ($class, $host, $gateway) = @_;
	my $tenant = $host->provision(app_id => 'app-agents', owner_user_id => 'owner-agents@example.com', slug => 'agents', publish => 0, env => {});
	my ($id, $token) = split / /, $host->control("SELECT key_id || ' ' || token FROM appinfra.mint_key('$tenant->{db_id}', 'dbuser')");
	my $self = bless { gateway => $gateway, key => { id => $id, token => $token }, database => 'app_agents' }, $class;
	$host->safe_psql('app_agents', 'SET ROLE app_agents_owner; CREATE TABLE hits (id bigserial, k text)');
	return $self;
}

sub begin
{
	my ($self, $count) = @_;
	$self->{stop} = PostgreSQL::Test::Utils::tempdir() . '/stop';
	$self->{callers} = Appinfra::Callers->start($count, sub {
		my ($number, $saw) = @_;
		my $http = HTTP::Tiny->new(timeout => 5, keep_alive => 1);
		for (my $i = 1; !-e $self->{stop}; $i++)
		{
			my $answer = $self->call($http, "k-$number-$i");
			$saw->("k-$number-$i", $answer->{status}, $answer->{content});
			sleep 0.05;
		}
	});
	return;
}

sub call { my ($self, $http, $name) = @_; return $self->{gateway}->()->insist($http, $self->{key}, $name, 'INSERT INTO hits (k) VALUES ($1) RETURNING id, k, clock_timestamp()', $name); }

# Lets each client end its call.
sub stop
{
	my ($self) = @_;
	open my $out, '>', $self->{stop} or die $!;
	close $out;
	$self->{told} = [ $self->{callers}->wait ];
	return;
}

sub told { return @{ $_[0]{told} }; }

1;
