# hosts.sh WORK BUILD VERSION OPTIONS: init of the machine that run.sh boots.
#
# One search after the other works on one checkpoint, from two hosts. At the end every trial has to
# be there once, whoever evaluated it.
work=$1 build=$2 version=$3 options=$4
dh_mpi=$build/src/app/dh_mpi dhctl=$build/src/ctl/dhctl
export PATH=$work/root/usr/sbin:$work/root/sbin:/usr/sbin:/usr/bin:/sbin:/bin
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /mnt
mount --bind "$work/passwd" /etc/passwd
hostname server
start=$(date +%s.%N) failed=0
say() { printf '%6.1f %s\n' "$(echo "$(date +%s.%N) - $start" | bc)" "$*"; }
expect() # WHAT WANTED FOUND
{
    [ "$2" = "$3" ] && say "$1: $3" && return
    say "FAILED $1: $3 instead of $2"
    failed=$((failed + 1))
}

# ---- the server ----
for module in nfsd nfs nfsv3 nfsv4 veth; do "$work/modprobe" -d "$work/root" $module; done
ip link set lo up
mkdir -p /mnt/export /mnt/nfs /run/rpcbind /run/netns /var/lib/nfs/rpc_pipefs \
    /var/lib/nfs/v4recovery /var/lib/nfs/sm /var/lib/nfs/sm.bak
touch /var/lib/nfs/etab /var/lib/nfs/rmtab /var/lib/nfs/state
chown -R 107 /var/lib/nfs/sm /var/lib/nfs/sm.bak /var/lib/nfs/state
mount -t ext4 /dev/ubda /mnt/export
mount -t rpc_pipefs sunrpc /var/lib/nfs/rpc_pipefs
mount -t nfsd nfsd /proc/fs/nfsd
for h in 1 2; do
    ip netns add h$h
    ip link add s$h type veth peer name c$h
    ip link set c$h netns h$h
    ip addr add 10.0.$h.1/24 dev s$h
    ip link set s$h up
    ip netns exec h$h sh -c "ip addr add 10.0.$h.2/24 dev c$h; ip link set c$h up; ip link set lo up"
done
exportfs -o rw,no_root_squash,no_subtree_check,fsid=0,insecure '*:/mnt/export' 2>/dev/null
rpcbind -w
rpc.statd --no-notify
rpc.mountd 2>/dev/null
for file in /proc/sys/fs/nfs/nlm_grace_period /proc/fs/nfsd/nfsv4leasetime \
    /proc/fs/nfsd/nfsv4gracetime; do echo 10 >$file; done
rpc.nfsd 4

# ---- the hosts ----
for h in 1 2; do
    ip netns exec h$h unshare -u -m sh -c "hostname host$h; mount --make-rprivate /; sleep 100000" &
    keeper[h]=$!
done
sleep 1
on() { local h=$1; shift; nsenter -t "${keeper[h]}" -n -u -m "$@"; }
for h in 1 2; do
    if [ "${version%%.*}" = 3 ]; then
        on $h mount -t tmpfs tmpfs /run
        on $h sh -c 'mkdir -p /run/rpcbind; rpcbind -w; rpc.statd --no-notify'
        on $h mount.nfs 10.0.$h.1:/mnt/export /mnt/nfs \
            -o "vers=3,$options,proto=tcp,mountproto=tcp"
    else
        on $h mount.nfs4 10.0.$h.1:/ /mnt/nfs -o "vers=$version,$options,proto=tcp"
    fi
    say "host$h: $(on $h grep ' /mnt/nfs ' /proc/mounts | cut -d' ' -f3,4)"
done
until on 1 timeout 9 sh -c 'flock -n /mnt/nfs/y true'; do :; done # the server's grace period
on 1 sh -c 'exec 9>/mnt/nfs/y; flock 9; sleep 6' &
sleep 2
on 2 flock -n /mnt/nfs/y true && say "no locks between the hosts" || say "locks between the hosts"
wait $!
rm -f /mnt/export/y

# ---- what they do ----
cat >/mnt/search.cfg <<'CFG'
search = { name = "nfs"; seed = 7; max_evaluations = 100000; };
parameters = ( { name = "x"; type = "real"; low = -5.0; high = 5.0; } );
optimizer = { method = "random"; };
evaluator = { type = "builtin"; function = "sphere"; duration = 0.2; };
checkpoint = { file = "nfs.h5"; interval = "5s"; };
CFG
search() # HOST LOG ARGUMENT…
{
    local h=$1 log=$2
    shift 2
    nsenter -t "${keeper[h]}" -n -u -m sh -c "cd /mnt/nfs && exec $dh_mpi /mnt/search.cfg $*" \
        >"/mnt/log.$log" 2>&1
}
said() { grep -q "$2" "/mnt/log.$1" && echo yes || echo no; }

search 1 a &
sleep 4
search 2 b
expect "host2 beside host1 ends with" 74 $?
expect "it names host1" yes "$(said b 'process [0-9]* on host1')"
search 1 c
expect "a second one on host1 ends with" 74 $?
pkill -9 -x dh_mpi
search 1 d --set search.max_time=3s
expect "after a kill on host1 it goes on there" 75 $?
search 1 e &
sleep 4
pkill -9 -x dh_mpi
search 2 f --set search.max_time=3s
expect "after a kill on host1 it goes on on host2" 75 $?

search 1 g &
first=$!
sleep 6
ip link set s1 down
say "host1 is cut off while it searches"
search 2 h --set search.max_time=30s &
second=$!
until [ "$(said h resuming)" = yes ]; do sleep 1; done
say "host2 goes on"
sleep 8
ip link set s1 up
say "host1 is back"
wait $first
expect "its search ends with" 74 $?
expect "it says why" yes "$(said g 'was taken over by process [0-9]* on host2')"
wait $second
expect "that of host2 with" 75 $?

search 1 l &
first=$!
sleep 6
ip link set s1 down
say "host1 is cut off again"
search 2 m --set search.max_time=8s
expect "host2 takes over and ends with" 75 $?
ip link set s1 up
say "host1 is back"
wait $first
expect "its search ends with" 74 $?
expect "it says why" yes "$(said l 'another may have come and gone')"

for round in 1 2 3; do
    search 1 i &
    sleep 3
    pkill -9 -x dh_mpi
    search 1 j --set search.max_time=4s &
    first=$!
    search 2 k --set search.max_time=4s
    second=$?
    wait $first
    say "both at once after a death ($round): host1 $?, host2 $second"
done
cd /mnt/export || exit
$dhctl verify nfs.h5
expect "dhctl verify" 0 $?
doubled=$($dhctl export --format csv nfs.h5 | sort | uniq -d | wc -l)
expect "trials that are there twice" 0 "$doubled"
echo "$failed expectations failed"
sync
echo o >/proc/sysrq-trigger
sleep 60
