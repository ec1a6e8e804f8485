"""Hosts: how a command is run on one, and what can be done to it.

A back-end is made of command templates: {host} and {command} in the one that runs a command, {host}
and {argument} in the hooks. Everything else in this folder knows hosts only through this file.
"""

import base64
import gzip
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time

HOOKS = {
    "kill": "take the power from a host",
    "start": "boot it again, with the shared path mounted",
    "pause": "stop a host (time goes on)",
    "resume": "let it go on",
    "cut": "part a host from the file server, silently",
    "heal": "join them again",
    "restart-server": "{argument} hard: power loss and boot; soft: only the file service",
    "clock": "set a host's clock {argument} seconds ahead of the true time",
    "mount": "mount the shared path anew",
    "fill": "fill the file system of the shared path to the last byte",
    "free": "give that space back",
    "delegations": "print how many delegations the server has handed out",
    "drop": "drop a host's caches",
}


class Failed(Exception):
    """A command or hook did not do what it should."""


class Job:
    """A command that runs on a host; its lines as (time of arrival, text)."""

    def __init__(self, host, arguments):
        self.host = host
        self.lines = []
        self.proc = subprocess.Popen(arguments, shell=True, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     start_new_session=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for raw in self.proc.stdout:
            self.lines.append((time.monotonic(), raw.decode(errors="replace").rstrip("\n")))

    def wait(self, timeout):
        """The exit status, None when it still runs."""
        try:
            self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self.thread.join(60)
        return self.proc.returncode

    def stop(self):
        for number in (signal.SIGINT, signal.SIGKILL):
            if self.proc.poll() is None:
                os.killpg(self.proc.pid, number)
                self.wait(3)


class Hosts:
    """Hosts behind command templates."""

    pace = 3  # the load waits so many times longer between operations than on a local disk
    fetch_host = None  # where the store is read for the checker ...
    fetch_path = None  # ... and what the shared path is called there

    def __init__(self, template, names, path, hooks=None):
        self.template, self.names, self.path = template, list(names), path
        self.hooks = dict(hooks or {})
        self.version = "?"

    def can(self, hook):
        return hook in self.hooks

    def shell(self, host, command):
        return self.template.format(host=shlex.quote(host), command=shlex.quote(command))

    def start(self, host, command):
        return Job(host, self.shell(host, command))

    def run(self, host, command, timeout=60, check=True):
        """What the command prints, as bytes."""
        try:
            done = subprocess.run(self.shell(host, command), shell=True, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{host}: no answer in {timeout} s: {command}") from error
        if check and done.returncode:
            raise Failed(f"{host}: {command}: exit {done.returncode}: "
                         f"{done.stderr.decode(errors='replace')[-500:]}")
        return done.stdout

    def hook(self, name, host="", argument="", timeout=180):
        command = self.hooks[name].format(host=shlex.quote(host), argument=argument)
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout, check=False)
        if done.returncode:
            raise Failed(f"hook {name} {host}: exit {done.returncode}: "
                         f"{done.stderr.decode(errors='replace')[-500:]}")
        return done.stdout.decode(errors="replace")

    def put(self, host, source, target):
        """Copies a program to a host's own disk, by commands alone."""
        text = base64.b64encode(gzip.compress(pathlib.Path(source).read_bytes())).decode()
        for at in range(0, len(text), 90000):
            self.run(host, f"printf %s {text[at:at + 90000]} {'>>' if at else '>'} {target}.b64")
        self.run(host, f"base64 -d {target}.b64 | gunzip > {target} && chmod 755 {target}")

    def up(self, version):
        """Makes the hosts ready for that version of NFS; False when they have another one."""
        return version == "?"

    def reset(self):
        """After a run: nothing is paused, cut, dead or in another time."""

    def down(self):
        pass


class Local(Hosts):
    """All hosts are processes of this machine: the harness itself is tested so."""

    pace = 1

    def __init__(self, path, names=("a", "b", "c")):
        super().__init__("exec sh -c {command}", names, path)
        self.jobs = []
        self.hooks = {"kill": "", "start": "", "pause": "", "resume": ""}

    def start(self, host, command):
        job = super().start(host, command)
        self.jobs.append(job)
        return job

    def hook(self, name, host="", argument="", timeout=180):
        number = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
        for job in self.jobs:
            if name in number and job.host == host and job.proc.poll() is None:
                os.killpg(job.proc.pid, number[name])
        return ""

    def put(self, host, source, target):
        if not os.path.exists(target):
            shutil.copy(source, target)


class Lab(Hosts):
    """The virtual machines of nfslab: kernels of their own, a real server."""

    pace = 15  # several kernels share few processors

    def __init__(self, lab, lease=10, clients=3, disk="256M", mem=320):
        self.lab = os.path.abspath(lab)
        self.run_dir = tempfile.mkdtemp(prefix="fptc-nfslab-")
        self.lease, self.clients, self.disk, self.mem = lease, clients, disk, mem
        call = f"LAB_RUN={self.run_dir} LAB_BIND=/nonexistent {self.lab}"
        names = [f"client{i + 1}" for i in range(clients)]
        each = {name: f"{call} {name} {{host}}"
                for name in ("kill", "start", "pause", "resume", "cut", "heal", "mount")}
        super().__init__(f"exec env {call} exec {{host}} {{command}}", names, "/nfs", each | {
            "restart-server": f"{call} restart-server {{argument}}",
            "clock": f"{call} clock {{host}} {{argument}}",
            "fill": f"{call} exec server 'cat /dev/zero >>/export/filler; sync; true'",
            "free": f"{call} exec server 'rm -f /export/filler; sync'",
            "delegations": f"{call} exec server "
                           "'cat /proc/fs/nfsd/clients/*/states | grep -c \"type: deleg\"; true'",
            "drop": f"{call} exec {{host}} 'echo 3 > /proc/sys/vm/drop_caches'",
        })
        self.call = call
        self.fetch_host, self.fetch_path = "server", "/export"
        self.dead, self.cut, self.skewed, self.paused = set(), set(), set(), set()

    def control(self, words, timeout=120):
        done = subprocess.run(f"{self.call} {words}", shell=True, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=timeout, check=False)
        if done.returncode:
            raise Failed(f"lab {words}: {done.stderr.decode(errors='replace')[-500:]}")
        return done.stdout.decode(errors="replace")

    def up(self, version):
        self.down()
        os.makedirs(self.run_dir, exist_ok=True)
        self.control(f"up --clients {self.clients} --vers {version} --lease {self.lease} "
                     f"--grace {self.lease} --disk {self.disk} --mem {self.mem}")
        self.version = version
        return True

    def down(self):
        if os.path.exists(self.run_dir + "/state.json"):
            self.control("down")
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def hook(self, name, host="", argument="", timeout=180):
        if name == "restart-server":
            argument = "--soft" if argument == "soft" else ""
        out = super().hook(name, host, argument, timeout)
        marks = {"kill": self.dead, "cut": self.cut, "clock": self.skewed, "pause": self.paused}
        undone = {"start": self.dead, "heal": self.cut, "resume": self.paused}
        if name in marks:
            marks[name].add(host)
        if name in undone:
            undone[name].discard(host)
        return out

    def reset(self):
        for host in list(self.paused):
            self.hook("resume", host)
        for host in list(self.cut):
            self.hook("heal", host)
        for host in list(self.dead):
            self.hook("start", host)
        for host in list(self.skewed):
            self.hook("clock", host, "0")
        self.skewed.clear()

    def put(self, host, source, target):
        """Guests see this machine's files; a copy of its own name each time, for they cache them."""
        folder = tempfile.mkdtemp(prefix="fptc-nfs-", dir="/tmp")
        try:
            shutil.copy(source, folder + "/program")
            self.run(host, f"cp /host{folder}/program {target} && chmod 755 {target}")
        finally:
            shutil.rmtree(folder)


def find_lab(source_dir):
    """The lab's command, or None and why not."""
    name = os.environ.get("FPTC_NFSLAB")
    if not name:
        name = str(pathlib.Path(os.environ.get("FPTC_SHARED") or source_dir / "../shared",
                                "nfslab", "lab").resolve())
    if not os.access(name, os.X_OK):
        return None, f"no lab at {name} (FPTC_NFSLAB names it)"
    if os.geteuid() != 0:
        return None, "the lab needs root"
    if not os.access("/dev/net/tun", os.W_OK):
        return None, "the lab needs /dev/net/tun"
    return name, ""


def pid_of(lines):
    """The process id that a load told of itself."""
    for _, text in lines:
        match = re.fullmatch(r"pid (\d+)", text)
        if match:
            return int(match.group(1))
    return None
