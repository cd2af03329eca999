# Owns the programs that docs/buckets.md shows to users: tests run them as they stand there, as an app that has
# its five variables and nothing else.
#
#   my $env = Appinfra::Snippets::bucket('app-1');   # a store, a host and a bucket of this app, made and delivered
#   works('boto3', Appinfra::Snippets::find('python', 'boto3'), $env, 'photos/1.jpg');
package Appinfra::Snippets;

use strict;
use warnings;
use Exporter qw(import);
use IPC::Run;
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Test::More;
use Appinfra;
use Appinfra::Document;
use Appinfra::Peer;
use Appinfra::Publications qw(wait_until_settled);
use Appinfra::Store;

our @EXPORT_OK = qw(works);

my %command = (python => ['/usr/bin/python3'], sh => [ 'sh', '-eu' ], js => ['node']);
my @kept; # what lives as long as the test

# Returns the five variables of a bucket of the app, in a store and on a host of the test's own.
sub bucket
{
	my ($app) = @_;
	my $store = Appinfra::Store->start;
	my $host = Appinfra->make('snippets', pool_size => 0, conf => sprintf("appinfra.s3_endpoint = '%s'\n", $store->endpoint));
	my $peer = Appinfra::Peer->start;
	my $sidecar = $host->start_sidecar(env => { $peer->sidecar_env->%*, $store->env, OPENFACTORY_STORAGE_PRODUCER_TOKEN => 'test-token' });
	push @kept, $sidecar, $peer, $host, $store;
	$host->control("SELECT appinfra.provision_bucket('$app', 'user\@example.com', 'photos')");
	wait_until_settled($host);
	my $stored = $peer->store->{$app};
	return { map { $_ => $stored->{$_}{value} } grep { /^OF_S3/ } keys %$stored };
}

# Returns the one block of the language in docs/buckets.md that has the words in it, as [LANGUAGE, TEXT].
sub find
{
	my ($language, $words) = @_;
	return [ $language, Appinfra::Document::block('buckets.md', $language, $words) ];
}

# Succeeds when the program uploads photo.jpg as this object, prints a list with it, and downloads it again.
# It prints no secret. A folder with its packages can be given.
sub works
{
	my ($name, $program, $env, $object, $dir) = @_;
	my ($language, $text) = @$program;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$dir //= PostgreSQL::Test::Utils::tempdir();
	my $file = "$dir/program." . ($language eq 'js' ? 'mjs' : $language);
	my $photo = join '', map { chr($_ * 7 % 256) } 1 .. 100_000;
	append_to_file($file, $text);
	append_to_file("$dir/photo.jpg", $photo);
	my ($out, $err) = ('', '');
	my $ok = do {
		local %ENV = (PATH => $ENV{PATH}, LC_ALL => 'C.UTF-8', HOME => $dir, %$env);
		eval { IPC::Run::run([ @{ $command{$language} }, $file ], '<', \undef, '>', \$out, '2>', \$err, init => sub { chdir $dir }, IPC::Run::timeout(120)) };
	};
	ok($ok, "$name: the program of docs/buckets.md ends well") or diag $out, $err, $@;
	my $last = $object =~ s{.*/}{}r;
	like($out, qr/\Q$last\E/, "$name:   it lists what it uploaded");
	my $copy = eval { slurp_file("$dir/copy.jpg") } // '';
	ok($copy eq $photo, "$name:   and downloads the same bytes");
	unlike($out . $err, qr/\Q$env->{OF_S3_SECRET_KEY}\E/, "$name:   without a word of its secret");
	return;
}

1;
