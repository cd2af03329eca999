# Owns what must hold of buckets when all is over, whatever happened on the way: each app has one bucket,
# its newest delivered key works, and the store has the buckets and keys of the registry and no others.
#
#   my $buckets = Appinfra::Buckets->new(host => $host, store => $store, peer => $peer);
#   $buckets->order('app-1');
#   $buckets->wait_until_compared;                # all work is done, and each was compared since
#   $buckets->hold_together('app-1');             # asserts it
package Appinfra::Buckets;

use strict;
use warnings;
use Test::More;
use Appinfra::Wait qw(wait_for);

our @five = map { "OF_S3_$_" } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);

sub new { my ($class, %args) = @_; return bless {%args}, $class; }

# Orders a bucket for each of the apps.
sub order
{
	my ($self, @apps) = @_;
	$self->{host}->control("SELECT appinfra.provision_bucket('$_', 'user\@example.com', 'kept')") for @apps;
	return;
}

# The five variables that the producer has of an app.
sub variables
{
	my ($self, $app, $stored) = @_;
	$stored //= $self->{peer}->store;
	return { map { $_ => $stored->{$app}{$_}{value} // '' } @five };
}

# Waits until the store has all that is wanted, and each bucket was compared with it since now.
sub wait_until_compared
{
	my ($self) = @_;
	my $host = $self->{host};
	my $now = $host->control('SELECT clock_timestamp()');
	my $left = "SELECT count(*) FROM appinfra.bucket b JOIN appinfra.bucket_work w USING (bucket_id)"
	  . " WHERE status <> 'dropped' AND (b.generation > b.done_generation OR w.checked_at IS NULL OR w.checked_at < '$now')";
	wait_for('the comparison', sub { $host->control($left) == 0 });
	return;
}

# Asserts all of it for the apps, which are all that there are.
sub hold_together
{
	my ($self, @apps) = @_;
	my ($host, $store) = @$self{qw(host store)};
	my $stored = $self->{peer}->store;
	my (%buckets, @wrong);
	for my $app (@apps)
	{
		my $variables = $self->variables($app, $stored);
		my @seen = $variables->{OF_S3_SECRET_KEY} eq '' ? 'no secret' : $store->s3($variables, [ put => 'a', $app ], [ get => 'a' ]);
		push @wrong, "$app: @seen" if "@seen" ne "ok $app";
		my %versions = map { ($stored->{$app}{$_}{version} // 0) => 1 } @five;
		push @wrong, "$app: variables of several versions" if keys %versions != 1;
		$buckets{ $variables->{OF_S3_BUCKET} } = 1;
	}
	is_deeply(\@wrong, [], "each app's newest key works, and its variables are of one version");
	is(scalar keys %buckets, scalar @apps, 'each has a bucket of its own');
	is_deeply([ $host->control('SELECT count(*), count(DISTINCT app_id), string_agg(DISTINCT status, $$ $$) FROM appinfra.buckets') ],
		[ join '|', scalar @apps, scalar @apps, 'ready' ], 'there is one for each order, and it is ready');
	is_deeply([ $store->buckets ], [ sort split /\n/, $host->control('SELECT bucket_name FROM appinfra.buckets') ], 'the store has these buckets and no others');
	my %known = map { split /\|/ } split /\n/, $host->control(
		"SELECT bucket_id, string_agg(access_key, ' ' ORDER BY access_key COLLATE \"C\") FROM appinfra.bucket_keys WHERE state IN ('active', 'retiring') GROUP BY 1");
	is_deeply({ map { $_ => join ' ', $store->keys_of($_) } keys %known }, \%known, 'and the keys that the registry knows, and no others');
	is($host->control("SELECT coalesce(string_agg(concat_ws(' ', rule, object), ', '), '') FROM appinfra.exposures() WHERE rule LIKE 'bucket\\_%' AND rule <> 'bucket_plain'"), '', 'nothing is exposed');
	return;
}

1;
