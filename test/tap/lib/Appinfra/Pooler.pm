# Owns a pgbouncer that a test puts in front of its host, with the configuration that docs/operations.md
# shows: a test only says where things are.
#
#   my $pooler = Appinfra::Pooler->start($host, cert => $pem, ca => $file);
#   $host->as_app($dsn, $sql, PGPORT => $pooler->port);
package Appinfra::Pooler;

use strict;
use warnings;
use Carp;
use Appinfra;
use Appinfra::Process;
use Appinfra::Wait qw(wait_for);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my $password = 'pooler-secret-4711';

# Gives appinfra_pooler a password, writes the files, and starts the pooler.
sub start
{
	my ($class, $host, %args) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my $self = bless { host => $host, dir => $dir, port => PostgreSQL::Test::Cluster::get_free_port() }, $class;
	$host->control("ALTER ROLE appinfra_pooler LOGIN PASSWORD '$password'");
	_write("$dir/userlist.txt", qq("appinfra_pooler" "$password"\n));
	_write("$dir/pgbouncer.ini", $self->_configuration(%args));
	$self->{process} = Appinfra::Process->start(name => 'pgbouncer', command => [ 'pgbouncer', "$dir/pgbouncer.ini" ]);
	$self->{process}->wait_for_log(qr/process up/);
	return $self;
}

sub port { return $_[0]{port}; }
sub process { return $_[0]{process}; }
sub password { return $password; }

# Returns the document's configuration, with the addresses and files of this test, and what it cannot wait for.
sub _configuration
{
	my ($self, %args) = @_;
	my $text = documented();
	my %own = (
		listen_addr => '127.0.0.1',
		listen_port => $self->{port},
		auth_file => "$self->{dir}/userlist.txt",
		client_tls_cert_file => $args{cert},
		client_tls_key_file => $args{cert},
		server_tls_ca_file => $args{ca},
		query_wait_timeout => $args{query_wait_timeout} // 15,
		'*' => 'host=127.0.0.1 port=' . $self->{host}->port);
	for my $name (sort keys %own)
	{
		$text =~ s/^\Q$name\E =.*$/$name = $own{$name}/m or croak "the document's pgbouncer.ini has no $name";
	}
	return $text;
}

# Returns the pgbouncer.ini of docs/operations.md.
sub documented
{
	my $file = Appinfra::test_file('../docs/operations.md');
	my ($text) = PostgreSQL::Test::Utils::slurp_file($file) =~ /^```ini\n(.*?)^```$/ms
	  or croak "$file shows no pgbouncer.ini";
	return $text;
}

sub _write
{
	my ($file, $text) = @_;
	open my $out, '>', $file or croak "$file: $!";
	chmod 0600, $file;
	print $out $text;
	close $out;
	return;
}

1;
