# Owns the invariants of buckets and their keys, for Appinfra::Invariants. Without a store there is nothing to violate.
package Appinfra::Invariants::Buckets;

use strict;
use warnings;

# What an app has is the newest key, of a bucket of its own, and the store takes it.
sub _useless_keys
{
	my ($self) = @_;
	my $store = $self->{fates}{store} or return;
	my ($state, $stored, %of, @found) = ($store->state, $self->{peer}->store);
	for my $row ($self->rows("SELECT app_id, bucket_id, bucket_name FROM appinfra.buckets WHERE status = 'ready'"))
	{
		my ($app, $bucket_id, $name) = split /\|/, $row;
		my %has = map { /^OF_S3_(.*)/ ? ($1 => $stored->{$app}{$_}{value} // '') : () } keys %{ $stored->{$app} };
		my %keys = $store->keys_of("$bucket_id-w", $state);
		push @found, "$app: its secret is not that of $bucket_id" if ($has{SECRET_KEY} // '') eq '' || ($keys{ $has{ACCESS_KEY} } // '') ne $has{SECRET_KEY};
		push @found, "$app: another bucket" if ($has{BUCKET} // '') ne $name;
		my %versions = map { ($stored->{$app}{"OF_S3_$_"}{version} // 0) => 1 } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);
		push @found, "$app: variables of several versions" if keys %versions != 1;
		push @found, "$app: two buckets" if $of{$app}++;
	}
	return @found;
}

sub _strange_buckets
{
	my ($self) = @_;
	my $store = $self->{fates}{store} or return;
	return _differences([ $store->buckets ], [ $self->rows("SELECT bucket_name FROM appinfra.buckets WHERE status <> 'dropped'") ]);
}

sub _strange_keys
{
	my ($self) = @_;
	my $store = $self->{fates}{store} or return;
	my $state = $store->state;
	my @there = map { my $uid = $_; my %keys = $store->keys_of($uid, $state); map { "$uid $_" } keys %keys } grep { $_ ne 'appinfra' } keys %{ $state->{users} };
	return _differences(\@there, [ $self->rows("SELECT bucket_id || '-w ' || access_key FROM appinfra.bucket_keys WHERE state IN ('active', 'retiring')") ]);
}

sub _differences
{
	my ($there, $known) = @_;
	my %there = map { $_ => 1 } @$there;
	my %known = map { $_ => 1 } @$known;
	return ((map { "unknown: $_" } grep { !$known{$_} } @$there), map { "missing: $_" } grep { !$there{$_} } @$known);
}

1;
