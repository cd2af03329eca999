# An exported audit log that was changed, cut off, or lacks rows is not replayed on a restored server: the
# seals in it tell, and those that were collected outside. It says which rows, and does nothing.
use strict;
use warnings;
use Appinfra;
use Appinfra::Peer;
use IPC::Run;
use JSON::PP;
use Test::More;

my $primary = Appinfra->make('primary', pool_size => 5, init => { allows_streaming => 1 }, max_connections => 60);
my $sidecar = $primary->start_sidecar(env => Appinfra::Peer->start->sidecar_env);
my %db_id = map { $_ => $primary->provision(app_id => "app-$_", slug => $_, publish => 0)->{db_id} } qw(cut gone spared);
sub seal
{
	$primary->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'all to be sealed');
	my $newest = $primary->control('SELECT max(number) FROM appinfra.audit_seals');
	$sidecar->wait_for_log(qr/seal=$newest hash=/);
	return;
}

# Makes a seal that takes in no row, as one that merges two ends of the chain may.
sub seal_nothing
{
	my ($server) = @_;
	$server->control('INSERT INTO appinfra.audit_seal (number, previous, after_id, last_id, rows, sealed_at, hash)'
		  . ' SELECT n + 1, ARRAY[n], l, l, 0, t, appinfra.audit_hash(n + 1, ARRAY[n], l, l, 0, t)'
		  . ' FROM (SELECT max(number) AS n, max(last_id) AS l, now() AS t FROM appinfra.audit_seal) s');
	return;
}
seal();
$primary->backup('base');
my $point = $primary->control('SELECT now()');
for my $call ("revoke_tenant('$db_id{cut}', 'abuse')", "deprovision_tenant('$db_id{gone}')", "issue_credential('$db_id{spared}', 'reader')")
{
	$primary->control("SELECT appinfra.$call");
	seal();
	seal_nothing($primary);
}
$primary->control("SELECT appinfra.issue_credential('$db_id{spared}', 'reader')");
seal();
$sidecar->stop;
my ($heads, $dir) = ($sidecar->logfile, $primary->basedir);
my $host = $primary;

