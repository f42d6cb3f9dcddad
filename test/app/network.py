"""Several hosts on one machine, for tests: network namespaces that are joined by a bridge.

Each host has its name, its /etc/hosts and one interface; mpiexec runs on the first and starts the
ranks of the others as it would by ssh. The bridge has a namespace, too, so that nothing of all that
is seen outside. Needs the right to make namespaces; a test is skipped where it has not. What was
made is removed at the end, also after a failure.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys

import harness

NET = "10.77.0"

# mpiexec calls it as `AGENT [OPTION…] HOST COMMAND…`, as it would ssh.
AGENT = """#!/bin/sh
while [ "${{1#-}}" != "$1" ]; do shift; done
host=$1
shift
cd {folder} || exit 1
exec ip netns exec "{prefix}$host" unshare -u sh -c 'hostname "$0"; eval "$1"' "$host" "$*"
"""


def ip(*arguments, check=True):
    subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


class Hosts(harness.Case):
    """Call connect first; then ranks run on the hosts: so many on each as `ranks_on` says."""

    ranks_on = {"node1": 2, "node2": 2, "node3": 2}
    options = {}  # for Open MPI: --mca NAME VALUE
    ended = False  # by a SIGTERM: meson gives up waiting

    def connect(self, latency=0.0, loss=0.0):
        """Join the hosts; with latency (seconds) or loss (a share) by a wire that has them."""
        if Hosts.ended:
            self.skipTest("ended by SIGTERM")
        if not shutil.which("ip"):
            self.skipTest("no network namespaces here: there is no program ip (package iproute2)")
        self.prefix = f"dh{os.getpid()}"
        self.wire = None
        self.addCleanup(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, self.end))
        self.addCleanup(self.disconnect)
        try:
            self.make_hosts()
            if latency or loss:
                self.make_wire(latency, loss)
            else:
                self.make_bridge()
            for number, host in enumerate(self.ranks_on, 1):
                self.on(host, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
                self.on(host, "link", "set", "eth0", "up")
                self.on(host, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            self.skipTest(f"no network namespaces here: {shlex.join(error.cmd)}: {error.stderr}")
        except OSError as error:
            self.skipTest(f"no network namespaces here: {error}")

    def end(self, *_):
        """A failure, so that what was made is removed."""
        Hosts.ended = True
        self.fail("ended by SIGTERM")

    def on(self, host, *arguments):
        ip("-n", self.prefix + host, *arguments)

    def make_hosts(self):
        names = "127.0.0.1 localhost\n" + "".join(
            f"{NET}.{number} {host}\n" for number, host in enumerate(self.ranks_on, 1))
        for host in [*self.ranks_on, "bridge"]:
            ip("netns", "add", self.prefix + host)
        for host in self.ranks_on:
            folder = "/etc/netns/" + self.prefix + host
            os.makedirs(folder)
            with open(folder + "/hosts", "w") as file:
                file.write(names)

    def make_bridge(self):
        self.on("bridge", "link", "add", "bridge", "type", "bridge")
        self.on("bridge", "link", "set", "bridge", "up")
        for host in self.ranks_on:
            self.on("bridge", "link", "add", host, "type", "veth",
                    "peer", "name", "eth0", "netns", self.prefix + host)
            self.on("bridge", "link", "set", host, "master", "bridge", "up")

    def make_wire(self, latency, loss):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wire.py")
        command = [sys.executable, program, str(latency), str(loss),
                   *(self.prefix + host for host in self.ranks_on)]
        self.wire = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True)
        if self.wire.stdout.readline() != "ready\n":
            raise subprocess.CalledProcessError(1, command, stderr=self.wire.communicate()[1])

    def cut(self, host):
        self.on("bridge", "link", "set", host, "down")

    def traffic(self):
        """End the wire: frames that it carried, and how many of them it lost."""
        self.wire.send_signal(signal.SIGTERM)
        carried, lost = self.wire.communicate(timeout=60)[0].split()
        return int(carried), int(lost)

    def disconnect(self):
        self.sweep()
        if self.wire and self.wire.poll() is None:
            self.wire.kill()
            self.wire.communicate()
        for host in [*self.ranks_on, "bridge"]:
            ip("netns", "del", self.prefix + host, check=False)
            shutil.rmtree("/etc/netns/" + self.prefix + host, ignore_errors=True)
        try:
            os.rmdir("/etc/netns")
        except OSError:  # others have something there
            pass

    def environment(self, extra=None):
        os.makedirs(self.path("tmp"), exist_ok=True)  # what MPI leaves when it is cut off
        return super().environment({"TMPDIR": self.path("tmp"), **(extra or {})})

    def command(self, ranks, arguments):
        agent = self.write("agent", AGENT.format(prefix=self.prefix, folder=self.folder))
        os.chmod(agent, 0o755)
        hosts = ",".join(f"{host}:{count}" for host, count in self.ranks_on.items())
        if harness.MPICH:
            options = ["-launcher", "ssh", "-launcher-exec", agent, "-hosts", hosts]
        else:
            net = NET + ".0/24"
            mca = {"plm": "rsh", "plm_rsh_agent": agent, "btl_tcp_if_include": net,
                   "oob_tcp_if_include": net, **self.options}
            options = ["--host", hosts]
            for name, value in mca.items():
                options += ["--mca", name, value]
        launch = harness.launch(ranks, self.recovery)
        command = [*launch[:1], *options, *launch[1:], harness.DH_MPI, *arguments]
        return [agent, next(iter(self.ranks_on)), shlex.join(command)]
