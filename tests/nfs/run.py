#!/usr/bin/env python3
"""Runs the load of several hosts in one directory, does harm to them, and checks what is left.

On real hosts, given how a command is run on one and a directory that all of them have mounted:

    tests/nfs/run.py --hosts 'ssh {host} {command}' --host a --host b --host c --path /mnt/x \\
        [--hook kill='ipmitool -H {host}-bmc chassis power off' --hook start=... ...]

In the lab (virtual machines with kernels of their own; root):     tests/nfs/run.py --lab ../shared/nfslab/lab
All "hosts" as processes of this machine, to try the harness:      tests/nfs/run.py --local /tmp/x

Hooks are commands with {host} and {argument}; a scenario whose hook is missing is skipped by name.
The directory must be empty or not exist; three hosts are wanted. The table of results goes to the standard
output and, with what proved each run's trigger, as TSV to the folder --keep, where the store and every
process's words stay of each run that failed.
"""

import argparse
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import case as case_module  # noqa: E402
import hosts as hosts_module  # noqa: E402
import scenarios  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = ("scenario", "version", "run", "triggers", "acknowledged", "lost", "duplicated", "torn", "answers",
           "failed_reads", "longest_append_ms", "seconds", "result", "proof", "problems")
HEADS = ("scenario", "NFS", "caches", "times", "acknowledged", "lost", "duplicated", "torn reads",
         "longest append, ms", "failed runs")


class Campaign:
    def __init__(self, hosts, program, keep, pause_s, rounds=1):
        self.hosts, self.program, self.pause_s, self.rounds = hosts, program, pause_s, rounds
        self.keep = pathlib.Path(keep)
        self.keep.mkdir(parents=True, exist_ok=True)
        self.remote = f"/tmp/nfs_load.{random.randrange(1 << 32):08x}"
        self.tsv = (self.keep / "runs.tsv").open("a", encoding="utf-8")
        if self.tsv.tell() == 0:
            print(*COLUMNS, sep="\t", file=self.tsv, flush=True)
        self.results, self.n_calls = [], {}

    def install(self, host):
        self.hosts.put(host, self.program, self.remote)

    def up(self, version):
        self.hosts.up(version)
        for host in self.hosts.names:
            self.install(host)
        self.n_calls = {}

    def new_case(self, name, number):
        case = case_module.Case(self.hosts, f"{name}-{random.randrange(1 << 32):08x}", self.remote,
                                number, self.keep)
        case.install, case.pause_s, case.calls = self.install, self.pause_s, self.calls
        case.n_rounds = self.rounds
        return case

    def calls(self, role):
        """How many system calls the second operation of a role makes here."""
        if not self.n_calls:
            self.count_calls()
        return self.n_calls[role]

    def count_calls(self):
        case = self.new_case("calls", 0)
        host = self.hosts.names[0]
        for role, name in (("append", "w1"), ("compact", "c1"), ("rollup", "u1"),
                           ("append", "w2"), ("delete", "d1")):
            more = {"grace_ms": 1, "age": 1} if role == "delete" else {}
            found = case.start(host, role, name, count=2, stop_op=2, stop_call=0,
                               interval_ms=50, **more)
            if role in ("compact", "rollup"):  # there must be something to fold
                case.start(host, "append", f"w{len(case.roles)}", count=20, interval_ms=20)
            case.must(found, 60)
            words = {line[1]: int(line[3]) for line in found.told("op")}
            if "2" not in words:
                raise hosts_module.Failed(f"{role} on {host} told of no second operation: "
                                          f"{[text for _, text in found.job.lines]}")
            self.n_calls[role] = words["2"]
        case.finish()
        case.remove()

    def run(self, scenario, number):
        name = scenario.__name__
        began, problems, case = time.monotonic(), [], None
        try:
            case = self.new_case(name, number)
            scenario(case)
        except (hosts_module.Failed, OSError) as error:
            problems.append(f"harness: {error}")
        finally:
            self.end(case)
        if case:
            problems += case.problems
        row = self.row(case, problems) | {
            "scenario": name, "version": self.hosts.version, "run": number,
            "seconds": round(time.monotonic() - began, 1)}
        self.results.append(row)
        print(*(str(row[c]).replace("\t", " ") for c in COLUMNS), sep="\t", file=self.tsv, flush=True)
        if case:
            if problems:
                case.problems = problems
                print(f"   kept in {case.keep_words()}", flush=True)
            case.remove()
        return row

    def end(self, case):
        for role in case.roles if case else []:
            role.job.stop()
        try:
            self.hosts.reset()
        except hosts_module.Failed as error:
            print(f"   {error}; made anew", flush=True)
            self.up(self.hosts.version)

    @staticmethod
    def row(case, problems):
        answers, torn, back, failed = case.readers() if case else (0, 0, 0, 0)
        found = [p.split(":")[0] for p in problems]
        return {"triggers": case.triggers if case else 0,
                "acknowledged": getattr(case, "acknowledged", 0),
                "lost": found.count("lost"), "duplicated": found.count("twice"),
                "torn": torn + back + found.count("torn") + found.count("damaged"),
                "answers": answers, "failed_reads": failed,
                "longest_append_ms": round(case.longest_append() / 1000, 1) if case else 0,
                "result": "failed" if problems else "passed",
                "proof": "; ".join(case.proofs) if case else "",
                "problems": " | ".join(problems)[:2000]}


