# Buckets where they cannot be made, and where they come from a dump: a standby and a server without the preload
# refuse every call; a dump of the control database keeps buckets, keys, work, what was found at the store and
# what is owed, and all of it goes on in another cluster. The store is played here.
use strict;
use warnings;
use Appinfra;
use JSON::PP;
use IPC::Run;
use Test::More;

my $conf = "appinfra.s3_endpoint = 'http://store.example:7480'\nappinfra.republish = never\nappinfra.provision_timeout = '1s'\n";
my $source = Appinfra->make('source', pool_size => 0, init => { allows_streaming => 1 }, conf => $conf);

sub rows { my ($host, $sql) = @_; return map { decode_json($_) } split /\n/, $host->control("SELECT row_to_json(r) FROM ($sql) r"); }
sub order { my ($host, $app, $more) = @_; my ($made) = rows($host, "SELECT * FROM appinfra.provision_bucket('$app', 'u', 'files'" . ($more // '') . ')'); return $made->{bucket_id}; }
sub claims { my ($host) = @_; return rows($host, "SELECT * FROM appinfra.claim_publications('w', 1000, producers => '{storage}')"); }
sub bucket { my ($host, $id) = @_; return (rows($host, "SELECT * FROM appinfra.buckets WHERE bucket_id = '$id'"))[0]; }

# Has the key of a claim made, and its variables published.
sub deliver
{
	my ($host, $claim) = @_;
	my $made = !$claim->{storage} || $host->control("SELECT appinfra.record_bucket_key($claim->{publication_id}, '$claim->{claim}', '$claim->{storage}{mint}{access_key}')") eq 't';
	return $made && $host->control("SELECT appinfra.complete_publication($claim->{publication_id}, '$claim->{claim}')") eq 't';
}

# Does all the work that is due; returns the buckets.
sub work
{
	my ($host, $observed) = @_;
	my @work = rows($host, "SELECT * FROM appinfra.claim_bucket_work('w', 1000)");
	$host->control("SELECT appinfra.complete_bucket_work('$_->{bucket_id}', '$_->{claim}', $_->{generation}, '" . ($observed // '{}') . "')") for @work;
	return sort map { $_->{bucket_id} } @work;
}

# A host that is new hands nothing out before it knows its timeline.
sub settled { my ($host) = @_; $host->wait_until('SELECT timeline > 0 AND held_since IS NULL FROM appinfra.recovery', 'it to be settled'); return; }

# --- buckets in every state -----------------------------------------------------------------------------------
settled($source);
my %id = map { $_ => order($source, "app-$_") } qw(rotated kept drift);
deliver($source, $_) for claims($source);
$source->control("SELECT appinfra.rotate_bucket_key('$id{rotated}', '3 days')");
deliver($source, $_) for claims($source);
$source->control("SELECT appinfra.deprovision_bucket('$id{kept}', '1 day')");
deliver($source, $_) for claims($source);
work($source);
$source->control("SELECT appinfra.set_bucket_quota('$id{drift}', 4096)");
work($source, '{"objects": 3, "bytes": 77, "public": true, "unknown_keys": ["STRANGER"], "drift": ["quota"]}');
$source->control("SELECT appinfra.report_unknown_buckets('{stray}')");
$id{handed} = order($source, 'app-handed', ', publish => false');
my ($handout) = rows($source, "SELECT * FROM appinfra.begin_bucket_handout('$id{handed}', 'rest')");
deliver($source, $handout);
$id{claimed} = order($source, 'app-claimed');
my ($claimed) = claims($source);
$source->control("SELECT appinfra.set_bucket_quota('$id{rotated}', 10000)");
my ($working) = rows($source, "SELECT * FROM appinfra.claim_bucket_work('w')");
$id{planned} = order($source, 'app-planned', ", quota => 5000, idempotency_key => 'key-1'");
is_deeply({ map { $_ => bucket($source, $id{$_})->{status} } keys %id }, { rotated => 'ready', kept => 'retained', drift => 'ready', handed => 'ready', claimed => 'planned', planned => 'planned' },
	'buckets in many states');

# --- a standby -------------------------------------------------------------------------------------------------
my ($key) = $source->control("SELECT access_key FROM appinfra.bucket_keys WHERE bucket_id = '$id{rotated}' AND state = 'active'");
my $uuid = '00000000-0000-0000-0000-000000000000';
my @callers = ("provision_bucket('app-s', 'u', 'files')", "rotate_bucket_key('$id{rotated}')", "finish_bucket_rotation('$id{rotated}')", "revoke_bucket_key('$key')", "forget_bucket_key('STRANGER')",
	"revoke_bucket('$id{rotated}')", "deprovision_bucket('$id{rotated}')", "restore_bucket('$id{kept}')", "set_bucket_quota('$id{rotated}', 1)", "begin_bucket_handout('$id{handed}', 'w')");
my @sidecars = ("claim_publications('w', producers => '{storage}')", "claim_bucket_work('w')", "record_bucket_key($claimed->{publication_id}, '$claimed->{claim}', 'A')", "extend_bucket_work('$id{rotated}', '$working->{claim}')",
	"complete_bucket_work('$id{rotated}', '$working->{claim}', 1)", "fail_bucket_work('$id{rotated}', '$working->{claim}', 'e', 'other')", "report_unknown_buckets('{other}')");

# What each call is refused with.
sub refusals { my ($host, @calls) = @_; return map { ($host->try_control("SELECT * FROM appinfra.$_"))[2] =~ /ERROR:  (\w{5}): / ? "$1" : "done: $_" } @calls; }

$source->backup('base');
my $standby = $source->start_standby('standby');
$source->wait_for_catchup($standby, 'replay', $source->lsn('insert'));
is_deeply([ refusals($standby, @callers, @sidecars) ], [ ('25006') x (@callers + @sidecars) ], 'a standby refuses every call');
is($standby->control('SELECT count(*) FROM appinfra.buckets'), 6, 'the views work there');
is((refusals($standby, "wait_bucket_revoked('$key', '0')"))[0], '55000', 'and a key can be waited for, once it is revoked');
$standby->stop;

# --- without the preload ----------------------------------------------------------------------------------------
$source->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$source->restart;
is_deeply([ refusals($source, @callers, @sidecars) ], [ ('55000') x (@callers + @sidecars) ], 'without the preload every call is refused');
is($source->control('SELECT count(*) FROM appinfra.bucket'), 6, 'and nothing is done');
$source->append_conf('postgresql.conf', "shared_preload_libraries = 'appinfra'");
$source->restart;

# --- a dump ------------------------------------------------------------------------------------------------------
sub registry
{
	my ($host) = @_;
	return join "\n", map { $host->control("SELECT '$_', to_jsonb(t) FROM appinfra.$_ t ORDER BY 2") } qw(app bucket bucket_key bucket_work bucket_unknown binding variable publication);
}
sub found { my ($host) = @_; return $host->control("SELECT rule, object, grantee, severity FROM appinfra.exposures() WHERE rule ~ '^bucket' ORDER BY 1, 2, 3"); }
sub run_command { my ($name, @command) = @_; my ($out, $err) = ('', ''); my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$err); return is(($ok ? '' : 'failed ') . $err, '', $name); }

my $file = $source->basedir . '/control.sql';
run_command('pg_dump of the control database', 'pg_dump', '-f', $file, $source->connstr('control'));
my $fresh = Appinfra->make('fresh', pool_size => 0, extension => 0, conf => $conf);
run_command('restored into a fresh cluster', 'psql', '-XqAt', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', $file, $fresh->connstr('control'));
is(registry($fresh), registry($source), 'buckets, keys, work, bindings and publications are there');
like(found($source), qr/^bucket_drift.*^bucket_key_unknown.*^bucket_public.*^bucket_unknown\|stray/ms, 'what was found at the store is exposed');
is(found($fresh), found($source), '  and there, too');
is_deeply([ claims($fresh) ], [], 'a copy hands out no key');
is_deeply([ work($fresh) ], [], '  and no work');

# --- and it goes on ----------------------------------------------------------------------------------------------
$fresh->control('SELECT appinfra.accept_restore(now())');
settled($fresh);
my @claims = claims($fresh);
ok((grep { $_->{ref} eq $id{planned} && $_->{storage}{quota} == 5000 } @claims), 'what was owed is claimed there, with its quota');
my $last = $source->control('SELECT max(bucket_key_id) FROM appinfra.bucket_key');
cmp_ok($fresh->control("SELECT min(k.bucket_key_id) FROM appinfra.bucket_key k WHERE state = 'waiting' AND bucket_id = '$id{planned}'"), '>', $last, 'ids of keys go on');
is_deeply([ map { deliver($fresh, $_) ? 1 : 0 } @claims ], [ (1) x @claims ], '  and its keys are made and told');
is(bucket($fresh, $id{planned})->{status}, 'ready', '  the bucket is ready');
is_deeply([ rows($fresh, "SELECT bucket_id FROM appinfra.provision_bucket('app-planned', 'u', 'files', quota => 5000, idempotency_key => 'key-1')") ], [ { bucket_id => $id{planned} } ], 'an idempotency key is remembered');
ok(deliver($fresh, $claimed), 'who had claimed before the dump may end it there, within the lease');
is(bucket($fresh, $id{claimed})->{access_key}, $claimed->{storage}{mint}{access_key}, '  with the key that was planned');
$fresh->control("SELECT appinfra.forget_bucket_key('STRANGER')");
$fresh->control('UPDATE appinfra.bucket_work SET lease_until = now() - interval $$1 s$$ WHERE claim IS NOT NULL');
ok((grep { $_ eq $id{rotated} } work($fresh)), 'work that a lost host had claimed is done there');
is($fresh->control("SELECT state, retires_at - published_at BETWEEN '0' AND '3 days 1 hour' FROM appinfra.bucket_keys WHERE bucket_id = '$id{rotated}' AND state = 'retiring'"), 'retiring|t', 'a key that retires keeps its deadline');
is($fresh->control("SELECT (appinfra.restore_bucket('$id{kept}')).status"), 'ready', 'a bucket that was kept is restored there');
is($fresh->control("SELECT state FROM appinfra.bucket_keys WHERE access_key = 'STRANGER'"), 'gone', 'and a key that was not known goes');
my ($second) = rows($fresh, "SELECT * FROM appinfra.provision_bucket('app-rotated', 'u', 'files')");
is($second->{replaced_bucket_id}, $id{rotated}, 'another bucket takes the variables over');
done_testing();