# Runs an appinfrad command on the host as its superuser; returns (exit code, output, errors).
sub appinfrad
{
	my (@command) = @_;
	local $ENV{APPINFRA_DATABASE_URL} = 'host=' . $host->host . ' port=' . $host->port . ' dbname=control';
	my ($out, $err) = ('', '');
	IPC::Run::run([ Appinfra::sidecar_binary(), @command ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}
my ($code, $plain, $err) = appinfrad('audit');
is("$code $err", '0 ', 'exported');
($code, my $sealed, $err) = appinfrad('audit', '--seals');
is("$code $err", '0 ', 'exported with seals');
is(join('', grep { !/^\{"seal"/ } split /^/, $sealed), $plain, 'which has the same rows');
is_deeply([ map { decode_json($_)->{seal}{hash} } grep { /^\{"seal"/ } split /^/, $sealed ],
	[ split /\n/, $primary->control('SELECT hash FROM appinfra.audit_seals ORDER BY last_id, number') ], 'and every seal');
my @batches = split /^(?=\{"seal")/m, $sealed; # a seal and its rows
for my $batch (@batches)
{
	my ($seal, @rows) = map { decode_json($_) } split /\n/, $batch;
	$seal = $seal->{seal};
	is((grep { $_->{id} > $seal->{after_id} && $_->{id} <= $seal->{last_id} } @rows) . ' of ' . @rows, "$seal->{rows} of $seal->{rows}",
		"seal $seal->{number} stands right before its rows");
}
$primary->stop('fast');

$host = Appinfra->new('restored');
$host->init_from_backup($primary, 'base');
$host->append_conf('postgresql.conf', 'appinfra.public_port = ' . $host->port);
$host->start;
$host->wait_until('SELECT held_since IS NOT NULL FROM appinfra.recovery', 'it to be held');

# Replays an export, with --apply where that is wanted; returns (exit code, output, errors).
sub replay
{
	my ($text, @args) = @_;
	open my $out, '>', "$dir/export" or die $!;
	print $out $text;
	close $out;
	return appinfrad('audit', '--replay', '--since', $point, '--file', "$dir/export", @args);
}
my @heads = ('--heads', $heads);

# --- as it was exported ---------------------------------------------------------------------------------------
for my $case ([ 'seals', $sealed ], [ 'heads', $plain, @heads ], [ 'both', $sealed, @heads ], [ 'neither', $plain ])
{
	my ($name, $text, @args) = @$case;
	($code, my $out, $err) = replay($text, @args);
	is("$code $err", '1 ', "$name: the export is in order") or diag $out;
	is(() = $out =~ /: to do$/mg, 2, "$name: and lists what is to do");
	is($out =~ /^not checked: the export has no seals/m ? 1 : 0, $name eq 'neither' ? 1 : 0, "$name: it says when nothing was checked");
}

# --- tampered with ----------------------------------------------------------------------------------------------
my ($revoked) = grep { /"action":"revoke_tenant"/ } split /^/, $plain;
my $row = decode_json($revoked)->{id};
my $another = $revoked =~ s/\Q$db_id{cut}\E/$db_id{spared}/gr;
sub without { my ($text, $line) = @_; my $at = index $text, $line; substr $text, $at, length $line, ''; return $text; }
my ($of_row) = grep { $batches[$_] =~ /"action":"revoke_tenant"/ } 0 .. $#batches;
my $last = decode_json((split /\n/, $batches[$of_row])[0])->{seal}{last_id};
my $range = qr/rows \d+ to $last\b/;
my %cases = (
	'a changed row' => [ sub { $_[0] =~ s/\Q$revoked\E/$another/r }, qr/$range.*do not fit seal \d+: one of them was changed/ ],
	'a changed time' => [ sub { my $late = $revoked =~ s/"time":"20/"time":"19/r; $_[0] =~ s/\Q$revoked\E/$late/r }, qr/$range.*do not fit seal/ ],
	'a removed row' => [ sub { without($_[0], $revoked) }, qr/$range.*(do not fit seal \d+: \d+ were sealed, and \d+ are there|are missing in the export)/ ],
	'an inserted row' => [ sub { $_[0] . $another =~ s/"id":$row/"id":9000000000000000/r }, qr/row 9000000000000000 of the export is in no seal/ ],
	'rows in another order' => [ sub { join '', reverse split /^/, $_[0] }, qr/its id does not grow|seal/ ],
	'a cut line' => [ sub { substr $_[0], 0, -10 }, qr/is cut off/ ],
	'the last row cut off' => [ sub { $_[0] =~ s/^.*\n\z//mr }, qr/rows \d+ to \d+.*(do not fit seal|are missing in the export)/ ]);
for my $name (sort keys %cases)
{
	my ($change, $message) = @{ $cases{$name} };
	for my $case ([ 'seals', $sealed ], [ 'heads', $plain, @heads ], [ 'both', $sealed, @heads ])
	{
		my ($by, $text, @args) = @$case;
		my $changed = $change->($text);
		isnt($changed, $text, "$name, $by: tampered with");
		($code, my $out, $err) = replay($changed, @args, '--apply');
		is("$code $out", '2 ', "$name, $by: refused");
		like($err, $message, "$name, $by: and which rows");
	}
}
my $cut = join '', @batches[ 0 .. $#batches - 1 ];
my $middle = join '', @batches[ grep { $_ != $of_row } 0 .. $#batches ];
my ($issued) = grep { /"action":"issue_credential"/ } reverse @batches;
my $forged = $issued =~ s/("hash"\s*:\s*")(.)/$1 . ($2 eq 'a' ? 'b' : 'a')/er; # in its first line, the seal
my $resealed = $sealed =~ s/\Q$issued\E/$forged/r;
for my $case ([ 'the last batch cut off with its seal', $cut, qr/rows \d+ to \d+, which seal \d+ takes in, are missing/, @heads ],
	[ 'a batch cut out with its seal', $middle, qr/row \d+ of the export is in no seal|$range.*are missing|does not fit the seals before it/ ], [ 'the same, with heads', $middle, qr/$range.*are missing|do not fit/, @heads ],
	[ 'what comes first left out', join('', @batches[ $of_row + 1 .. $#batches ]), qr/row \d+ of the export is in no seal|does not fit the seals before it/ ],
	[ 'the same, with heads', join('', @batches[ $of_row + 1 .. $#batches ]), qr/are missing in the export/, @heads ],
	[ 'another seal', $resealed, qr/do not fit seal/ ], [ 'another seal, with heads', $resealed, qr/is not the one that was collected outside/, @heads ],
	[ 'rows before the first seal', $revoked . $sealed, qr/has rows before its first seal/ ], [ 'a seal that is none', "{\"seal\":{}}\n$plain", qr/a seal of the export is none/ ])
{
	my ($name, $text, $message, @args) = @$case;
	isnt($text, $sealed, "$name: tampered with");
	($code, my $out, $err) = replay($text, @args, '--apply');
	is("$code $out", '2 ', "$name: refused");
	like($err, $message, "$name: and why");
}
for my $bad ([ 'audit', '--seals', '--replay', '--since', $point, '--file', "$dir/export" ], [ 'audit', @heads ],
	[ 'audit', '--replay', '--since', $point, '--file', '-', '--heads', '-' ])
{
	is((appinfrad(@$bad))[0], 2, 'refused: ' . join ' ', map { s/.*\///r } @$bad);
}
is($host->control("SELECT count(*) FROM appinfra.audit WHERE action IN ('revoke_tenant', 'deprovision_tenant')"), 0, 'nothing was done by all these');

# --- done -----------------------------------------------------------------------------------------------------------
($code, my $out, $err) = replay($sealed, @heads, '--apply');
is("$code $err", '0 ', 'what is in order is replayed') or diag $out;
$host->wait_until(q(SELECT string_agg(status, ' ' ORDER BY app_id) = 'revoked retained ready' FROM appinfra.databases), 'that to be done, and nothing else');
$host->wait_until('SELECT unsealed = 0 FROM appinfra.verify_audit()', 'this server to have seals of its own');
($code, $out, $err) = replay($sealed, @heads);
is("$code $err", '0 ', 'seals of its own do not disturb it') or diag $out;

# --- a seal without rows at the end -----------------------------------------------------------------------------------
seal_nothing($host);
($code, $out, $err) = appinfrad('audit', '--seals');
is(() = $out =~ /^\{"seal"/mg, $host->control('SELECT count(*) FROM appinfra.audit_seals WHERE last_id <= (SELECT max(id) FROM appinfra.audit)'),
	'a seal that takes in no row is exported, too, though no row follows');
($code, $out, $err) = appinfrad('audit', '--replay', '--since', 'infinity', '--file', do { replay($out); "$dir/export" });
is("$code $err", '0 ', 'and such an export is in order') or diag $out;
done_testing();
