#!/bin/sh
# boot_machine.sh LOWERDIR FOLDER CGROUP: a Debian host with systemd as its first process, in namespaces of its own, on this network.
# Its root is an overlay of LOWERDIR with memory on top; nothing is left of it but FOLDER, empty, and the control group.
# Called by machine.py in a new mount namespace; the second part runs in the new pid, cgroup, uts and ipc namespaces.
set -eu
if [ "${4:-}" != inside ]; then
    # Its processes are in a control group of their own, which is the root of what it sees.
    mkdir -p "$2"
    mount -t tmpfs -o mode=755 tmpfs "$2"
    mkdir "$2/cgroup"
    mount -t cgroup2 cgroup2 "$2/cgroup"
    mkdir "$2/cgroup/$3"
    echo $$ >"$2/cgroup/$3/cgroup.procs"
    umount "$2/cgroup"
    exec unshare --pid --cgroup --uts --ipc --mount --propagation private --fork --kill-child "$0" "$1" "$2" "$3" inside
fi
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
cd "$2/root"
mount -t proc proc proc
# What the kernel shares with this machine is not the guest's to set.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid tmpfs dev
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o nosuid,nodev tmpfs dev/shm
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
hostname machine
ln -sf /dev/null etc/systemd/system/systemd-modules-load.service
mkdir before
pivot_root . before
umount -l before
rmdir before
mount --make-rshared /      # as systemd finds it on a host; it makes the folders of credentials so
exec env -i container=callseal PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console --show-status=no
