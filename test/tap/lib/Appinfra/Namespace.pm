# Owns the namespaces of a test that fills disks and drops networks: it begins again inside a user, mount
# and network namespace of its own, so that the machine's interfaces and file systems are never touched. It
# must be used before anything else of ours. Where the system does not allow it, there is a network and a disk less.
#
#   use Appinfra::Namespace;                          # `unshare`; needs no root, but ip (iproute2)
#   if (Appinfra::Namespace::has_own) { ... }
#   put_on_disks($host, data => '1g', wal => '512m'); # before its first start: two file systems of memory
#   fill_disk($path);  free_disk($path);              # of these; full is what has no byte left
#   my $far = Appinfra::Namespace->far_side(2);       # a network behind 2 wires
#   $far->here(0); $far->there(0);                    # the addresses at the ends of the first
#   $host->start_sidecar(prefix => [ $far->prefix ]); # it lives there
#   $far->cut(0, 'silent'); $far->mend(0);            # packets get lost; or 'told': are refused
package Appinfra::Namespace;

use strict;
use warnings;
use Carp;
use Exporter 'import';

our @EXPORT_OK = qw(put_on_disks fill_disk free_disk);

my %size; # of the disk that is mounted at a path

BEGIN
{
	$ENV{PATH} .= ':/usr/sbin:/sbin';
	if (!$ENV{APPINFRA_NAMESPACE})
	{
		my @own = qw(unshare --user --map-current-user --keep-caps --mount --net);
		my $trial = 'ip link set lo up && ip link add name near type veth peer name far && mount -n -t tmpfs t /mnt';
		$ENV{APPINFRA_NAMESPACE} = system("@own sh -c '$trial' >/dev/null 2>&1") == 0 ? 'own' : 'none';
		exec @own, $^X, (map { "-I$_" } @INC), $0, @ARGV or die "unshare: $!" if $ENV{APPINFRA_NAMESPACE} eq 'own';
	}
	system(qw(ip link set lo up)) if $ENV{APPINFRA_NAMESPACE} eq 'own';
}

sub has_own { return $ENV{APPINFRA_NAMESPACE} eq 'own'; }

sub _run { my (@command) = @_; system(@command) == 0 or croak "@command failed"; return; }

# --- disks -----------------------------------------------------------------------------------------------

# Moves the folder of a host that does not run, and its write-ahead log, to small file systems.
sub put_on_disks
{
	my ($host, %sizes) = @_;
	_move($host->basedir, $sizes{data});
	_move($host->data_dir . '/pg_wal', $sizes{wal});
	return;
}

# Mounts a file system in place of a folder, with what is in it.
sub _move
{
	my ($path, $size) = @_;
	my $disk = "$path.disk";
	mkdir $disk, 0700 or croak "$disk: $!";
	_run(qw(mount -n -t tmpfs -o), "size=$size,mode=0700", 'appinfra', $disk);
	_run('cp', '-a', "$path/.", $disk);
	_run(qw(mount -n --move), $disk, $path);
	rmdir $disk;
	$size{$path} = $size;
	return;
}

# Leaves no room on the disk at a path: it becomes as small as what is on it.
sub fill_disk
{
	my ($path) = @_;
	for (1 .. 50)
	{
		my ($used) = (split ' ', (split /\n/, `df --block-size=1024 '$path'`)[1])[2];
		return if system("mount -n -o remount,size=${used}k '$path' 2>/dev/null") == 0;
	}
	croak "$path grows faster than it can be filled";
}

sub free_disk { my ($path) = @_; return _run(qw(mount -n -o), "remount,size=$size{$path}", $path); }

# --- networks --------------------------------------------------------------------------------------------

# A network with so many wires to it.
sub far_side
{
	my ($class, $wires) = @_;
	require Appinfra::Process;
	my $holder = Appinfra::Process->start(name => 'network', command => [ qw(unshare --net sh -c), 'ip link set lo up; echo there; exec sleep infinity' ]);
	$holder->wait_for_log(qr/^there$/m);
	my $self = bless { holder => $holder, net => '/proc/' . $holder->pid . '/ns/net' }, $class;
	for my $wire (0 .. $wires - 1)
	{
		_run(qw(ip link add), "near$wire", qw(type veth peer name), "far$wire", 'netns', $holder->pid);
		_run(qw(ip address add), $self->here($wire) . '/30', 'dev', "near$wire");
		_run(qw(ip link set), "near$wire", 'up');
		_run($self->prefix, qw(ip address add), $self->there($wire) . '/30', 'dev', "far$wire");
		_run($self->prefix, qw(ip link set), "far$wire", 'up');
	}
	return $self;
}

sub here { return "10.99.$_[1].1"; }
sub there { return "10.99.$_[1].2"; }

# What a command begins with that is to run there.
sub prefix { return ('nsenter', "--net=$_[0]{net}", '--'); }

# Cuts a wire: packets are lost without a word, or are refused at once.
sub cut
{
	my ($self, $wire, $how) = @_;
	return _run(qw(ip link set), "near$wire", 'down') if $how eq 'silent';
	return _run($self->prefix, qw(ip route replace unreachable), $self->here($wire) . '/32');
}

sub mend
{
	my ($self, $wire) = @_;
	_run(qw(ip link set), "near$wire", 'up');
	system join(' ', $self->prefix, qw(ip route delete unreachable), $self->here($wire) . '/32', '2>/dev/null');
	return;
}

1;
