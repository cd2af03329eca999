# Owns the installing of packages of node for one test, by a lock file, into a directory of its own.
#
#   my $dir = Appinfra::Npm::install('clients', 'node-postgres.mjs');   # programs that go beside the packages
#   $dir/node_modules/.bin/...
package Appinfra::Npm;

use strict;
use warnings;
use Carp;
use File::Copy qw(copy);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Appinfra;

# Installs what package-lock.json of a folder below test/ says, and returns where; dies when it cannot.
sub install
{
	my ($folder, @programs) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	copy(Appinfra::test_file("$folder/$_"), "$dir/$_") or croak "$_: $!" for qw(package.json package-lock.json), @programs;
	my ($out, $err) = ('', '');
	local $ENV{npm_config_cache} = "$dir/cache";
	my @npm = qw(npm ci --no-audit --no-fund --ignore-scripts --loglevel=error);
	IPC::Run::run([ @npm, '--prefix', $dir ], '<', \undef, '>', \$out, '2>', \$err, init => sub { chdir $dir }, IPC::Run::timeout(300))
		or croak "npm ci: $err";
	return $dir;
}

1;
