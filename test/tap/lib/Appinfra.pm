# Owns the hosts that TAP tests run on: a PostgreSQL::Test::Cluster with appinfra preloaded, its
# own control database "control", passwords required over TCP, and trust on the private socket for
# the superuser and the sidecar's role only. All of Cluster's methods work on it.
#
#   use Appinfra;
#   my $host = Appinfra->make('main', pool_size => 2, conf => "log_statement = all");
#   $host->wait_for_pool(2);
#   my $tenant = $host->provision(app_id => 'app-1', slug => 'shop', publish => 0);
#   my ($code, $out, $err) = $host->as_app($tenant->{url}, 'SELECT current_user');
#   my $sidecar = $host->start_sidecar;  my $env = $host->wait_for_env('app-1', 'DATABASE_URL');
#   is_deeply([ $host->orphans ], []);
# Wait for states with poll_query_until or the wait_ methods; never sleep.
package Appinfra;

use strict;
use warnings;
use Carp;
use JSON::PP;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PostgreSQL::Test::BackgroundPsql;
use Appinfra::Dsn qw(dsn_env dsn_psql);
use Appinfra::Orphans;
use Appinfra::Process;

our @ISA = ('PostgreSQL::Test::Cluster', 'Appinfra::Orphans');

# Ports below the range for outgoing connections: a client of another test must not sit on the
# port of a host that is being restarted.
$PostgreSQL::Test::Cluster::last_port_assigned = 12000 + int(rand(20000));

