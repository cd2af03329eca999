# Drivers with the published DSN and authority. Each connects by TLS with the authority verified, makes a
# table as the owner, and refuses the server when the authority is another one; then each connects where
# the DSN only requires TLS, where it names a bundle of many authorities, and where it names those that the
# system trusts, if the driver knows that word. A driver that is missing fails.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates;
use Appinfra::Npm;
use IPC::Run;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;

my $host = Appinfra->make('drivers', pool_size => 4);
my $authority = Appinfra::Certificates->new;
my $other = Appinfra::Certificates->new;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $trusted = $host->env_dir . '/app-drivers/ca.pem';
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
$host->wait_for_pool(4);
$host->provision(app_id => 'app-drivers', slug => 'drivers');
my $verified = $host->wait_for_env('app-drivers', 'DATABASE_URL');
like($verified, qr/\?sslmode=verify-full&sslrootcert=/, 'the DSN names the authority');
is(slurp_file($trusted), slurp_file($authority->file), 'and the sink has written its certificate');

# Sets the last two settings of the host, then makes a tenant; returns the DSN that its app gets.
sub published
{
	my ($slug, $sslmode, $sslrootcert) = @_;
	$host->append_conf('postgresql.conf', "appinfra.public_sslmode = '$sslmode'\nappinfra.public_sslrootcert = '$sslrootcert'\n");
	$host->reload;
	$host->wait_until("SELECT current_setting('appinfra.public_sslrootcert') = '$sslrootcert'", 'the reload');
	$host->provision(app_id => "app-$slug", slug => $slug);
	return $host->wait_for_env("app-$slug", 'DATABASE_URL');
}
my $bundle = "$dir/bundle.pem";
my $of_the_system = '/etc/ssl/certs/ca-certificates.crt';
append_to_file($bundle, slurp_file($_)) for $of_the_system, $authority->file;
my $bundled = published('bundled', 'verify-full', $bundle);
my $system = published('system', 'verify-full', 'system');
like($system, qr/\?sslmode=verify-full&sslrootcert=system$/, 'a DSN that names the authorities of the system');
my $required = published('required', 'require', '');
like($required, qr/\?sslmode=require$/, 'a DSN that only requires TLS names none');

# Runs a program as an app that has the DSN and the certificates in a file, which has taken the place of one
# that the DSN names. Where the file is a store of the system's, the app has no certificates of its own. Returns
# what it printed, and its errors.
sub run_as_app
{
	my ($dsn, $ca, @command) = @_;
	my $own = $dsn !~ /sslrootcert=system/ && -s $ca < 65536;
	local $ENV{DATABASE_URL} = $dsn =~ s/sslrootcert=\K(?!system)[^&]*/$ca/r;
	local $ENV{DATABASE_CA_CERT} = $own ? slurp_file($ca) : '';
	local @ENV{qw(SSL_CERT_FILE NODE_EXTRA_CA_CERTS)} = $own ? () : ($ca, $ca);
	delete @ENV{ $own ? qw(SSL_CERT_FILE NODE_EXTRA_CA_CERTS) : 'DATABASE_CA_CERT' };
	local $ENV{HOME} = $dir;
	my ($out, $err) = ('', '');
	my $ok = eval { IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120)) };
	return ($ok ? $out : '', $err . $@);
}

# Builds the program in Go, from the packages of the system alone.
sub build_go
{
	local %ENV = (%ENV, GO111MODULE => 'off', GOPATH => '/usr/share/gocode', GOCACHE => "$dir/go", GOFLAGS => '');
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'go', 'build', '-o', "$dir/pq", Appinfra::test_file('clients/golang/pq.go') ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(300))
		or diag "go build: $err";
	return "$dir/pq";
}

# Succeeds when the program connects by TLS and makes its table.
sub connects
{
	my ($what, $app, $dsn, $ca, @command) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $log = -s $host->logfile;
	my ($out, $err) = run_as_app($dsn, $ca, @command);
	like($out, qr/^(t|true)$/mi, "$what, and makes a table") or diag $err;
	like(slurp_file($host->logfile, $log), qr/connection authorized: user=app_$app database=app_$app .*SSL enabled/, '  by TLS');
	return;
}

# Succeeds when the program does not connect, because of the certificate.
sub refuses
{
	my ($what, $dsn, $ca, @command) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = run_as_app($dsn, $ca, @command);
	like($err, qr/certificate verify failed|self-signed certificate|unable to verify|signature (failure|check failed)|does not chain with any of the trust anchors|unknown authority|unable to find valid certification path/i, $what)
		or diag $out;
	return;
}