def read_rows(paths):
    """The rows of TSV files of earlier runs."""
    rows = []
    for path in paths:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
        for line in lines[1:]:
            row = dict(zip(lines[0].split("\t"), line.split("\t")))
            for name in ("triggers", "acknowledged", "lost", "duplicated", "torn"):
                row[name] = int(row[name])
            row["longest_append_ms"] = float(row["longest_append_ms"])
            rows.append(row)
    return rows


def table(rows):
    """Markdown: a line for each scenario and version."""
    groups = {}
    for row in rows:
        groups.setdefault((row["scenario"], row["version"]), []).append(row)
    lines = ["| " + " | ".join(HEADS) + " |", "| --- | --- |" + " --: |" * 8]
    order = [s.__name__ for s in scenarios.LIST]
    for (name, version), group in sorted(groups.items(), key=lambda g: (order.index(g[0][0]), g[0][1])):
        cells = [scenarios.LIST[order.index(name)].title, version, len(group)]
        cells += [sum(r[c] for r in group) for c in ("triggers", "acknowledged", "lost", "duplicated", "torn")]
        cells += [f"{max(r['longest_append_ms'] for r in group):,.0f}",
                  sum(r["result"] == "failed" for r in group)]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--hosts", metavar="TEMPLATE", help="how to run {command} on {host}")
    where.add_argument("--lab", metavar="COMMAND", help="the command of nfslab")
    where.add_argument("--local", metavar="DIR", help="processes of this machine, in DIR")
    parser.add_argument("--host", action="append", default=[], help="a host's name; three times")
    parser.add_argument("--path", help="the directory, as the hosts call it")
    parser.add_argument("--hook", action="append", default=[], metavar="NAME=COMMAND",
                        help="; ".join(f"{k}: {v}" for k, v in hosts_module.HOOKS.items()))
    parser.add_argument("--vers", default="4.2,3", help="versions that the lab mounts")
    parser.add_argument("--scenario", action="append", default=[], help="all; --list names them")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1, help="how often a run does its harm to one cache")
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--lease", type=int, default=10, help="seconds, of the lab's server")
    parser.add_argument("--pause", type=float, default=28, metavar="S",
                        help="how long a host is paused or parted: longer than lease and grace")
    parser.add_argument("--seconds", type=float, default=0, help="begin no run after so long")
    parser.add_argument("--program", default=ROOT / "build/ci/tests/nfs/nfs_load")
    parser.add_argument("--keep", default=ROOT / "build/nfs")
    parser.add_argument("--list", action="store_true", help="name the scenarios and what they need")
    parser.add_argument("--report", nargs="+", metavar="TSV", help="only the table, of earlier runs")
    return parser.parse_args()


def make_hosts(a):
    if a.lab:
        return hosts_module.Lab(a.lab, lease=a.lease), a.vers.split(",")
    if a.local:
        pathlib.Path(a.local).mkdir(parents=True, exist_ok=True)
        return hosts_module.Local(a.local), ["?"]
    hooks = dict(hook.split("=", 1) for hook in a.hook)
    if not a.hosts:
        sys.exit("run.py: say where: --hosts, --lab or --local; see --help")
    unknown = set(hooks) - set(hosts_module.HOOKS)
    if unknown or not a.path or len(a.host) < 3:
        sys.exit(f"run.py: --hosts wants --path and --host three times; unknown hooks: {unknown or 'none'}")
    return hosts_module.Hosts(a.hosts, a.host, a.path, hooks), ["?"]


def run_version(campaign, chosen, a, version, end):
    campaign.up(version)
    for number in range(a.first, a.first + a.runs):
        for scenario in chosen:
            if time.monotonic() > end:
                return
            row = campaign.run(scenario, number)
            print(f"{row['result']} {row['scenario']} {version} run {number}: {row['seconds']} s, "
                  f"{row['acknowledged']} acknowledged; {row['proof']} {row['problems']}", flush=True)


def main():
    a = arguments()
    if a.list:
        for scenario in scenarios.LIST:
            print(f"{scenario.__name__:14} {scenario.title}; needs {', '.join(scenario.needs) or 'nothing'}")
        return 0
    if a.report:
        print(table(read_rows(a.report)))
        return 0
    chosen = [s for s in scenarios.LIST if not a.scenario or s.__name__ in a.scenario]
    hosts, versions = make_hosts(a)
    campaign = Campaign(hosts, a.program, a.keep, a.pause, a.rounds)
    for scenario in chosen:
        missing = [hook for hook in scenario.needs if not hosts.can(hook)]
        if missing:
            print(f"skipped {scenario.__name__}: no hook {', '.join(missing)}")
    chosen = [s for s in chosen if all(hosts.can(hook) for hook in s.needs)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the lab goes down with us
    end = time.monotonic() + a.seconds if a.seconds else float("inf")
    try:
        for version in versions:
            run_version(campaign, chosen, a, version, end)
    finally:
        hosts.down()
    print("\n" + table(campaign.results))
    return 1 if any(row["result"] == "failed" for row in campaign.results) else 0


if __name__ == "__main__":
    sys.exit(main())
