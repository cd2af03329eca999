# Owns the compiling of TypeScript, by a compiler that npm installs below the test's own directory
# (test/typescript): types are checked, and node runs what comes of it.
#
#   my $programs = Appinfra::TypeScript::compile({ 'client.ts' => $text });    # { why } when that cannot be done here
#   IPC::Run::run($programs->command('client.ts'), ...)
package Appinfra::TypeScript;

use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Utils qw(append_to_file);
use Appinfra::Npm;

# Compiles programs, given as texts by their names. One that does not pass the compiler ends the test.
sub compile
{
	my ($programs) = @_;
	for my $program (qw(node npm))
	{
		return bless { why => "there is no $program" } if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
	}
	my $dir = eval { Appinfra::Npm::install('typescript', 'tsconfig.json') } // return bless { why => $@ =~ s/\n.*//sr };
	append_to_file("$dir/$_", $programs->{$_}) for keys %$programs;
	my ($out, $err) = ('', '');
	IPC::Run::run([ "$dir/node_modules/.bin/tsc", '-p', $dir ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(300)) or die "tsc: $out$err";
	return bless { dir => $dir };
}

# Why programs cannot be run here; undef: they can.
sub why_not { return $_[0]{why}; }

# What runs a program, if they can be run here.
sub command
{
	my ($self, $name) = @_;
	return () if $self->{why};
	return ('node', "$self->{dir}/out/" . $name =~ s/ts$/js/r);
}

1;
