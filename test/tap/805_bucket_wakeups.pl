# A bucket is worked at by one at a time. What was ordered meanwhile is announced when that one has ended, not
# with the next of the rounds in which sidecars look by themselves. The store is played here.
use strict;
use warnings;
use Appinfra;
use Appinfra::Wait qw(reaches wait_for);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

my $round = 25;    # seconds; the scheduler announces what is owed every 30 without being asked
my $host = Appinfra->make('wakeups', pool_size => 0, conf => "appinfra.s3_endpoint = 'http://store.example:7480'\n");
$host->wait_until('SELECT timeline > 0 AND held_since IS NULL FROM appinfra.recovery', 'it to be settled');

sub row { my ($sql) = @_; return decode_json($host->control("SELECT row_to_json(r) FROM ($sql) r")); }
sub publication { return row("SELECT * FROM appinfra.claim_publications('w', 1, producers => '{storage}')"); }
sub work { return row("SELECT * FROM appinfra.claim_bucket_work('w')"); }

sub deliver
{
	my ($claim) = @_;
	$host->control("SELECT appinfra.record_bucket_key($claim->{publication_id}, '$claim->{claim}', '$claim->{storage}{mint}{access_key}')");
	$host->control("SELECT appinfra.complete_publication($claim->{publication_id}, '$claim->{claim}')");
	return;
}

# Counts what has been announced to a sidecar.
my $listener = $host->background_psql('control');
$listener->query('LISTEN appinfra_publication');
my $announced = 0;
sub announced { $announced += () = $listener->query('SELECT') =~ /Asynchronous notification/g; return $announced; }

# Runs SQL, and tests that it is followed by an announcement before the next round.
sub announces
{
	my ($sql, $name) = @_;
	my ($before, $begun) = (announced(), time);
	$host->control($sql);
	reaches { wait_for('an announcement', sub { announced() > $before }) } $name;
	cmp_ok(time - $begun, '<', $round, '  at once');
	return;
}

announces("SELECT appinfra.provision_bucket('app', 'u', 'files')", 'an order is announced');
deliver(publication());
my ($bucket) = row('SELECT * FROM appinfra.buckets')->{bucket_id};

announces("SELECT appinfra.set_bucket_quota('$bucket', 4096)", 'and work');
my $work = work();
announces("SELECT appinfra.rotate_bucket_key('$bucket')", 'and a rotation meanwhile,');
is($host->control("SELECT count(*) FROM appinfra.claim_publications('w', 1, producers => '{storage}')"), 0, 'which nobody can claim yet');
announces("SELECT appinfra.complete_bucket_work('$bucket', '$work->{claim}', $work->{generation})", 'but when the work is done');
my $claim = publication();
announces("SELECT appinfra.set_bucket_quota('$bucket', 8192)", 'other work meanwhile is announced,');
is($host->control("SELECT count(*) FROM appinfra.claim_bucket_work('w')"), 0, 'which nobody can claim yet');
$host->control("SELECT appinfra.record_bucket_key($claim->{publication_id}, '$claim->{claim}', '$claim->{storage}{mint}{access_key}')");
announces("SELECT appinfra.complete_publication($claim->{publication_id}, '$claim->{claim}')", 'but when the key is delivered');
$work = work();
announces("SELECT appinfra.rotate_bucket_key('$bucket')", 'a rotation waits once more,');
announces("SELECT appinfra.fail_bucket_work('$bucket', '$work->{claim}', 'away', 'unreachable')", 'also until the work has failed');
deliver(publication());
$listener->quit;

done_testing();