my $node = Appinfra::Npm::install('clients', qw(node-postgres.mjs node-postgres-variable.mjs postgres-js.mjs));
my @python = '/usr/bin/python3';
my @psql = ('-c', 'CREATE TABLE by_psql (id int)', '-c', 'INSERT INTO by_psql VALUES (1)', '-c', 'SELECT count(*) = 1 AS made FROM by_psql');
my %drivers = (
	'psql' => [ 'sh', '-c', 'psql -XAtq "$DATABASE_URL" "$@"', 'psql', @psql ],
	'psycopg 3' => [ @python, Appinfra::test_file('clients/psycopg3.py') ],
	'psycopg2' => [ @python, Appinfra::test_file('clients/psycopg2_.py') ],
	'SQLAlchemy' => [ @python, Appinfra::test_file('clients/sqlalchemy_.py') ],
	'Django' => [ @python, Appinfra::test_file('clients/django/program.py') ],
	'ruby-pg' => [ 'ruby', Appinfra::test_file('clients/ruby-pg.rb') ],
	'ActiveRecord' => [ 'ruby', Appinfra::test_file('clients/activerecord.rb') ],
	'JDBC' => [ 'java', '-cp', '/usr/share/java/postgresql.jar', Appinfra::test_file('clients/Jdbc.java') ],
	'lib/pq' => [ build_go() ],
	'postgres.js' => [ 'node', "$node/postgres-js.mjs" ],
	'node-postgres' => [ 'node', "$node/node-postgres.mjs" ],
	'node-postgres with DATABASE_CA_CERT' => [ 'node', "$node/node-postgres-variable.mjs" ]);
for my $name (sort keys %drivers)
{
	refuses("$name refuses a server of another authority", $verified, $other->file, @{ $drivers{$name} });
	connects("$name connects with the authority verified", 'drivers', $verified, $trusted, @{ $drivers{$name} });
}
is($host->safe_psql('app_drivers', q{SELECT count(*) FROM pg_tables WHERE tablename LIKE 'by\_%' AND tableowner = 'app_drivers_owner'}), scalar(keys %drivers),
	'all tables are the owner\'s');

# postgres.js sends the server what it does not know, so its program leaves that out.
my $as_it_is = q{import postgres from 'postgres'; await postgres(process.env.DATABASE_URL, { ssl: { ca: process.env.DATABASE_CA_CERT } })`SELECT 1`};
my ($out, $err) = run_as_app($verified, $trusted, 'sh', '-c', 'cd "$1" && exec node --input-type=module -e "$2"', 'sh', $node, $as_it_is);
like($err, qr/unrecognized configuration parameter "sslrootcert"/, 'postgres.js does not take the DSN as it is');

# --- a bundle of many, by its path, as the system has one -----------------------------------------------------
my @by_path = grep { $_ !~ /postgres\.js|DATABASE_CA_CERT/ } sort keys %drivers;
for my $name (@by_path)
{
	refuses("$name refuses a server whose authority is not in the bundle", $bundled, $of_the_system, @{ $drivers{$name} });
	connects("$name finds the authority in the bundle", 'bundled', $bundled, $bundle, @{ $drivers{$name} });
}

# --- by the word "system" -----------------------------------------------------------------------------------
# libpq knows it from version 16 on; the programs of Node leave out what the DSN says of authorities.
my ($libpq) = `psql --version` =~ /PostgreSQL\) (\d+)/;
my %knows = map { $_ => 1 } 'postgres.js', 'node-postgres with DATABASE_CA_CERT',
  $libpq < 16 ? () : ('psql', 'psycopg 3', 'psycopg2', 'SQLAlchemy', 'Django', 'ruby-pg', 'ActiveRecord');
for my $name (sort keys %drivers)
{
	my @command = @{ $drivers{$name} };
	if ($knows{$name})
	{
		refuses("$name refuses a server that the system does not trust", $system, $of_the_system, @command);
		connects("$name asks the system", 'system', $system, $bundle, @command);
		next;
	}
	my ($out, $err) = run_as_app($system, $bundle, @command);
	like($err, qr/root certificate file "?system"?|open system: no such file|ENOENT.*'system'/, "$name takes the word for a file") or diag $out;
}

# --- what only requires TLS ---------------------------------------------------------------------------------
# node-postgres takes "require" for "verify", and knows no authority.
refuses('node-postgres refuses a DSN that only requires TLS', $required, $trusted, @{ delete $drivers{'node-postgres'} });
connects("$_ connects with TLS required", 'required', $required, $trusted, @{ $drivers{$_} }) for sort keys %drivers;
refuses("$_ verifies also then", $required, $other->file, @{ $drivers{$_} }) for 'postgres.js', 'node-postgres with DATABASE_CA_CERT';
is($sidecar->stop, 0, 'exit code 0');
done_testing();
