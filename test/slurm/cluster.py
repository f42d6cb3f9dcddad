"""A Slurm of one node on this machine: munged, slurmctld and slurmd, in a folder of their own.

Nothing outside of the folder is used or changed, other Slurms on the machine are not met (own
ports, configuration, munge socket, and numbers of jobs, which MPI puts into names in /dev/shm),
and only the processes started here are ended. Needs root: slurmd runs jobs in the name of others.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "qsub")

CONFIG = """
ClusterName=dh{tag}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
FirstJobId={first_job}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
ReturnToService=2
KillWait=10
MailProg=/bin/true
PlugStackConfig={folder}/plugstack.conf
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=UNLIMITED State=UP
"""


class Missing(Exception):
    """Why there can be no cluster here."""


def find(program):
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
    return shutil.which(program, path=path)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    def __init__(self, folder, cpus=24):
        missing = [program for program in PROGRAMS if not find(program)]
        if missing:
            raise Missing(f"not installed: {', '.join(missing)}")
        if os.geteuid() != 0:
            raise Missing("not root")
        self.folder = folder
        self.host = socket.gethostname().split(".")[0]
        self.children = []
        self.environment = dict(os.environ, SLURM_CONF=self.path("slurm.conf"))
        for name in list(self.environment):
            if name.startswith(("SLURM_", "SBATCH_", "PBS_")) and name != "SLURM_CONF":
                del self.environment[name]
        self.configure(cpus)

    def path(self, name):
        return os.path.join(self.folder, name)

    def configure(self, cpus):
        os.chmod(self.folder, 0o755)
        for name in ("state", "spool"):
            os.mkdir(self.path(name), 0o755)
        ports = free_ports(2)
        with open(self.path("slurm.conf"), "w") as out:
            out.write(CONFIG.format(tag=os.getpid(), host=self.host, folder=self.folder, cpus=cpus,
                                    ctld_port=ports[0], slurmd_port=ports[1],
                                    first_job=random.randrange(1, 60000000)))
        with open(self.path("plugstack.conf"), "w") as out:
            out.write("optional spank_pbs.so\n")  # PBS_JOBID and others, for qsub's scripts
        with open(self.path("mpi.conf"), "w") as out:  # two Slurms must not meet in /tmp
            out.write(f"PMIxCliTmpDirBase={self.folder}\n")
        with open(self.path("munge.key"), "wb") as out:
            out.write(os.urandom(128))
        os.chmod(self.path("munge.key"), 0o600)

    def spawn(self, program, *arguments):
        with open(self.path(program + ".out"), "w") as out:
            self.children.append(subprocess.Popen(
                [find(program), *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=self.environment, cwd=self.folder, start_new_session=True))

    def run(self, *command, check=True, **options):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True,
                              timeout=60, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def wait_for(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            for child in self.children:
                if child.poll() is not None:
                    raise Missing(f"{child.args[0]} ended with {child.returncode}: {self.logs()}")
            time.sleep(0.1)
        raise Missing(f"not after {seconds} s: {what}: {self.logs()}")

    def node_state(self):
        return self.run("sinfo", "--noheader", "--format=%T", check=False)

    def start(self):
        self.spawn("munged", "--foreground", "--force", "--key-file", self.path("munge.key"),
                   "--socket", self.path("munge.socket"), "--pid-file", self.path("munge.pid"),
                   "--log-file", self.path("munge.log"), "--seed-file", self.path("munge.seed"))
        self.wait_for(lambda: os.path.exists(self.path("munge.socket")), 20, "munged's socket")
        self.spawn("slurmctld", "-D", "-c")
        self.spawn("slurmd", "-D", "-c", "-N", self.host)
        self.wait_for(lambda: self.node_state() not in ("", "unknown"), 30, "slurmctld answers")
        # a node that has fewer CPUs than are said of it is drained, though told to be believed
        self.run("scontrol", "update", f"nodename={self.host}", "state=resume", check=False)
        self.wait_for(lambda: self.node_state() == "idle", 60, "the node is idle")

    def stop(self):
        """End everything; may be called again."""
        if not self.children:
            return
        for job in self.jobs():
            self.run("scancel", "--signal=KILL", "--full", job, check=False)
            self.run("scancel", job, check=False)
        end = time.monotonic() + 20
        while self.jobs() and time.monotonic() < end:
            time.sleep(0.2)
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children = []

    def jobs(self):
        return self.run("squeue", "--noheader", "--format=%A", check=False).split()

    def logs(self):
        text = ""
        for name in ("munged.out", "munge.log", "slurmctld.out", "slurmctld.log", "slurmd.out",
                     "slurmd.log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as log:
                    text += f"\n{name}:\n" + "".join(log.readlines()[-15:])
        return text
