# A DSN with sslrootcert=system, taken by the psql that comes with the server: from version 16 on libpq asks the
# authorities that the system trusts; before, it looks for a file of that name and does not connect.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates;
use IPC::Run;
use Test::More;

my $host = Appinfra->make('system', pool_size => 1);
my $authority = Appinfra::Certificates->new;
my $other = Appinfra::Certificates->new;
my $server = $authority->issue('server', 'DNS:localhost');
chmod 0600, $server or die $!;
$host->append_conf('postgresql.conf', <<"CONF");
appinfra.public_host = 'localhost'
appinfra.public_sslmode = 'verify-full'
appinfra.public_sslrootcert = 'system'
ssl = on
ssl_cert_file = '$server'
ssl_key_file = '$server'
CONF
$host->restart;
$host->wait_for_pool(1);
my $dsn = $host->provision(app_id => 'app-1', slug => 'one', publish => 0)->{url};
like($dsn, qr/\?sslmode=verify-full&sslrootcert=system$/, 'the DSN names the authorities of the system');

# Logs in where the system trusts the authority of a file; returns what psql printed, and its errors.
sub log_in
{
	my ($trusted) = @_;
	local %ENV = (%ENV, SSL_CERT_FILE => $trusted, DATABASE_URL => $dsn);
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'sh', '-c', 'exec psql -XAtq "$DATABASE_URL" -c "SELECT current_user"' ], '<', \undef, '>', \$out, '2>', \$err);
	return ($out, $err);
}
my ($libpq) = `psql --version` =~ /PostgreSQL\) (\d+)/;
my ($out, $err) = log_in($authority->file);
if ($libpq >= 16)
{
	is($out, "app_one_owner\n", "psql $libpq logs in where the system trusts the authority") or diag $err;
	($out, $err) = log_in($other->file);
	like($err, qr/certificate verify failed/, 'and does not where it trusts another one');
}
else
{
	like($err, qr/root certificate file "system" does not exist/, "psql $libpq takes the word for a file");
}
done_testing();
