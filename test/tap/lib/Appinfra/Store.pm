# Owns a private Ceph object gateway for one test: a real store with its administration door, on free
# ports of 127.0.0.1, in a folder that is removed with the test.
#
#   my $store = Appinfra::Store->start;
#   $host->start_sidecar(env => { $store->env });             # as the sidecar is told of it
#   $host->set_guc('appinfra.s3_endpoint', $store->endpoint);
#   my $seen = $store->s3(\%env, [ put => 'a.txt', 'text' ], [ get => 'a.txt' ]);   # with an app's five variables
#   $store->admin('user', 'info', '--uid=buk-…-w')
package Appinfra::Store;

use strict;
use warnings;
use Carp;
use Scalar::Util;
use IO::Socket::INET;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Appinfra;

my $tool = Appinfra::test_file('../tools/rgw.sh');
my $client = Appinfra::test_file('buckets/s3_client.py');

my @started; # weak

# Starts a store; dies when there is none to be had.
sub start
{
	my ($class) = @_;
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir_short() . '/store', port => _two_ports() }, $class;
	push @started, $self;
	Scalar::Util::weaken($started[-1]);
	$self->{out} = $self->_tool('up', $self->{dir}, $self->{port});
	my %admin = PostgreSQL::Test::Utils::slurp_file("$self->{dir}/admin.env") =~ /^(\w+)=(.*)$/mg;
	$self->{admin} = \%admin;
	return $self;
}

# A free port whose successor is free as well.
sub _two_ports
{
	for (1 .. 50)
	{
		my $port = PostgreSQL::Test::Cluster::get_free_port();
		my $next = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port + 1, Listen => 1, ReuseAddr => 1) or next;
		close $next;
		return $port;
	}
	croak 'no two free ports stand side by side';
}

sub _tool
{
	my ($self, @arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ $tool, @arguments ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(180))
	  or croak "rgw.sh $arguments[0] failed: $err";
	return $out;
}

# Starts another gateway of the same store; returns its address.
sub another
{
	my ($self) = @_;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	$self->_tool('another', $self->{dir}, $port);
	return "http://127.0.0.1:$port";
}

sub port { return $_[0]{port}; }
sub endpoint { return "http://127.0.0.1:$_[0]{port}"; }
sub access_key { return $_[0]{admin}{RGW_ACCESS_KEY}; }
sub secret_key { return $_[0]{admin}{RGW_SECRET_KEY}; }

# What the sidecar is told: our key to the store.
sub env
{
	my ($self) = @_;
	return (APPINFRA_S3_ADMIN_URL => $self->endpoint, APPINFRA_S3_ADMIN_ACCESS_KEY => $self->access_key,
		APPINFRA_S3_ADMIN_SECRET_KEY => $self->secret_key);
}

# The five variables of the platform's own user, for a bucket.
sub platform
{
	my ($self, $bucket) = @_;
	return { OF_S3_ENDPOINT => $self->endpoint, OF_S3_BUCKET => $bucket, OF_S3_REGION => 'us-east-1',
		OF_S3_ACCESS_KEY => $self->access_key, OF_S3_SECRET_KEY => $self->secret_key };
}

# Runs steps with boto3 and the five variables of an app (with another prefix, if that is given in
# PREFIX); returns for each "ok", its result, or the code of its refusal.
sub s3
{
	my ($self, $env, @steps) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', HOME => '/nonexistent', %$env);
	IPC::Run::run([ '/usr/bin/python3', $client ], '<', \encode_json(\@steps), '>', \$out, '2>', \$err, IPC::Run::timeout(120))
	  or croak "s3_client.py failed: $err";
	return @{ decode_json($out) };
}

# Asks the administration door with the platform's key, which is quicker than radosgw-admin; returns its
# answer, or undef when it refuses.
sub ask
{
	my ($self, $target) = @_;
	my $config = sprintf qq(user = "%s:%s"\nurl = "%s%s"\n), $self->access_key, $self->secret_key, $self->endpoint, $target;
	my ($out, $err) = ('', '');
	IPC::Run::run([ qw(curl -fsS --max-time 60 -K - --aws-sigv4 aws:amz:us-east-1:s3 -H), 'x-amz-content-sha256: UNSIGNED-PAYLOAD' ],
		'<', \$config, '>', \$out, '2>', \$err) or return;
	return decode_json($out);
}

# The access keys that a bucket's writer has at the store, sorted; nothing when there is no such user.
sub keys_of
{
	my ($self, $bucket_id) = @_;
	my $user = $self->ask("/admin/user?uid=$bucket_id-w");
	return sort map { $_->{access_key} } @{ $user->{keys} // [] };
}

# The names of all buckets of the platform, sorted.
sub buckets { return sort @{ $_[0]->ask('/admin/bucket?uid=appinfra') }; }

# Runs radosgw-admin; returns its answer, or undef when it refuses.
sub admin
{
	my ($self, @arguments) = @_;
	my $out = eval { $self->_tool('admin', $self->{dir}, @arguments) } // return;
	return eval { decode_json($out) } // $out;
}

# The process of one of its daemons: mon, osd or rgw.
sub pid
{
	my ($self, $daemon) = @_;
	my ($pid) = PostgreSQL::Test::Utils::slurp_file("$self->{dir}/run/$daemon.process") =~ /^(\d+)/;
	return $pid;
}

# Everything that its daemons have logged.
sub logs
{
	my ($self) = @_;
	return join '', map { PostgreSQL::Test::Utils::slurp_file($_) } glob "$self->{dir}/log/*";
}

sub stop { my ($self) = @_; $self->_tool('down', $self->{dir}) if -d $self->{dir}; return; }
sub up { my ($self) = @_; $self->_tool('up', $self->{dir}, $self->{port}); return; }

# Stops what still runs before its folder is removed: an object that outlives the test's code is taken
# down after that.
END
{
	local $?;
	$_ and eval { $_->stop } for @started;
}

sub DESTROY
{
	my ($self) = @_;
	local $?;
	eval { $self->stop };
	return;
}

1;
