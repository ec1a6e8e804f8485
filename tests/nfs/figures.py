#!/usr/bin/env python3
"""Figures on NFS, in the lab: what appends, rewrites and readers take. Nothing passes or fails here.

    tests/nfs/figures.py --lab ../shared/nfslab/lab [--build build/release] [--vers 4.2] [--rows 100000] [--readers 10]

Measured: bench_store (appends alone and together beside a bare write+fsync, a rewrite beside a copy, a
reader meanwhile); a process that opens a cache and asks for one row with cold caches; hosts that read while
one writes: how long after the acknowledgement a reader has the row, and what its questions take. The lab's
disk is memory and its system calls are dear: compare columns, not machines.
"""

import argparse
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import hosts as hosts_module  # noqa: E402
from case import Case  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def store(hosts, build, rows):
    """bench_store on a cache of so many rows."""
    host = hosts.names[0]
    for name in ("bench_dataset", "bench_store"):
        hosts.put(host, build / "tests/bench" / name, f"/tmp/{name}")
    began = time.monotonic()
    hosts.run(host, f"/tmp/bench_dataset {hosts.path}/store {rows}", 3600)
    print(f"store: {rows} rows written in {time.monotonic() - began:.1f} s")
    out = hosts.run(host, f"/tmp/bench_store {hosts.path}/store {rows}", 3600)
    print("".join(f"store: {line}\n" for line in out.decode().splitlines()), end="")


def words_of(role, first):
    """The numbers of the last line that begins so: {"median_us": 70, ...}."""
    words = role.told(first)[-1]
    return {words[i]: int(words[i + 1]) for i in range(0, len(words) - 1, 2)}


def cold(hosts, case, times=7):
    """One process after the other, each with cold caches: open and the first answer, then a warm one."""
    host = hosts.names[1]
    opened, first, warm = [], [], []
    for _ in range(times):
        hosts.hook("drop", host)
        role = case.must(case.start(host, "ask", "w1", count=200), 120)
        found = words_of(role, "asks")
        opened.append(found["open_us"])
        first.append(found["first_us"])
        warm.append(found["median_us"])
    print(f"cold: open {statistics.median(opened) / 1000:.1f} ms, first answer "
          f"{statistics.median(first) / 1000:.1f} ms, later ones {statistics.median(warm) / 1000:.2f} ms")


def quantiles(values):
    values = sorted(values)
    return f"median {values[len(values) // 2]:.1f}, p90 {values[len(values) * 9 // 10]:.1f}, " \
           f"longest {values[-1]:.1f}"


def freshness(case, writer, readers):
    """Milliseconds from the writer's acknowledgement to each reader's first sight of it."""
    acked = {}
    for _, text in writer.job.lines:
        words = text.split()
        if words[0] == "ack":
            acked[words[1]] = int(words[3])
    return [int(line[2]) - acked[line[1]] for reader in readers for line in reader.told("seen")
            if line[1] in acked and line[1] != "w1-000000"]


def many_readers(hosts, case, seconds=20):
    """One host writes ten times a second, the others ask for its row a hundred times a second."""
    readers = [case.start(host, "ask", "w1", interval_ms=10) for host in hosts.names[1:]]
    alone = case.start(hosts.names[0], "append", "w2", count=100, interval_ms=50)
    case.must(alone, 60)
    writer = case.start(hosts.names[0], "append", "w1", interval_ms=100)
    time.sleep(seconds)
    hosts.run(hosts.names[0], f"touch {case.dir}/over")
    for role in [writer, *readers]:
        case.must(role, 60)
    delays = freshness(case, writer, readers)
    answers = [words_of(reader, "asks") for reader in readers]
    print(f"readers: {len(readers)} hosts, {sum(a['asks'] for a in answers)} questions: median of "
          f"medians {statistics.median(a['median_us'] for a in answers) / 1000:.2f} ms, worst p99 "
          f"{max(a['p99_us'] for a in answers) / 1000:.1f} ms")
    print(f"readers: {len(delays)} sights; ms after the acknowledgement: {quantiles(delays)}")
    print(f"readers: an append meanwhile, ms: {quantiles([us / 1000 for *_, us in writer.parse()])}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", required=True)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--vers", default="4.2")
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--readers", type=int, default=10)
    a = parser.parse_args()
    hosts = hosts_module.Lab(a.lab, clients=a.readers + 1, disk="8G", mem=900)
    try:
        hosts.up(a.vers)
        for host in hosts.names:
            hosts.put(host, a.build / "tests/nfs/nfs_load", "/tmp/nfs_load")
        store(hosts, a.build, a.rows)
        case = Case(hosts, "figures", "/tmp/nfs_load", 0, a.build / "nfs")
        case.must(case.start(hosts.names[0], "append", "w1", count=300, pad=300), 60)
        case.must(case.start(hosts.names[0], "compact", "c1", count=1), 60)
        case.must(case.start(hosts.names[0], "append", "w1", count=20, first=300), 60)
        cold(hosts, case)
        many_readers(hosts, Case(hosts, "readers", "/tmp/nfs_load", 0, a.build / "nfs"))
    finally:
        hosts.down()


if __name__ == "__main__":
    main()
