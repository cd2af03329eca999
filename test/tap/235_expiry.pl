# Databases that expire: told of a day and an hour before, then deprovisioned by themselves and kept for
# the host's retention; extended, made to stay, restored; refused where it cannot be.
use strict;
use warnings;
use Appinfra;
use Appinfra::Wait qw(reaches);
use Test::More;

my $host = Appinfra->make('expiry', pool_size => 2, conf => "appinfra.retention = '3d'\n");
$host->wait_for_pool(2);
my $tenant = $host->provision(app_id => 'app-1', slug => 'short', publish => 0, expires => '3 days', idempotency_key => 'k');
my $id = $tenant->{db_id};
my $of = "FROM appinfra.databases WHERE db_id = '$id'";
my $told = "FROM appinfra.audit WHERE db_id = '$id' AND action = 'warn_expiry'";

# Moves the end to that interval from now, as time would.
sub shift_end { my ($interval) = @_; return $host->control("UPDATE appinfra.tenant SET expires_at = now() + interval '$interval' WHERE db_id = '$id'"); }
sub refused { my ($sql, $wanted, $name) = @_; my ($code, $out, $err) = $host->try_control($sql); return like($err, $wanted, $name); }

is($host->control("SELECT round(extract(epoch FROM expires_at - created_at) / 3600) $of"), 72, 'it has an end');
is($host->provision(app_id => 'app-1', slug => 'short', publish => 0, expires => '3 days', idempotency_key => 'k')->{db_id}, $id, 'a repetition is the same');
refused($host->provision_sql(app_id => 'app-1', slug => 'short', publish => 0, expires => '4 days', idempotency_key => 'k'), qr/22023: .*other arguments/, 'with another end it is not');
refused($host->provision_sql(expires => $_, publish => 0), qr/22023: expires /, "not after $_") for '0', '-1 h', '200 years';
is($host->control("SELECT count(*) FROM appinfra.expiring"), 0, 'nobody is told yet');

shift_end('23 hours');
reaches { $host->wait_until("SELECT count(*) = 1 $told") } 'told of a day before';
is($host->control("SELECT within FROM appinfra.expiring WHERE db_id = '$id'"), '24 hours', 'and listed');
shift_end('59 minutes');
reaches { $host->wait_until("SELECT count(*) = 2 $told") } 'told of an hour before';
is($host->control("SELECT within FROM appinfra.expiring WHERE db_id = '$id'"), '1 hour', 'and listed');

$host->control("SELECT appinfra.alter_tenant('$id', expires => '12 hours')");
reaches { $host->wait_until("SELECT count(*) = 3 $told") } 'with another end it is told of again';
is($host->control("SELECT detail->>'expires_at' IS NOT NULL, detail ? 'disk_limit' FROM appinfra.audit WHERE action = 'alter_tenant' ORDER BY id DESC LIMIT 1"), 't|f', 'the audit has it');
$host->control("SELECT appinfra.alter_tenant('$id', expires => '0')");
is($host->control("SELECT expires_at IS NULL $of"), 't', 'or has none any more');
refused("SELECT appinfra.alter_tenant('$id')", qr/22023: nothing is to be changed/, 'nothing is nothing');
refused("SELECT appinfra.alter_tenant('$id', disk_limit => -2)", qr/22023: invalid disk_limit/, 'a limit is a size');

$host->control("SELECT appinfra.alter_tenant('$id', expires => '1 second')");
reaches { $host->wait_until("SELECT status = 'retained' $of") } 'its time is over: it is deprovisioned';
is($host->control("SELECT round(extract(epoch FROM retained_until - now()) / 3600) $of"), 72, "and kept for the host's retention");
is($host->control("SELECT string_agg(action, ' ' ORDER BY id) FROM appinfra.audit WHERE db_id = '$id' AND action IN ('expire_tenant', 'deprovision_tenant')"),
	'expire_tenant deprovision_tenant', 'the audit says why');
isnt(($host->as_app($tenant->{url}, 'SELECT 1'))[0], 0, 'nobody gets in');
$host->control("SELECT count(*) FROM appinfra.restore_tenant('$id', publish => false)");
is($host->control("SELECT status, expires_at $of"), 'ready|', 'restored, it has no end');
done_testing();
