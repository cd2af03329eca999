# Owns what must be true of a host, its producer and its callers once a run of random kills and failovers is
# over and all is quiet: 26 invariants, each with its name, and what violates it.
#
#   my $found = Appinfra::Invariants->new(fates => $fates, peer => $peer, lossless => 1, logins => 300);
#   $found->quiet(-s $host->logfile, $work->calls);
#   is_deeply([ $found->violations($_) ], [], $_) for Appinfra::Invariants->names;
# lossless: no commit that was acknowledged may be lost (one server, or a synchronous standby). logins: how
# many of the DSNs that were ever handed out are tried.
package Appinfra::Invariants;

use strict;
use warnings;
use IPC::Run;
use List::Util qw(shuffle uniq);
use PostgreSQL::Test::Utils;
use Appinfra;
use Appinfra::Dsn qw(dsn_psql parse_dsn);
use Appinfra::Journal;
use Appinfra::Logins qw(failed_logins);
use Appinfra::Timelines qw(unusable contradictions snapshot);

my @invariants = (
	[ 'each published variable holds a DSN that logs in, and others hold nothing', \&_unusable ],
	[ 'it leads into its own database', \&_led_astray ],
	[ 'it has exactly its access', \&_wrong_access ],
	[ 'no login that is revoked, gone or unknown logs in', \&_open_to_the_revoked ],
	[ 'the databases are those of the registry', sub { return grep { /^database / } $_[0]->_orphans } ],
	[ 'the directories are those of the databases', sub { return grep { /^directory / } $_[0]->_orphans } ],
	[ 'the roles are those of the registry', sub { return grep { /^(role|credential) / } $_[0]->_orphans } ],
	[ 'no label, setting, membership or dependency is left of what is gone', \&_dangling ],
	[ 'what was written is in the database of its tenant, and nowhere else', \&_misplaced ],
	[ 'what was written and acknowledged is there', \&_lost_writes ],
	[ 'each login that has a password is in the registry', \&_strange_passwords ],
	[ 'what a variable holds is the active credential of its binding', \&_not_the_active ],
	[ 'nothing is pending or claimed for ever', sub { return $_[0]->_rows('SELECT publication_id, status FROM appinfra.publications WHERE status IN ($$pending$$, $$claimed$$)') } ],
	[ 'what has failed says why, and goes through when it is retried', sub { return map { "$_->[0] $_->[1]" } $_[0]->failed } ],
	[ 'the pool is full', sub { return $_[0]->_rows("SELECT count(*) FROM appinfra.pool WHERE status = 'ready' HAVING count(*) <> current_setting('appinfra.pool_size')::int") } ],
	[ 'the seals fit the audit log, all of it', sub { return $_[0]->_rows('SELECT * FROM appinfra.verify_audit() WHERE NOT ok') } ],
	[ 'the seals that were collected outside are there, but for those that a failover lost', \&_lost_seals ],
	[ 'each acknowledged call has its row in the audit', \&_unaudited ],
	[ 'one idempotency key made one tenant', \&_doubled ],
	[ 'a tenant is what the last acknowledged call made it', \&_not_the_last_word ],
	[ 'no password is in data, write-ahead log or logs', \&_leaks ],
	[ 'versions never fell', sub { return grep { /version \d+ after/ } $_[0]->_contradictions } ],
	[ 'nothing names two things', sub { return grep { !/version \d+ after/ } $_[0]->_contradictions } ],
	[ 'nothing crashed of itself, and sidecars end when they are asked', \&_crashes ],
	[ 'callers were told documented SQLSTATEs only', \&_undocumented ],
	# the hosts of tests run without fsync
	[ 'exposures() has nothing', sub { return $_[0]->_rows("SELECT rule, database, object, detail FROM appinfra.exposures() WHERE severity <> 'notice' AND object IS DISTINCT FROM 'fsync'") } ]);

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
	my @found = eval { $invariant->[1]->($self) };
	return $@ ? ("it could not be checked: $@") : sort @found;
}

