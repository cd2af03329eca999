# What exposures() finds in the server's settings and in pg_hba.conf, each closed by its remedy.
use strict;
use warnings;
use Appinfra::Exposures qw(:all);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

have_exposed('server');

# --- the server -------------------------------------------------------------------------------------------------
for ([ 'fsync', 'off', 'high' ], [ 'full_page_writes', 'off', 'high' ], [ 'log_min_messages', 'fatal', 'medium' ],
	[ 'lo_compat_privileges', 'on', 'medium' ], [ 'appinfra.guard', 'off', 'critical' ],
	[ 'appinfra.guard', 'observe', 'high' ])
{
	my ($name, $value, $severity) = @$_;
	reloaded($name, $value);
	closed("$name = $value", $severity, { rule => '^server_setting$', object => "^$name\$" });
}
closed('opening every file after a crash', 'notice', { object => '^recovery_init_sync_method$' });
reloaded('archive_command', 'PGPASSWORD=hunter2 copy %p');
closed('a secret in a setting', 'high', { rule => '^secret$', object => '^archive_command$' });
reloaded('appinfra.tenant_connection_limit', '-1');
closed('tenants without a limit', 'medium', { rule => '^connections$', object => 'tenant_connection_limit' });
reloaded('appinfra.tenant_connection_limit', '50');
reloaded('appinfra.tenant_lock_limit', '0');
closed('tenants who may take all locks', 'medium', { rule => '^lock_table$' });
for my $name (qw(xid_age_limit xid_rate))
{
	reloaded("appinfra.tenant_$name", '0');
	closed("tenants without $name", 'medium', { rule => '^xid_', object => "tenant_$name" });
}
$host->append_conf('postgresql.conf', "max_locks_per_transaction = 64\nmax_worker_processes = 12\n");
$host->restart;
my @restart = map { rows({ rule => "^$_\$", remedy => 'restart' }) } qw(lock_table worker_slots connections);
is(join(' ', map { "$_->{rule}:$_->{severity}" } @restart), 'lock_table:medium worker_slots:medium connections:notice',
	'too few locks, workers and connections');
ok(remedy($_), "the remedy of $_->{rule} runs") for @restart;
$host->restart;
is(scalar(map { rows({ rule => "^$_\$" }) } qw(lock_table worker_slots connections)), 0, 'and closes it');

exposed('a slot', 'app_one', "SELECT pg_create_logical_replication_slot('kept', 'pgoutput')", 'medium',
	{ rule => '^replication_slot$' });
exposed('a subscription', 'app_one', <<'SQL', 'high', { rule => '^subscription$' });
CREATE SUBSCRIPTION "s "" 1" CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p
    WITH (connect = false, slot_name = 'x');
ALTER SUBSCRIPTION "s "" 1" ENABLE
SQL
exposed('a prepared transaction', 'app_one', q{BEGIN; CREATE TABLE held (); PREPARE TRANSACTION 'it''s'}, 'medium',
	{ rule => '^prepared_transaction$' });

# --- pg_hba.conf ----------------------------------------------------------------------------------------------------
my $hba_file = $host->data_dir . '/pg_hba.conf';
my $hba = slurp_file($hba_file);
$host->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1,127.0.0.2'");

sub write_hba
{
	my ($text) = @_;
	open my $out, '>', $hba_file or die $!;
	print $out $text;
	close $out;
	return;
}

# What a line at the end of the file is, and whether the line in its remedy ends it. In this rule's eyes the host
# listens to the world: that is asked of a session, not of the running server.
sub hba
{
	my ($line, $expected, $name) = @_;
	write_hba("$hba$line\n");
	my $number = split /\n/, slurp_file($hba_file);
	my $seen = join ' ', sort map { "$_->{rule}:$_->{severity}" } rows({ object => "pg_hba.conf:$number\$" });
	is($seen, $expected, "$name: $line");
	for my $row (rows({ object => "pg_hba.conf:$number\$", remedy => 'line \d+: (host|local)' }))
	{
		my ($new) = $row->{remedy} =~ /line \d+: (.*)/;
		write_hba("$hba$new\n");
		is(scalar(rows({ object => "pg_hba.conf:$number\$", rule => $row->{rule} })), 0, "$name: its remedy");
	}
	return;
}

hba('local all all trust', 'hba_trust:high', 'trust on the socket');
hba('local all all peer', 'hba_method:notice', 'peer');
hba('local all all scram-sha-256', '', 'passwords on the socket');
hba('host all all ::1/128 trust', 'hba_trust:high', 'trust on the loopback interface');
hba('local all "/[" trust', $host->pg_version->major >= 16 ? 'hba_error:medium' : '', 'what is no pattern here, or a wrong one');
hba('hostssl all all 10.0.0.0/8 scram-sha-256', '', 'passwords over TLS');
hba('local control all trust', '', 'a database that is no tenant\'s');
hba('local all joe trust', '', 'a role that is no tenant\'s');
hba('local app_one +app_one_owner trust', 'hba_trust:high', 'a group');
hba('local all "app_one" trust', 'hba_trust:high', 'a login');
hba('host replication all 127.0.0.1/32 scram-sha-256', 'hba_replication:notice', 'replication nearby');
hba('local replication joe trust', '', 'replication of one who is no tenant');
hba('host all all 10.0.0.0/8 nonsense', 'hba_error:medium', 'an error');
$host->append_conf('postgresql.conf', "listen_addresses = '*'");
write_hba($hba);
SKIP:
{
	$host->stop;
	skip 'no TCP on all addresses here', 8 if !$host->start(fail_ok => 1);
	hba('host all all 10.0.0.0/8 trust', 'hba_trust:critical', 'trust');
	hba('host all all 10.0.0.0/8 ident', 'hba_method:high', 'ident');
	hba('host all all 10.0.0.0/8 password', 'hba_plain:high', 'clear passwords');
	hba('host all all 0.0.0.0/0 scram-sha-256', 'hba_plain:medium', 'plain TCP');
	hba('host replication all 10.0.0.0/8 md5', 'hba_replication:medium', 'replication');
	write_hba("hostnossl all all all reject\n${hba}host all all 10.0.0.0/8 md5\n");
	is(scalar(rows({ rule => '^hba_plain$' })), 0, 'plain TCP that an earlier line rejects');
}
write_hba($hba);
$host->reload;

done_testing();
