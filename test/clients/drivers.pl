# Drivers that take the published DSN as it is: each connects by TLS with the published authority verified,
# makes a table as the owner, and refuses the server when the authority is another one. A driver that is
# missing fails.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates;
use File::Copy qw(copy);
use IPC::Run;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $host = Appinfra->make('drivers', pool_size => 2);
my $authority = Appinfra::Certificates->new;
my $other = Appinfra::Certificates->new;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $trusted = "$dir/ca.pem";
my $server = $authority->issue('server', 'DNS:localhost');
chmod 0600, $server or die $!;
$host->append_conf('postgresql.conf', <<"CONF");
appinfra.public_host = 'localhost'
ssl = on
log_connections = on
ssl_cert_file = '$server'
ssl_key_file = '$server'
appinfra.public_ca_file = '@{[ $authority->file ]}'
appinfra.public_sslmode = 'verify-full'
appinfra.public_sslrootcert = '$trusted'
CONF
$host->restart;
my $sidecar = $host->start_sidecar;
$host->wait_for_pool(1);
$host->provision(app_id => 'app-drivers', slug => 'drivers');
my $dsn = $host->wait_for_env('app-drivers', 'DATABASE_URL');
like($dsn, qr/\?sslmode=verify-full&sslrootcert=/, 'the DSN names the authority');

# Installs the drivers of node beside a copy of the programs.
sub install_node_drivers
{
	my ($out, $err) = ('', '');
	copy(Appinfra::test_file("clients/$_"), "$dir/$_") or die "$_: $!" for qw(package.json package-lock.json node-postgres.mjs);
	local $ENV{npm_config_cache} = "$dir/cache";
	my @npm = qw(npm ci --no-audit --no-fund --ignore-scripts --loglevel=error);
	return IPC::Run::run([ @npm, '--prefix', $dir ], '<', \undef, '>', \$out, '2>', \$err, init => sub { chdir $dir }, IPC::Run::timeout(300)) || diag $err;
}

# Runs a program with the DSN; returns what it printed, and its errors.
sub run_with_dsn
{
	my (@command) = @_;
	local $ENV{DATABASE_URL} = $dsn;
	my ($out, $err) = ('', '');
	my $ok = eval { IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60)) };
	return ($ok ? $out : '', $err . $@);
}

install_node_drivers();
my %drivers = (
	'psql' => [ 'sh', '-c', 'psql -XAtq "$DATABASE_URL" -c "CREATE TABLE by_psql (id int)" -c "INSERT INTO by_psql VALUES (1)" -c "SELECT count(*) = 1 AS made FROM by_psql"' ],
	'psycopg 3' => [ '/usr/bin/python3', Appinfra::test_file('clients/psycopg3.py') ],
	'psycopg2' => [ '/usr/bin/python3', Appinfra::test_file('clients/psycopg2_.py') ],
	'SQLAlchemy' => [ '/usr/bin/python3', Appinfra::test_file('clients/sqlalchemy_.py') ],
	'ruby-pg' => [ 'ruby', Appinfra::test_file('clients/ruby-pg.rb') ],
	'node-postgres' => [ 'node', "$dir/node-postgres.mjs" ]);
for my $name (sort keys %drivers)
{
	copy($other->file, $trusted) or die $!;
	my ($out, $err) = run_with_dsn(@{ $drivers{$name} });
	like($err, qr/certificate verify failed|self-signed certificate|unable to verify|signature failure/i, "$name refuses a server of another authority");
	copy($authority->file, $trusted) or die $!;
	my $log = -s $host->logfile;
	($out, $err) = run_with_dsn(@{ $drivers{$name} });
	like($out, qr/^(t|true)$/mi, "$name connects as published, and makes a table") or diag $err;
	like(slurp_file($host->logfile, $log), qr/connection authorized: user=app_drivers database=app_drivers .*SSL enabled/, '  by TLS');
}
is($host->safe_psql('app_drivers', q{SELECT count(*) FROM pg_tables WHERE tablename LIKE 'by\_%' AND tableowner = 'app_drivers_owner'}), scalar(keys %drivers),
	'all tables are the owner\'s');
is($sidecar->stop, 0, 'exit code 0');
done_testing();
