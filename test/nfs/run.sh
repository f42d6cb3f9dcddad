#!/bin/sh
# run.sh BUILD [VERSION [OPTION,…]]: the lock of a checkpoint on a real NFS, by hand.
#
#   sh test/nfs/run.sh build 4.2          # or 4.1, 4.0, 3
#   sh test/nfs/run.sh build 3 nolock     # no locks between hosts: only the file's time is left
#
# A user-mode Linux (Debian's package user-mode-linux, fetched but not installed) boots on this
# machine's files. In it are Linux's own NFS server and two hosts: namespaces of network, host name
# and mounts, which NFS takes for two clients. hosts.sh says what they do. Needs root and Debian
# 12's packages; takes some four minutes. Ends with the number of expectations that failed.
set -eu
build=$(realpath "$1") version=${2:-4.2} options=${3:-hard}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=${TMPDIR:-/tmp}/dh_mpi-nfs
mkdir -p "$work/root"
if [ ! -e "$work/modprobe" ]; then
    (cd "$work" && apt-get download user-mode-linux nfs-kernel-server nfs-common libnfsidmap1 \
        rpcbind libwrap0 kmod keyutils)
    for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
    mkdir -p "$work/root/lib"
    ln -sfn ../usr/lib/uml/modules "$work/root/lib/modules"
    ln -sf root/bin/kmod "$work/depmod"
    "$work/depmod" -b "$work/root" "$(ls "$work/root/usr/lib/uml/modules")"
    ln -sf root/bin/kmod "$work/modprobe"
fi
dd if=/dev/zero of="$work/disk" bs=1M count=64 2>/dev/null
mkfs.ext4 -q -F "$work/disk"
{
    cat /etc/passwd
    echo '_rpc:x:106:65534::/run/rpcbind:/usr/sbin/nologin'
    echo 'statd:x:107:65534::/var/lib/nfs:/usr/sbin/nologin'
} >"$work/passwd"
cat >"$work/init" <<INIT
#!/bin/bash
exec bash "$here/hosts.sh" "$work" "$build" "$version" "$options"
INIT
chmod +x "$work/init"
cd "$work" # programs of a machine that is killed run on here
TMPDIR=$work timeout 600 "$work/root/usr/bin/linux.uml" mem=512M ubda="$work/disk" \
    rootfstype=hostfs rootflags=/ rw init="$work/init" con=null con0=null,fd:1 con1=null quiet \
    >"$work/log" 2>&1 || :
grep -E '^ *[0-9]+\.[0-9] |FAILED' "$work/log" || cat "$work/log"
grep -q '^0 expectations failed' "$work/log"
