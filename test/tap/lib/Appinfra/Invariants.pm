# Owns what must be true of a host, its producer, its store and its callers once a run of faults is over and all
# is quiet: the invariants, each with its name, and what violates it. The checks are in Appinfra/Invariants/.
#
#   my $found = Appinfra::Invariants->new(fates => $fates, peer => $peer, lossless => 1, logins => 300);
#   $found->quiet(-s $host->logfile, $work->calls);
#   is_deeply([ $found->violations($_) ], [], $_) for Appinfra::Invariants->names;
# lossless: no commit that was acknowledged may be lost (one server, or a synchronous standby). logins: how
# many of the DSNs that were ever handed out are tried.
package Appinfra::Invariants;

use strict;
use warnings;
use Appinfra::Invariants::Acknowledged;
use Appinfra::Invariants::Buckets;
use Appinfra::Invariants::Calls;
use Appinfra::Invariants::Logins;
use Appinfra::Invariants::Owners;
use Appinfra::Invariants::Remains;
use Appinfra::Journal;

our @ISA = map { "Appinfra::Invariants::$_" } qw(Acknowledged Buckets Calls Logins Owners Remains);

my @invariants = (
	[ 'each published variable holds a DSN that logs in, and others hold nothing', '_unusable' ],
	[ 'it leads into its own database', '_led_astray' ],
	[ 'it has exactly its access', '_wrong_access' ],
	[ 'no login that is revoked, gone or unknown logs in', '_open_to_the_revoked' ],
	[ 'the databases are those of the registry', sub { return grep { /^database / } $_[0]->_orphans } ],
	[ 'the directories are those of the databases', sub { return grep { /^directory / } $_[0]->_orphans } ],
	[ 'the roles are those of the registry', sub { return grep { /^(role|credential) / } $_[0]->_orphans } ],
	[ 'no label, setting, membership or dependency is left of what is gone', '_dangling' ],
	[ 'what was written is in the database of its tenant, and nowhere else', '_misplaced' ],
	[ 'what was written and acknowledged is there', '_lost_writes' ],
	[ 'each login that has a password is in the registry', '_strange_passwords' ],
	[ 'what a variable holds is the active credential of its binding', '_not_the_active' ],
	[ 'nothing is pending or claimed for ever', sub { return $_[0]->rows('SELECT publication_id, status FROM appinfra.publications WHERE status IN ($$pending$$, $$claimed$$)') } ],
	[ 'what has failed says why, and goes through when it is retried', sub { return map { "$_->[0] $_->[1]" } $_[0]->failed } ],
	[ 'the pool is full', sub { return $_[0]->rows("SELECT count(*) FROM appinfra.pool WHERE status = 'ready' HAVING count(*) <> current_setting('appinfra.pool_size')::int") } ],
	[ 'the seals fit the audit log, all of it', sub { return $_[0]->rows('SELECT * FROM appinfra.verify_audit() WHERE NOT ok') } ],
	[ 'the seals that were collected outside are there, but for those that a failover lost', '_lost_seals' ],
	[ 'each acknowledged call has its row in the audit', '_unaudited' ],
	[ 'one idempotency key made one tenant', '_doubled' ],
	[ 'a tenant is what the last acknowledged call made it', '_not_the_last_word' ],
	[ 'no password is in data, write-ahead log or logs', '_leaks' ],
	[ 'versions never fell', sub { return ((grep { /version \d+ after/ } $_[0]->_contradictions), $_[0]->_fallen) } ],
	[ 'nothing names two things', sub { return grep { !/version \d+ after/ } $_[0]->_contradictions } ],
	[ 'nothing crashed of itself, and sidecars end when they are asked', '_crashes' ],
	[ 'callers were told documented SQLSTATEs only', '_undocumented' ],
	[ 'no login is in both URLs of an app, and none is a superuser', '_shared_logins' ],
	[ 'no variable was published that nobody asked for', '_unasked_variables' ],
	[ 'nothing of one owner is in the environment of another', '_given_to_others' ],
	[ 'nobody got through to what is closed', '_got_through' ],
	[ 'who tries it is counted', '_uncounted' ],
	[ 'each app with a bucket has its newest key, and one bucket', '_useless_keys' ],
	[ 'the buckets of the store are those of the registry', '_strange_buckets' ],
	[ 'the keys of the store are those of the registry', '_strange_keys' ],
	[ 'a call with an Idempotency-Key took effect once', '_done_twice' ],
	[ 'its answer tells of what is there', '_told_otherwise' ],
	[ 'it is given again, byte by byte', '_not_replayed' ],
	[ 'each call has its row in the audit', '_unaudited_calls' ],
	[ 'an API key gets in as long as it is active, and no longer', '_open_to_revoked_keys' ],
	# the hosts of tests run without fsync, and without TLS on wires that are within this machine
	[ 'exposures() has nothing', sub { return $_[0]->rows("SELECT rule, database, object, detail FROM appinfra.exposures() WHERE severity <> 'notice' AND object IS DISTINCT FROM 'fsync' AND rule NOT IN ('bucket_plain', 'hba_plain', 'sslmode_without_ca')") } ]);

sub names { return map { $_->[0] } @invariants; }

sub new
{
	my ($class, %args) = @_;
	return bless { host => $args{fates}->host, %args }, $class;
}

# All is quiet since the log of the host had this size, and these calls were made.
sub quiet
{
	my ($self, $log, @calls) = @_;
	$self->{quiet} = $log;
	$self->{calls} = \@calls;
	$self->{journal} = Appinfra::Journal->new(@calls);
	return;
}

# Returns what violates an invariant, sorted; a check that dies is a violation.
sub violations
{
	my ($self, $name) = @_;
	my ($invariant) = grep { $_->[0] eq $name } @invariants;
	my $check = $invariant->[1];
	my @found = eval { $self->$check };
	return $@ ? ("it could not be checked: $@") : sort @found;
}

# Returns [publication_id, error] of what has failed and was replaced by nothing newer; what a revoked tenant
# was to have comes with its restoration.
sub failed
{
	my ($self) = @_;
	return map { [ split /\|/, $_, 2 ] } $self->rows('SELECT publication_id, error FROM appinfra.publications p WHERE status = $$failed$$'
		  . ' AND (kind = $$unset$$ OR EXISTS (SELECT FROM appinfra.databases d WHERE d.db_id = p.db_id AND d.status = $$ready$$))'
		  . ' AND (error IS NULL OR NOT EXISTS (SELECT FROM appinfra.publications n WHERE n.target = p.target'
		  . ' AND n.variables && p.variables AND n.publication_id > p.publication_id))');
}

# The rows of a query in the control database.
sub rows { return split /\n/, $_[0]{host}->control($_[1]); }

1;
