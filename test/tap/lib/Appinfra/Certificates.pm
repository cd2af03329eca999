# Owns certificates that are made for one test: authorities, and servers' certificates by them, with
# whatever is to be wrong about them.
#
#   my $authority = Appinfra::Certificates->new;
#   my $pem = $authority->issue('good', 'DNS:localhost');            # certificate and key in one file
#   my $old = $authority->issue('old', 'DNS:localhost', 'expired');
#   my $lasting = Appinfra::Certificates->new(days => 60);           # it, and what it issues, for so long; else 2
#   $authority->file;  self_signed('DNS:localhost');
package Appinfra::Certificates;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(self_signed);

my @new_key = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes);

# Makes an authority that nobody knows yet.
sub new
{
	my ($class, %of) = @_;
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir(), days => 2, %of }, $class;
	_openssl('req', '-x509', @new_key, '-days', $self->{days}, '-subj', '/CN=test-ca',
		'-keyout', "$self->{dir}/ca.key", '-out', $self->file);
	PostgreSQL::Test::Utils::append_to_file("$self->{dir}/ca.conf", <<"CONF");
[ca]
default_ca = authority
[authority]
database = $self->{dir}/issued
new_certs_dir = $self->{dir}
rand_serial = yes
default_md = sha256
policy = names
[names]
commonName = supplied
CONF
	PostgreSQL::Test::Utils::append_to_file("$self->{dir}/issued.attr", "unique_subject = no\n");
	PostgreSQL::Test::Utils::append_to_file("$self->{dir}/issued", '');
	return $self;
}

# The file with the authority's own certificate.
sub file { return "$_[0]{dir}/ca.pem"; }

# Returns a file with a certificate of this authority for a name, and its key. The times of one that
# has expired are said in full, since OpenSSL 3.5 makes none that ends before it begins.
sub issue
{
	my ($self, $name, $alternative, $expired) = @_;
	my $at = "$self->{dir}/$name";
	_openssl('req', @new_key, '-subj', '/CN=peer', '-keyout', "$at.key", '-out', "$at.request");
	PostgreSQL::Test::Utils::append_to_file("$at.ext", "subjectAltName=$alternative\n");
	my @valid = $expired ? qw(-startdate 20200101000000Z -enddate 20200102000000Z) : ('-days', $self->{days});
	_openssl('ca', '-batch', '-notext', '-config', "$self->{dir}/ca.conf", '-cert', $self->file, '-keyfile',
		"$self->{dir}/ca.key", @valid, '-extfile', "$at.ext", '-in', "$at.request", '-out', "$at.crt");
	return _joined($at);
}

# Returns a file with a certificate that only itself vouches for, and its key.
sub self_signed
{
	my ($alternative) = @_;
	my $at = PostgreSQL::Test::Utils::tempdir() . '/self';
	_openssl('req', '-x509', @new_key, '-days', 2, '-subj', '/CN=peer', '-addext', "subjectAltName=$alternative",
		'-keyout', "$at.key", '-out', "$at.crt");
	return _joined($at);
}

sub _joined
{
	my ($at) = @_;
	PostgreSQL::Test::Utils::append_to_file("$at.pem", PostgreSQL::Test::Utils::slurp_file("$at.$_")) for qw(crt key);
	return "$at.pem";
}

sub _openssl
{
	my (@arguments) = @_;
	my ($out, $err);
	IPC::Run::run([ 'openssl', @arguments ], '>', \$out, '2>', \$err) or croak "openssl @arguments: $err";
	return;
}

1;
