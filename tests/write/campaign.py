#!/usr/bin/env python3
"""Many processes write through one cache while FPT, the processes and their hosts fail at random; then the end is judged.

    tests/write/campaign.py [--mutations N] [--writers N] [--seed N] [--kinds through,behind,batch] [--marker]
    tests/write/campaign.py --lab ../shared/nfslab/lab --mutations 20000 --writers 16

Without --lab all hosts are processes of this machine, each with its own crew. The journal, the site's rows and every
process's words stay in --keep when something is wrong. The last line is the oracle's report as JSON.
"""

import argparse
import ctypes
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("nfs", "site"):
    sys.path.insert(0, str(ROOT / "tests" / folder))
sys.path.insert(0, str(HERE))
import harness  # noqa: E402
import hosts as hosts_module  # noqa: E402
import oracle  # noqa: E402
from collector import Collector  # noqa: E402

WRITES = "^(POST|PUT|DELETE) .*/entity/(?!.*_(search|summarize|upload))"
LOGINS = "/auth/access_token"
PROGRAMS = ("prepare.py", "worker.py", "crew.py", "holder.py", "auditor.py", "relay.py")
TYPES = ("Shot", "Version", "Asset", "EventLogEntry")
PROJECT = {"type": "Project", "id": 101}


def rates(late_ms):
    """What strikes a write, and how often. The late ones come within the quiet period."""
    late = [50, late_ms]
    return {"504-after-commit": 0.015, "reset-after-commit": 0.015, "truncate": 0.01, "late-commit": (0.01, late),
            "late-commit-reset": (0.005, late), "latency": (0.03, late), "504": 0.01, "reset": 0.01, "502": 0.005, "503": 0.005,
            "html-503": 0.005, "429": 0.01, "expire-token": 0.01, "hang": (0.005, [50, late_ms])}


