#!/usr/bin/env python3
"""Mirrors the projects of a test site of 100,000 rows and prints what it cost.

    tests/bench/mirror.py [--rows N] [--latency MS ...] [--command PATH]

Not a test: nothing passes or fails here. The site is a Python program on the same cores, so at
latency 0 it is the slower side; `site s` is what it spent itself, to tell the two apart.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
import harness  # noqa: E402

PROJECT_TYPES = ["Shot", "Asset", "Sequence", "Task", "Version", "PublishedFile", "Note"]
SITE_TYPES = ["HumanUser", "Step", "Status", "Project", "Tag"]


def run(command, *args, env):
    """Runs the command; its document, wall seconds and peak memory in MiB."""
    start = time.monotonic()
    with subprocess.Popen([command, *args], env=env, stdout=subprocess.PIPE) as process:
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{args[0]} failed with exit code {process.returncode}")
    return json.loads(out or b"null"), time.monotonic() - start, usage.ru_maxrss / 1024, usage


def mirror(command, site, directory, projects):
    env = dict(os.environ, FPTCACHE_DIR=directory, FPTCACHE_SITE=site.url,
               FPTCACHE_SCRIPT_NAME=site.script_name, FPTCACHE_SCRIPT_KEY=site.script_key)
    subprocess.run([command, "init", directory, "--site", site.url], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    for project in projects:
        for name in PROJECT_TYPES:
            subprocess.run([command, "mirror", "add", "--type", name, "--project", str(project)],
                           env=env, check=True, stdout=subprocess.DEVNULL)
    for name in SITE_TYPES:
        subprocess.run([command, "mirror", "add", "--type", name], env=env, check=True,
                       stdout=subprocess.DEVNULL)
    before = site.counts()
    document, seconds, peak, usage = run(command, "sync", "--json", env=env)
    after = site.counts()
    requests = sum(after.values()) - sum(before.values())
    rows = sum(entry["rows"] for entry in document["types"])
    again, again_s, _, _ = run(command, "sync", "--json", env=env)
    return {"rows": rows, "seconds": seconds, "rows_per_s": rows / seconds, "requests": requests,
            "peak_mib": peak, "cpu_s": usage.ru_utime + usage.ru_stime,
            "again_requests": again["requests"], "again_s": again_s,
            "snapshot_mib": sum(os.path.getsize(os.path.join(path, name)) for path, _, names in
                                os.walk(directory) for name in names
                                if os.path.basename(path) == "files") / 2 ** 20}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--latency", type=int, nargs="*", default=[0, 330])
    parser.add_argument("--command", default=os.path.join(ROOT, "build", "release", "fptcache"))
    args = parser.parse_args()
    print("latency ms  rows     s      rows/s  requests  peak MiB  cpu s  second sync: requests  s"
          "     snapshots MiB")
    for latency in args.latency:
        with harness.Site(rows=args.rows, latency_ms=latency) as site, \
                tempfile.TemporaryDirectory() as directory:
            projects = [101, 102, 103]
            r = mirror(args.command, site, os.path.join(directory, "cache"), projects)
            print(f"{latency:10}  {r['rows']:7}  {r['seconds']:5.1f}  {r['rows_per_s']:6.0f}  "
                  f"{r['requests']:8}  {r['peak_mib']:8.1f}  {r['cpu_s']:5.1f}  "
                  f"{r['again_requests']:21}  {r['again_s']:5.1f} {r['snapshot_mib']:10.1f}", flush=True)
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"site and commands together used {own.ru_utime + own.ru_stime:.1f} s of processor time")


if __name__ == "__main__":
    main()