# Returns [publication_id, error] of what has failed and was replaced by nothing newer.
sub failed
{
	my ($self) = @_;
	return map { [ split /\|/, $_, 2 ] } $self->_rows('SELECT publication_id, error FROM appinfra.publications p WHERE status = $$failed$$'
		  . ' AND (error IS NULL OR NOT EXISTS (SELECT FROM appinfra.publications n WHERE n.target = p.target'
		  . ' AND n.variables && p.variables AND n.publication_id > p.publication_id))');
}

sub _rows { return split /\n/, $_[0]{host}->control($_[1]); }
sub _orphans { my ($self) = @_; return @{ $self->{orphans} //= [ $self->{host}->orphans ] }; }

# Targets of revoked tenants keep what they hold; variables that a failover lost are unknown here.
sub _unusable
{
	my ($self) = @_;
	my @revoked = $self->_rows("SELECT target FROM appinfra.bindings JOIN appinfra.databases USING (db_id) WHERE status = 'revoked' AND NOT ended");
	my %known = map { $_ => 1 } $self->_rows('SELECT target || $$ $$ || variable FROM appinfra.variable');
	return grep { !/^(.*): should be unset$/ || $known{$1} } unusable($self->{host}, $self->{peer}, @revoked);
}

# The DSNs that live variables hold, each with the tenant and the access that the registry has for them.
sub _held
{
	my ($self) = @_;
	my $store = $self->{peer}->store;
	my @held;
	for my $row ($self->_rows("SELECT b.target, unnest(b.variables), b.db_id, b.access FROM appinfra.bindings b JOIN appinfra.databases d USING (db_id)"
			  . " WHERE d.status = 'ready' AND NOT b.ended ORDER BY 1, 2"))
	{
		my ($target, $variable, $db_id, $access) = split /\|/, $row;
		next unless $variable =~ /_URL$/;
		push @held, { name => "$target $variable", db_id => $db_id, access => $access, url => $store->{$target}{$variable}{value} // '' };
	}
	return grep { $_->{url} ne '' } @held;
}

sub _led_astray
{
	my ($self) = @_;
	my %db_id = map { split /\|/ } $self->_rows("SELECT d.datname, split_part(label, ' ', 1) FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid"
		  . " WHERE classoid = 'pg_database'::regclass AND provider = 'appinfra'");
	return map { $_->{name} } grep { ($db_id{ parse_dsn($_->{url})->{database} } // '') ne $_->{db_id} } $self->_held;
}

# What each access may do, tried with some of them.
sub _wrong_access
{
	my ($self) = @_;
	my @held = shuffle $self->_held;
	my @found;
	for my $one (@held[ 0 .. ($#held < 9 ? $#held : 9) ])
	{
		my $creates = (dsn_psql($one->{url}, 'BEGIN; CREATE TABLE chaos_probe (i int); ROLLBACK'))[0] == 0;
		my $has_temp = (dsn_psql($one->{url}, 'CREATE TEMP TABLE t (i int)'))[0] == 0;
		my $bypasses = (dsn_psql($one->{url}, 'SELECT rolbypassrls FROM pg_roles WHERE rolname = current_user'))[1] eq 't';
		my $access = ($creates ? 'creates ' : '') . ($has_temp ? 'temp ' : '') . ($bypasses ? 'bypasses' : '');
		my %expected = (owner => 'creates temp ', writer => 'temp ', reader => '', service => 'temp bypasses');
		push @found, "$one->{name}: $one->{access} $access" if $access ne $expected{ $one->{access} };
	}
	return @found;
}

# Everything that was ever handed out, and is nobody's now.
sub _open_to_the_revoked
{
	my ($self) = @_;
	my %lives = map { $_ => 1 } $self->_rows("SELECT username FROM appinfra.credentials WHERE state IN ('waiting', 'active', 'retiring')");
	my $port = $self->{host}->port;
	my @dead = shuffle grep { !$lives{ parse_dsn($_)->{user} } } $self->_handed_out;
	return () unless @dead;
	splice @dead, $self->{logins} if @dead > $self->{logins};
	my %dsns = map { $_ => $_ =~ s/:\d+\//:$port\//r } @dead;
	my %failed = map { $_ => 1 } failed_logins($self->{host}, \%dsns);
	return map { parse_dsn($_)->{user} } grep { !$failed{$_} } @dead;
}

sub _handed_out
{
	my ($self) = @_;
	return uniq grep { /^postgres/ } (map { values %{ $_->{body}{set} // {} } } $self->{peer}->requests), $self->{journal}->urls;
}

sub _dangling
{
	my ($self) = @_;
	return $self->_rows(<<'SQL');
SELECT 'label ' || classoid::regclass || ' ' || objoid FROM pg_shseclabel l
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE oid = objoid AND classoid = 'pg_database'::regclass)
   AND NOT EXISTS (SELECT FROM pg_authid WHERE oid = objoid AND classoid = 'pg_authid'::regclass)
UNION ALL
SELECT 'setting ' || setdatabase || ' ' || setrole FROM pg_db_role_setting
 WHERE setdatabase <> 0 AND NOT EXISTS (SELECT FROM pg_database WHERE oid = setdatabase)
    OR setrole <> 0 AND NOT EXISTS (SELECT FROM pg_authid WHERE oid = setrole)
UNION ALL
SELECT 'membership ' || roleid || ' ' || member FROM pg_auth_members
 WHERE NOT EXISTS (SELECT FROM pg_authid WHERE oid = roleid) OR NOT EXISTS (SELECT FROM pg_authid WHERE oid = member)
UNION ALL
SELECT 'dependency ' || dbid || ' ' || refobjid FROM pg_shdepend
 WHERE dbid <> 0 AND NOT EXISTS (SELECT FROM pg_database WHERE oid = dbid)
    OR refclassid = 'pg_authid'::regclass AND NOT EXISTS (SELECT FROM pg_authid WHERE oid = refobjid)
SQL
}

# {db_id} of the marks that are in each tenant's database.
sub _marks
{
	my ($self) = @_;
	return $self->{marks} if $self->{marks};
	for my $row ($self->_rows("SELECT db_id, database FROM appinfra.databases WHERE status IN ('ready', 'revoked')"))
	{
		my ($db_id, $database) = split /\|/, $row;
		my $there = $self->{host}->safe_psql($database, "SELECT to_regclass('public.marks') IS NOT NULL");
		$self->{marks}{$db_id} = { map { $_ => 1 } split /\n/, $there eq 't' ? $self->{host}->safe_psql($database, 'SELECT mark FROM public.marks') : '' };
	}
	return $self->{marks};
}

sub _misplaced
{
	my ($self) = @_;
	my $marks = $self->_marks;
	return map { my $db_id = $_; map { "$_ is in $db_id" } grep { !/^$db_id / } keys %{ $marks->{$db_id} } } keys %$marks;
}

sub _lost_writes
{
	my ($self) = @_;
	my $marks = $self->_marks;
	return () unless $self->{lossless};
	return grep { my ($db_id) = split / /; $marks->{$db_id} && !$marks->{$db_id}{$_} } $self->{journal}->writes;
}

sub _strange_passwords
{
	my ($self) = @_;
	return $self->_rows("SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL"
		  . " AND rolname NOT IN (SELECT username FROM appinfra.credentials WHERE state IN ('waiting', 'active', 'retiring'))");
}

sub _not_the_active
{
	my ($self) = @_;
	my %active = map { my ($name, $user) = split /\|/; ($name => $user) } $self->_rows('SELECT DISTINCT ON (b.target, v) b.target || $$ $$ || v, c.username FROM appinfra.bindings b'
		  . ' CROSS JOIN unnest(b.variables) v JOIN appinfra.credential c USING (binding_id) WHERE c.state = $$active$$ ORDER BY b.target, v, c.published_at DESC NULLS LAST');
	return map { "$_->{name} holds another" } grep { parse_dsn($_->{url})->{user} ne ($active{ $_->{name} } // '') } $self->_held;
}

# As the runbook has it, what is missing is accepted by name, and then nothing else is wrong.
sub _lost_seals
{
	my ($self) = @_;
	my $heads = PostgreSQL::Test::Utils::tempdir() . '/heads';
	open my $out, '>', $heads or die "$heads: $!";
	print $out map { slurp_file($_) } $self->{fates}->sidecar_logs;
	close $out;
	my ($code, $text) = $self->_verify($heads);
	my @violations = $text =~ /^violation: (.*)$/mg;
	my @others = $self->{lossless} ? @violations : grep { !/was collected outside, and is not there/ } @violations;
	return @others if @others || $code == 0;
	return $text if $code != 1;
	my ($last) = sort { $b <=> $a } map { /^seal (\d+)/ } @violations;
	($code, $text) = $self->_verify($heads, '--accept', $last, '--reason', 'lost in a failover');
	return $code == 0 ? () : $text;
}

sub _verify
{
	my ($self, $heads, @more) = @_;
	local $ENV{APPINFRA_DATABASE_URL} = $self->{host}->connstr('control');
	IPC::Run::run([ Appinfra::sidecar_binary(), 'verify-audit', '--heads', $heads, @more ], '<', \undef, '>', \my $out, '2>', \my $err);
	return ($? >> 8, $out . $err);
}

sub _unaudited
{
	my ($self) = @_;
	return () unless $self->{lossless};
	my %rows = map { my ($name, $count) = split /\|/; ($name => $count) }
	  $self->_rows("SELECT action || ' ' || db_id, count(*) FROM appinfra.audit WHERE outcome = 'done' AND db_id IS NOT NULL GROUP BY 1");
	my %calls = $self->{journal}->acknowledged;
	return map { "$_: $calls{$_} acknowledged, " . ($rows{$_} // 0) . ' rows' } grep { $calls{$_} > ($rows{$_} // 0) } keys %calls;
}

sub _doubled
{
	my ($self) = @_;
	return () unless $self->{lossless};
	return $self->{journal}->doubled_keys;
}

sub _not_the_last_word
{
	my ($self) = @_;
	return () unless $self->{lossless};
	my %word = $self->{journal}->last_words;
	my %status = map { split /\|/ } $self->_rows('SELECT db_id, status FROM appinfra.databases');
	return map { "$_ is " . ($status{$_} // 'unknown') . ", not $word{$_}" } grep { ($status{$_} // 'unknown') !~ /^(?:$word{$_})$/ } keys %word;
}

sub _leaks
{
	my ($self) = @_;
	my $patterns = File::Temp->new;
	print $patterns map { "$_\n" } uniq map { parse_dsn($_)->{password} } $self->_handed_out;
	close $patterns;
	return unless -s $patterns->filename;
	my @places = ((map { ($_->data_dir, $_->logfile) } $self->{fates}->hosts), $self->{fates}->sidecar_logs);
	IPC::Run::run([ 'grep', '-rlF', '-f', $patterns->filename, @places ], '<', \undef, '>', \my $out, '2>', \my $err);
	return split /\n/, $out;
}

sub _contradictions
{
	my ($self) = @_;
	$self->{contradictions} //= [ contradictions($self->{peer}, $self->{journal}->snapshots, snapshot($self->{host})) ];
	return @{ $self->{contradictions} };
}

# A server logs what has ended its processes; SIGKILL is ours.
sub _crashes
{
	my ($self) = @_;
	my @lines = map { slurp_file($_->logfile) =~ /^(.*(?:PANIC|TRAP|was terminated by signal (?!9\b)\d+|server process .* exited with exit code [^01]).*)$/mg } $self->{fates}->hosts;
	return (@lines, $self->{fates}->complaints, $self->_errors_of_workers);
}

# What workers have complained of since all is quiet.
sub _errors_of_workers
{
	my ($self) = @_;
	my $log = substr slurp_file($self->{host}->logfile), $self->{quiet};
	return $log =~ /^(\S+ \S+ \S+ \[\d+\] (?:ERROR|FATAL|PANIC):.*)$/mg;
}

sub _undocumented
{
	my ($self) = @_;
	my %documented = map { $_ => 1 } qw(57P01 57P02 57P03 55P03 55006 55000 53300 42P01 42501 42704 42710 28000 28P01 25006 23505 53000 22023);
	return map { "$_->{op}: @{ $_->{states} } $_->{error}" } grep { grep { !$documented{$_} } @{ $_->{states} } } @{ $self->{calls} };
}

1;