class Hosts:
    """What the campaign needs of its hosts, beside what tests/nfs/hosts.py does for all."""

    def __init__(self, a, folder):
        self.is_lab = bool(a.lab)
        self.relays = []
        self.folder = folder
        if self.is_lab:
            self.all = hosts_module.Lab(a.lab, lease=10, clients=a.hosts, disk="1G", mem=400)
            self.all.up(a.vers)
            self.enter()
            self.directory, self.root = "/nfs/cache", "/host"
        else:
            self.all = hosts_module.Local(str(folder), [f"h{i + 1}" for i in range(a.hosts)])
            self.directory, self.root = str(folder / "cache"), ""

    def enter(self):
        """Into the lab's network: what is started from here is what its machines can reach."""
        name = "nfslab-" + hashlib.md5(self.all.run_dir.encode()).hexdigest()[:6]
        handle = os.open(f"/run/netns/{name}", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(handle, 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(handle)

    def stage(self, build):
        """The programs and the library, as every host finds them."""
        target = self.folder / "programs"
        target.mkdir()
        for name in PROGRAMS:
            shutil.copy(HERE / name, target)
        shutil.copy(oracle.__file__, target)
        shutil.copytree(ROOT / "bindings/python/fptcache", target / "fptcache", ignore=shutil.ignore_patterns("__pycache__"))
        library = os.environ.get("FPTCACHE_LIBRARY") or str(next(pathlib.Path(build).glob("libfptcache.so")))
        shutil.copy(library, target / "libfptcache.so")
        self.programs = f"{self.root}{target}"

    def command(self, program, told):
        words = f"env FPTCACHE_LIBRARY={self.programs}/libfptcache.so PYTHONPATH={self.programs} PYTHONDONTWRITEBYTECODE=1 "
        text = json.dumps(told).replace("'", "'\\''")
        return f"exec {words}{sys.executable if not self.is_lab else 'python3'} -B {self.programs}/{program} '{text}'"

    def connect(self, host, *ports):
        """These ports of ours are on the host's own loopback address, too."""
        if not self.is_lab:
            return
        number = 11 + self.all.names.index(host)
        words = " ".join(f"{port} 10.78.{number}.1:{port}" for port in ports)
        job = self.all.start(host, f"exec python3 -B {self.programs}/relay.py {words}")
        self.relays.append(job)
        end = time.monotonic() + 30
        while sum(text.startswith("relays") for _, text in job.lines) < len(ports):
            if time.monotonic() > end:
                raise hosts_module.Failed(f"no relay on {host}: {job.lines}")
            time.sleep(0.05)


class Campaign:
    def __init__(self, a):
        self.a, self.random = a, random.Random(a.seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fptc-writing-"))
        self.crews, self.said, self.n_host_kills, self.generation = {}, [], 0, 0
        self.site = self.collector = self.hosts = None

    # -- beginning

    def start_site(self):
        """The hosts, FPT and the journal."""
        a = self.a
        self.hosts = Hosts(a, self.folder)
        self.hosts.stage(a.build)
        self.site = harness.Site(rows=a.rows, seed=a.seed, **({"listen": "0.0.0.0"} if self.hosts.is_lab else {}))
        self.site.start()
        if a.marker:
            for kind in ("Shot", "Version"):
                self.site.control("POST", "/schema", {"add": {"type": kind, "name": "sg_event", "data_type": "text"}})
        mine = {kind: [row["id"] for row in self.site.rows(kind) if (row.get("project") or {}).get("id") == 101]
                for kind in ("Version", "Asset")}
        self.shared = mine["Version"][:6]
        self.collector = Collector(a.mutations, {"shared": self.shared, "members": mine["Asset"][:40]},
                                   "0.0.0.0" if self.hosts.is_lab else "127.0.0.1")
        self.how = {"directory": self.hosts.directory, "site": self.site.url, "journal": self.collector.port,
                    "script_name": self.site.script_name, "script_key": self.site.script_key, "quiet": a.quiet,
                    "deadline": a.deadline, "kinds": a.kinds.split(","), "round_s": a.round_s,
                    "marker": "sg_event" if a.marker else None, "seed": a.seed}
        for host in self.hosts.all.names:
            self.hosts.connect(host, self.site.port, self.collector.port)

    def start(self):
        a = self.a
        self.start_site()
        self.prepare()
        self.site.random_faults(rates(a.late_ms), WRITES, a.seed, retry_after=1)
        self.site.faults([{"kind": "502", "times": -1, "probability": 0.005, "match": "_search"},
                          {"kind": "503", "times": -1, "probability": 0.01, "match": LOGINS}])
        for host in self.hosts.all.names:
            self.start_crew(host)

    def prepare(self):
        """What is written to is in the cache, as it is where people work."""
        self.run_one("prepare.py", {}, 120)

    def run_one(self, program, more, timeout):
        host = self.hosts.all.names[0]
        out = self.hosts.all.run(host, self.hosts.command(program, {**self.how, **more}), timeout)
        return out.decode(errors="replace")

    def start_crew(self, host):
        self.generation += 1
        n = len(self.hosts.all.names)
        share = self.a.writers // n + (self.hosts.all.names.index(host) < self.a.writers % n)
        told = {"writers": share, "kill_writer_s": self.a.kill_writer_s, "kill_holder_s": self.a.kill_holder_s,
                "seed": self.a.seed * 1000 + self.generation, "host": host, "how": self.how, "programs": self.hosts.programs}
        self.crews[host] = self.hosts.all.start(host, self.hosts.command("crew.py", told))

    # -- harm

    def kill_host(self, host):
        job = self.crews[host]
        self.hosts.all.hook("kill", host)
        self.n_host_kills += 1
        job.wait(10)
        job.stop()
        self.said.append(job)
        if self.hosts.is_lab:
            self.hosts.all.hook("start", host)
            self.hosts.connect(host, self.site.port, self.collector.port)
        self.start_crew(host)

    def touch(self):
        """Somebody at FPT itself changes what many write to."""
        self.site.touch("Version", self.random.choice(self.shared), {"description": f"artist {time.monotonic_ns()}"})

    def work(self):
        """Until everybody has written enough."""
        end = time.monotonic() + self.a.seconds
        next_kill = time.monotonic() + self.a.kill_host_s * self.random.uniform(0.5, 1.5)
        next_touch, shown = 0, time.monotonic()
        while any(job.proc.poll() is None for job in self.crews.values()):
            now = time.monotonic()
            if now > end:
                self.collector.target = 0
            if now > end + 120:
                raise hosts_module.Failed(f"no end in {self.a.seconds} s: {self.collector.n_mutations} mutations; "
                                          f"{[job.lines[-3:] for job in self.crews.values()]}")
            if self.a.kill_host_s and now > next_kill and self.collector.n_mutations < self.collector.target:
                self.kill_host(self.random.choice(self.hosts.all.names))
                next_kill = time.monotonic() + self.a.kill_host_s * self.random.uniform(0.5, 1.5)
            if now > next_touch:
                self.touch()
                next_touch = now + 1
            if now > shown + 20:
                print(f"   {self.collector.n_mutations} mutations, {self.n_host_kills} hosts killed", flush=True)
                shown = now
            time.sleep(0.05)
        self.said += self.crews.values()
        for job in self.crews.values():
            if job.wait(10) != 0:
                raise hosts_module.Failed(f"the crew of {job.host} failed: {[text for _, text in job.lines[-15:]]}")

    # -- the end

    def judge(self):
        fired = {each["kind"]: each["fired"] for each in self.site.control("GET", "/faults")}
        self.site.clear_faults()
        while self.site.late_commits()["waiting"]:
            time.sleep(0.05)
        said = self.run_one("auditor.py", {"patience_s": self.a.patience_s}, self.a.patience_s + 600)
        rows = {kind: (self.site.rows(kind), self.site.rows(kind, retired=True)) for kind in TYPES}
        judge = oracle.Oracle(self.collector.lines, rows)
        judge.judge()
        report = judge.report()
        lines = [text for job in self.said for _, text in job.lines]
        report["harm"] = {"faults": fired, "hosts killed": self.n_host_kills,
                          **{f"{what}s killed": lines.count(f"killed {what}") for what in ("writer", "holder")}}
        report["requests"] = self.site.counts()
        report["said"] = said.strip()
        failed = [text for text in lines if text.startswith("failed")]
        if failed:
            judge.problems.append(("harness", f"{failed[:3]} {lines[:20]}"))
        return judge, rows, report

    def keep(self, problems, rows):
        """Everything that a person needs to look into it."""
        target = pathlib.Path(self.a.keep, self.folder.name)
        target.mkdir(parents=True, exist_ok=True)
        (target / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in self.collector.lines))
        (target / "rows.json").write_text(json.dumps(rows))
        (target / "problems.txt").write_text("\n".join(f"{kind}: {text}" for kind, text in problems) + "\n")
        (target / "words.txt").write_text("\n".join(f"{job.host} {text}" for job in self.said for _, text in job.lines))
        if not self.hosts.is_lab:
            shutil.copytree(self.folder / "cache", target / "cache", symlinks=True, dirs_exist_ok=True)
        return target

    def end(self):
        for job in [*self.crews.values(), *(self.hosts.relays if self.hosts else ())]:
            job.stop()
        if self.site:
            self.site.__exit__()
        if self.collector:
            self.collector.close()
        if self.hosts:
            self.hosts.all.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self):
        """(problems, report)"""
        began = time.monotonic()
        try:
            self.start()
            self.work()
            wrote_s = time.monotonic() - began
            judge, rows, report = self.judge()
            report["seconds"] = {"writing": round(wrote_s, 1), "all": round(time.monotonic() - began, 1)}
            if judge.problems:
                print("   kept in", self.keep(judge.problems, rows), flush=True)
            return judge.problems, report
        except hosts_module.Failed as error:
            print("   kept in", self.keep([("harness", str(error))], {}), flush=True)
            raise
        finally:
            self.end()


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--lab", help="nfslab's command: virtual machines and real NFS")
    add("--vers", default="4.2")
    add("--hosts", type=int, default=3)
    add("--writers", type=int, default=16)
    add("--mutations", type=int, default=2000)
    add("--kinds", default="through,behind,batch")
    add("--marker", action="store_true", help="the site has a field that takes event ids")
    add("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    add("--rows", type=int, default=600)
    add("--quiet", type=float, default=2.0)
    add("--deadline", type=float, default=1.5)
    add("--late-ms", type=int, default=700)
    add("--round-s", type=float, default=0.5)
    add("--kill-writer-s", type=float, default=3.0)
    add("--kill-holder-s", type=float, default=4.0)
    add("--kill-host-s", type=float, default=20.0)
    add("--seconds", type=float, default=600.0, help="that is enough, however many mutations it were")
    add("--patience-s", type=float, default=120.0, help="for finishing what is open")
    add("--build", default=ROOT / "build/dev")
    add("--keep", default=ROOT / "build/writing")
    return parser.parse_args(argv)


def main():
    a = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print("seed", a.seed, flush=True)
    problems, report = Campaign(a).run()
    for kind, text in problems[:40]:
        print(f"{kind}: {text[:1500]}")
    print(json.dumps(report))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