# Makes and starts a host. Options: pool_size (2), conf (more settings), extension (1: create it
# and the sidecar's role), start (1), init (arguments of Cluster's init, such as allows_streaming), hba (more
# lines), disks (sizes for Appinfra::Namespace's put_on_disks).
sub make
{
	my ($class, $name, %args) = @_;
	my $self = $class->new($name);
	$self->init(%{ $args{init} // {} });
	$self->append_conf('postgresql.conf', $self->_settings($args{pool_size} // 2));
	$self->append_conf('postgresql.conf', $args{conf}) if defined $args{conf};
	$self->_write_hba($args{hba} // '');
	Appinfra::Namespace::put_on_disks($self, %{ $args{disks} }) if $args{disks};
	return $self unless $args{start} // 1;
	$self->start;
	$self->safe_psql('postgres', 'CREATE DATABASE control');
	$self->create_extension if $args{extension} // 1;
	return $self;
}

# Cluster->new has set no subclass for this version, or one that may lack our methods.
sub new
{
	my ($class, @args) = @_;
	my $self = PostgreSQL::Test::Cluster->new(@args);
	return bless $self, $class;
}

# As in PostgreSQL::Test::Cluster, but instead of running initdb, which takes seconds, it copies what
# initdb has made once (APPINFRA_TEMPLATE, with --locale=C.UTF-8 --encoding=UTF8); unless there is extra
# for initdb.
sub init
{
	my ($self, %arguments) = @_;
	return $self->SUPER::init(%arguments) if $arguments{extra};
	my $template = $ENV{APPINFRA_TEMPLATE} // croak 'APPINFRA_TEMPLATE is not set: run `make check`';
	my $run = \&PostgreSQL::Test::Utils::system_or_bail;
	no warnings 'redefine';
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		return $run->($_[0] eq 'initdb' ? ('cp', '-RPp', $template, $self->data_dir) : @_);
	};
	return $self->SUPER::init(%arguments);
}

# Starts a standby of this host, from its backup "base", under an address of its own. Option: disks, as of make.
sub start_standby
{
	my ($self, $name, $conf, %args) = @_;
	my $standby = Appinfra->new($name);
	$standby->init_from_backup($self, 'base', has_streaming => 1);
	Appinfra::Namespace::put_on_disks($standby, %{ $args{disks} }) if $args{disks};
	$standby->append_conf('postgresql.conf', 'appinfra.public_port = ' . $standby->port . "\n" . ($conf // ''));
	$standby->start;
	return $standby;
}

sub _settings
{
	my ($self, $pool_size) = @_;
	my $port = $self->port;
	return <<"CONF";
shared_preload_libraries = 'appinfra'
appinfra.control_database = 'control'
appinfra.public_host = '127.0.0.1'
appinfra.public_port = $port
appinfra.allow_unsafe_server = on
appinfra.pool_size = $pool_size
appinfra.exposures_interval = 0
listen_addresses = '127.0.0.1'
password_encryption = 'scram-sha-256'
restart_after_crash = on
max_connections = 100
max_worker_processes = 16
max_locks_per_transaction = 256
log_statement = none
jit = off
CONF
}

sub _write_hba
{
	my ($self, $more) = @_;
	my $superuser = getpwuid($>);
	my $hba = $self->data_dir . '/pg_hba.conf';
	open my $out, '>', $hba or croak "$hba: $!";
	print $out <<"HBA";
local all             $superuser       trust
local replication     $superuser       trust
local control         appinfra_sidecar trust
local control         appinfra_gateway_login trust
host  all             all              127.0.0.1/32 scram-sha-256
$more
HBA
	close $out;
	return;
}

# Creates the extension, and the role appinfra_sidecar that may only publish.
sub create_extension
{
	my ($self) = @_;
	$self->control('CREATE EXTENSION appinfra');
	$self->control('CREATE ROLE appinfra_sidecar LOGIN IN ROLE appinfra_publisher');
	return;
}

# Kills the postmaster and starts it again, as soon as it and its backends are gone.
sub crash
{
	my ($self) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	my $pid = $self->{_pid} or croak 'the host is not running';
	$self->kill9;
	while (kill 0, $pid)
	{
		croak "postmaster $pid survived its end" if time > $deadline;
		sleep 0.01;
	}
	# The backends notice by themselves; until then the shared memory is in use.
	until ($self->start(fail_ok => 1))
	{
		croak 'the host did not come back' if time > $deadline;
		sleep 0.1;
	}
	return;
}

# Runs SQL as superuser in the control database and returns its output; dies on an error.
sub control
{
	my ($self, $sql) = @_;
	return $self->safe_psql('control', $sql);
}

# Runs SQL as superuser in the control database; returns (exit code, output, errors with SQLSTATE).
sub try_control
{
	my ($self, $sql) = @_;
	my ($out, $err) = ('', '');
	my $code = $self->psql('control', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-v', 'VERBOSITY=verbose' ], on_error_stop => 1);
	return ($code, $out, $err);
}

# As in PostgreSQL::Test::Cluster; but a server that refuses psql before psql has read its query, as
# one in recovery does, breaks a pipe there, and that is no more than another "not yet".
sub poll_query_until
{
	my ($self, @arguments) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (1)
	{
		my $reached = eval { $self->SUPER::poll_query_until(@arguments) };
		return $reached if $@ eq '';
		die $@ if $@ !~ /Broken pipe/ || time > $deadline;
	}
}

# Waits until a query in the control database gives "t".
sub wait_until
{
	my ($self, $sql, $what) = @_;
	$self->poll_query_until('control', $sql) or croak 'timed out: ' . ($what // $sql);
	return;
}

# Waits until at least n shells are ready to be claimed.
sub wait_for_pool
{
	my ($self, $n) = @_;
	$self->wait_until("SELECT count(*) >= $n FROM appinfra.pool WHERE status = 'ready'",
		"$n shells ready");
	return;
}

# Returns the SQL of a provision_tenant call. Arguments by name; env as a hash or JSON text.
sub provision_sql
{
	my ($self, %args) = @_;
	%args = (app_id => 'app-12345678', owner_user_id => 'user@example.com', slug => 'my-app', %args);
	$args{env} = encode_json($args{env}) if ref $args{env};
	$args{publish} = $args{publish} ? 'true' : 'false' if defined $args{publish};
	my $list = join ', ', map { "$_ => " . _literal($args{$_}) } sort keys %args;
	return "SELECT row_to_json(t) FROM appinfra.provision_tenant($list) t";
}

sub _literal
{
	my ($value) = @_;
	return 'NULL' unless defined $value;
	return "'" . $value =~ s/'/''/gr . "'";
}

# Provisions a tenant and returns its row as a hash (JSON columns decoded); dies on an error.
sub provision
{
	my ($self, %args) = @_;
	return decode_json($self->control($self->provision_sql(%args)));
}

# Logs in with a DSN and runs SQL; returns (exit code, output, errors with SQLSTATE).
# as_app($dsn, $sql, PGDATABASE => 'postgres') changes a part of it.
sub as_app
{
	my ($self, $dsn, $sql, %other) = @_;
	return dsn_psql($dsn, $sql, %other);
}

# Opens a session with a DSN that stays; see PostgreSQL::Test::BackgroundPsql for its methods.
sub background_as
{
	my ($self, $dsn, %other) = @_;
	local %ENV = (%ENV, dsn_env($dsn, %other));
	return PostgreSQL::Test::BackgroundPsql->new(0, [ 'psql', '-XAtq', '-f', '-' ], undef, 1);
}

# The URL with which the sidecar logs in: over the socket, as a member of appinfra_publisher.
sub sidecar_url
{
	my ($self) = @_;
	return sprintf('postgres:///control?host=%s&port=%d&user=appinfra_sidecar',
		$self->host_encoded, $self->port);
}

sub host_encoded
{
	my ($self) = @_;
	return $self->host =~ s{([^A-Za-z0-9._-])}{sprintf '%%%02X', ord $1}ger;
}

# The directory of the environment-file sink of this host.
sub env_dir
{
	my ($self) = @_;
	my $dir = $self->basedir . '/env';
	mkdir $dir, 0700 unless -d $dir;
	return $dir;
}

# Starts `appinfrad serve`. env adds to or replaces variables (undef removes one), args follow, prefix
# is what the command begins with.
sub start_sidecar
{
	my ($self, %args) = @_;
	my %env = (
		APPINFRA_DATABASE_URL => $self->sidecar_url,
		APPINFRA_SINK => 'file:' . $self->env_dir,
		%{ $args{env} // {} });
	delete $env{$_} for grep { !defined $env{$_} } keys %env;
	return Appinfra::Process->start(
		name => $args{name} // 'sidecar',
		env => \%env,
		command => [ @{ $args{prefix} // [] }, sidecar_binary(), $args{command} // 'serve', @{ $args{args} // [] } ]);
}

sub sidecar_binary
{
	return $ENV{APPINFRA_SIDECAR} // croak 'APPINFRA_SIDECAR is not set: run `make check`';
}

# The path of a file below test/, such as peer/producer.py.
sub test_file
{
	my ($path) = @_;
	return ($ENV{APPINFRA_TESTS} // croak 'APPINFRA_TESTS is not set: run `make check`') . "/$path";
}

# Returns what the environment-file sink holds for an app, as a hash.
sub app_env
{
	my ($self, $app_id, $dir) = @_;
	my $file = ($dir // $self->env_dir) . "/$app_id/app.env";
	return {} unless -f $file;
	my %env;
	for (split /\n/, PostgreSQL::Test::Utils::slurp_file($file))
	{
		$env{$1} = $2 if /^([A-Z_][A-Z0-9_]*)=(?|"(.*)"|'(.*)'|(.*))$/;
	}
	return \%env;
}

# Waits until an app's environment file has the variable, differing from $old if that is given.
sub wait_for_env
{
	my ($self, $app_id, $variable, $old) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $deadline)
	{
		my $value = $self->app_env($app_id)->{$variable};
		return $value if defined $value && $value ne ($old // '');
		sleep 0.02;
	}
	croak "$variable of $app_id was never published";
}

1;
