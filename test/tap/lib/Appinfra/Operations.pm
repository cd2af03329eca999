# Owns what the callers of Appinfra::Workload may call: each operation with its weight and its SQL, which gives
# rows "id|more" of what it did: the id of the tenant or of the bucket. The calls choose by status themselves, so that
# they depend on nothing but the seed.
#
#   my ($name, $sql) = operation('app-1-7', buckets => 1, keys => 1);
#   my $sql = provision('app-1-7', $number);
#   owner_of('app-1-7');                       # owner-1@example.com
package Appinfra::Operations;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(operation provision owner_of stranger);

# The database of the app that has a status, and its bucket, its login, its key.
sub _of { my ($app, $status) = @_; return "FROM appinfra.databases d WHERE app_id = '$app' AND status IN ($status) ORDER BY created_at LIMIT 1"; }
sub _bucket { my ($app, $status) = @_; return "FROM appinfra.buckets d WHERE app_id = '$app' AND status IN ($status) ORDER BY created_at LIMIT 1"; }
sub _rows { my ($call, $from) = @_; return "SELECT id, count(r) FROM (SELECT db_id AS id, appinfra.$call r $from) s GROUP BY 1"; }
sub _bucket_rows { my ($call, $from) = @_; return "SELECT id, count(r) FROM (SELECT bucket_id AS id, appinfra.$call r $from) s GROUP BY 1"; }

my $ready = "'ready'";

# Weight, name, SQL.
my @tenants = (
	[ 6, 'rotate_credential', sub { _rows('rotate_credential(db_id)', _of($_[0], $ready)) } ],
	[ 2, 'rotate_credential', sub { _rows("rotate_credential(db_id, grace => '0', deadline => '1 s')", _of($_[0], $ready)) } ],
	[ 4, 'issue_credential', sub { "SELECT db_id, (c).url FROM (SELECT db_id, appinfra.issue_credential(db_id, 'owner') c " . _of($_[0], $ready) . ' OFFSET 0) s' } ],
	[ 2, 'create_service_user', sub { _rows("create_service_user(db_id, 'svc', 'host')", _of($_[0], $ready)) } ],
	[ 1, 'drop_service_user', sub { "SELECT db_id, appinfra.drop_service_user(db_id, 'svc', 'host') " . _of($_[0], $ready) } ],
	[ 2, 'republish', sub { 'SELECT db_id, appinfra.republish(db_id) ' . _of($_[0], $ready) } ],
	[ 1, 'bind_variables', sub { _rows(q{bind_variables(db_id, '{"DATABASE_SERVICE_URL":"service"}')}, _of($_[0], $ready)) } ],
	[ 1, 'unbind_variables', sub { "SELECT db_id, appinfra.unbind_variables(db_id, '{DATABASE_SERVICE_URL}') " . _of($_[0], $ready) } ],
	[ 1, 'steal', sub { _rows(q{bind_app(db_id, 'app-stranger', '{"STOLEN_URL":"reader"}')}, _of($_[0], $ready)) } ],
	[ 2, 'revoke_credential', sub { "SELECT db_id, c.username, appinfra.revoke_credential(c.username, 'chaos') FROM appinfra.credentials c JOIN appinfra.databases d USING (db_id)"
			  . " WHERE d.app_id = '$_[0]' AND target IS NULL AND state = 'active' LIMIT 1" } ],
	[ 2, 'revoke_tenant', sub { 'SELECT db_id, appinfra.revoke_tenant(db_id) ' . _of($_[0], $ready) } ],
	[ 3, 'restore_tenant', sub { _rows('restore_tenant(db_id)', _of($_[0], "'revoked', 'retained'")) } ],
	[ 2, 'deprovision_tenant', sub { "SELECT db_id, appinfra.deprovision_tenant(db_id, retain => '8 s') " . _of($_[0], "'ready', 'revoked'") } ],
	[ 1, 'deprovision_tenant', sub { "SELECT db_id, appinfra.deprovision_tenant(db_id, retain => '0') " . _of($_[0], "'ready', 'revoked'") } ]);

my @buckets = (
	[ 4, 'provision_bucket', sub { "SELECT bucket_id FROM appinfra.provision_bucket('$_[0]', '" . owner_of($_[0]) . "', 'files')"
			  . " WHERE NOT EXISTS (SELECT FROM appinfra.buckets WHERE app_id = '$_[0]' AND status <> 'dropped')" } ],
	[ 4, 'rotate_bucket_key', sub { _bucket_rows("rotate_bucket_key(bucket_id, deadline => '1 s')", _bucket($_[0], "'planned', 'ready'")) } ],
	[ 1, 'set_bucket_quota', sub { 'SELECT bucket_id, appinfra.set_bucket_quota(bucket_id, 1000000) ' . _bucket($_[0], $ready) } ],
	[ 1, 'revoke_bucket', sub { 'SELECT bucket_id, appinfra.revoke_bucket(bucket_id) ' . _bucket($_[0], $ready) } ],
	[ 2, 'restore_bucket', sub { _bucket_rows('restore_bucket(bucket_id)', _bucket($_[0], "'revoked', 'retained'")) } ],
	[ 1, 'deprovision_bucket', sub { "SELECT bucket_id, appinfra.deprovision_bucket(bucket_id, retain => '8 s') " . _bucket($_[0], "'ready', 'revoked'") } ]);

my @keys = (
	[ 3, 'mint_key', sub { "SELECT db_id, (k).token FROM (SELECT db_id, appinfra.mint_key(db_id, 'dbuser') k " . _of($_[0], $ready) . ' OFFSET 0) s' } ],
	[ 2, 'revoke_key', sub { "SELECT db_id, key_id, appinfra.revoke_key(key_id) FROM appinfra.keys k JOIN appinfra.databases d USING (db_id) WHERE app_id = '$_[0]' AND k.status = 'active' LIMIT 1" } ],
	[ 1, 'publish_key', sub { "SELECT db_id, appinfra.publish_key(db_id, 'reader') " . _of($_[0], $ready) } ]);

# Draws an operation for an app. Buckets are of a few apps only: there is one store.
sub operation
{
	my ($app, %with) = @_;
	my @all = (@tenants, $with{buckets} && $app =~ /-[1-3]$/ ? @buckets : (), $with{keys} ? @keys : ());
	my $dice = 0;
	$dice += $_->[0] for @all;
	$dice = rand $dice;
	for my $operation (@all)
	{
		$dice -= $operation->[0];
		return ($operation->[1], $operation->[2]->($app)) if $dice < 0;
	}
	return;
}

# A claim, with one variable or two; half of them with a key, which another call of this app may bring again.
sub provision
{
	my ($app, $number) = @_;
	my $env = rand() < 0.5 ? '{"DATABASE_URL":"owner"}' : '{"DATABASE_URL":"writer","REPORTS_URL":"reader"}';
	my $key = rand() < 0.5 ? ", idempotency_key => '$app-" . int($number / 40) . "-" . length($env) . "'" : '';
	return "SELECT db_id, status FROM appinfra.provision_tenant('$app', '" . owner_of($app) . "', '$app', env => '$env'$key)";
}

# Each caller's apps have an owner of their own.
sub owner_of { my ($caller) = $_[0] =~ /^app-(\w+)/; return "owner-$caller\@example.com"; }

1;
