# Owns a host on which exposures are made, found and closed by the remedy that came with them: with two
# tenants, app_one and app_two (with a role of each access), and two roles that are no tenant's.
#
#   use Appinfra::Exposures qw(:all);
#   have_exposed('name');                                # sets $host, $one, $two
#   exposed('what', $database, $sql, 'high', { rule => '^membership$' });
#   closed('what is open already', 'high', { rule => '^membership$' });
#   my @rows = rows({ rule => '^membership$' }, $one->{db_id});
package Appinfra::Exposures;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use Test::More;
use Appinfra;

our ($host, $one, $two);
our @EXPORT_OK = qw($host $one $two have_exposed reloaded rows remedy exposed closed);
our %EXPORT_TAGS = (all => \@EXPORT_OK);

# Makes the host.
sub have_exposed
{
	my ($name) = @_;
	$host = Appinfra->make($name, pool_size => 2, conf => <<'CONF');
fsync = on
wal_level = logical
max_prepared_transactions = 5
CONF
	$host->wait_for_pool(2);
	$one = $host->provision(app_id => 'app-1', slug => 'one', publish => 0);
	$two = $host->provision(app_id => 'app-2', slug => 'two', publish => 0,
		env => { DATABASE_URL => 'writer', READER_URL => 'reader', DATABASE_SERVICE_URL => 'service' });
	$host->wait_for_pool(2);
	$host->safe_psql('postgres', 'CREATE ROLE joe LOGIN; CREATE ROLE "the "" boss"');
	return;
}

# Returns the rows that match a hash of patterns; of one tenant, if it is given.
sub rows
{
	my ($match, $db_id) = @_;
	my $argument = defined $db_id ? "'$db_id'" : '';
	my @all = map { decode_json($_) }
	  split /\n/, $host->control("SELECT row_to_json(e) FROM appinfra.exposures($argument) e");
	return grep { my $row = $_; !grep { ($row->{$_} // '') !~ /$match->{$_}/ } keys %$match } @all;
}

# Runs a remedy where its row says: in its database, or in the control database.
sub remedy
{
	my ($row) = @_;
	my $database = $row->{remedy} =~ /^SELECT .*appinfra\./ ? 'control' : $row->{database} // 'control';
	my ($out, $err) = ('', '');
	my $code = $host->psql($database, "$row->{remedy}\n;", stdout => \$out, stderr => \$err);
	diag "$row->{remedy}: $err" if $code != 0;
	return $code == 0;
}

# Makes an exposure, sees its row and severity, runs its remedy and sees it gone.
sub exposed
{
	my ($name, $database, $sql, $severity, $match) = @_;
	$host->safe_psql($database, $sql);
	return closed($name, $severity, $match);
}

# Sees a row and its severity, runs its remedy and sees it gone.
sub closed
{
	my ($name, $severity, $match) = @_;
	my @found = rows($match);
	is(scalar(@found), 1, "$name: one row") or diag explain \@found;
	return if !@found;
	is($found[0]{severity}, $severity, "$name: is $severity");
	ok(remedy($found[0]), "$name: the remedy runs");
	my @left;
	for (1 .. 100) # a reload takes a moment
	{
		@left = rows($match);
		last if !@left || $found[0]{remedy} !~ /pg_reload_conf/;
	}
	is(scalar(@left), 0, "$name: the remedy closes it") or diag explain \@left;
	return;
}

# Changes a setting of the server and waits until new sessions have it.
sub reloaded
{
	my ($name, $value) = @_;
	$host->safe_psql('postgres', "ALTER SYSTEM SET $name = '$value'");
	$host->reload;
	$host->poll_query_until('postgres', "SELECT reset_val = '$value' FROM pg_settings WHERE name = '$name'");
	return;
}

1;
