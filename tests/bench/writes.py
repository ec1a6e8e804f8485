#!/usr/bin/env python3
"""What a write takes its caller: behind, through, and as a bare request to the same test site, in one run.

    tests/bench/writes.py [--times N] [--latency MS ...] [--directory DIR]

Needs PYTHONPATH=bindings/python and FPTCACHE_LIBRARY. Not a test: nothing passes or fails here. Bare is a request
on an open connection, its answer read and not parsed. --directory: where the cache is made (a file server's
directory, to have its part in it); a temporary one otherwise. Turns are taken, so that all see the same machine.
"""
import argparse
import http.client
import itertools
import json
import pathlib
import statistics
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/site"))
import harness  # noqa: E402

import fptcache  # noqa: E402

PROJECT = {"type": "Project", "id": 101}


class Bare:
    """One open connection with a token."""

    def __init__(self, site):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(site.url).netloc)
        self.headers = {"Authorization": f"Bearer {site.token()}", "Content-Type": "application/json",
                        "Accept": "application/json"}

    def call(self, method, path, data):
        self.connection.request(method, f"/api/v1{path}", json.dumps(data), self.headers)
        reply = self.connection.getresponse()
        reply.read()
        if reply.status not in (200, 201):
            raise SystemExit(f"{method} {path}: {reply.status}")

    def create(self, data):
        self.call("POST", "/entity/versions", data)

    def update(self, row_id, data):
        self.call("PUT", f"/entity/versions/{row_id}", data)


class Through:
    def __init__(self, cache, mode):
        self.cache, self.mode = cache, mode

    def create(self, data):
        self.cache.create("Version", data, write=self.mode)

    def update(self, row_id, data):
        self.cache.update("Version", row_id, data, write=self.mode)


def measure(site, directory, times):
    """{(way, verb): milliseconds}"""
    cache = fptcache.open(directory, site=site.url, script_name=site.script_name, script_key=site.script_key, hold="never",
                          environment=False)
    cache.find("Version", [["project", "is", PROJECT]], ["code", "description"])
    rows = [row["id"] for row in site.rows("Version") if row["project"]["id"] == PROJECT["id"]]
    ways = {"bare": Bare(site), "through": Through(cache, "through"), "behind": Through(cache, "behind")}
    took = {key: [] for key in itertools.product(ways, ("create", "update"))}
    numbers = itertools.count()
    for i in range(times + 3):
        for at, (name, way) in enumerate(ways.items()):
            mark = f"{name} {next(numbers)}"
            for verb, work in (("create", lambda: way.create({"project": PROJECT, "code": mark, "description": mark})),
                               ("update", lambda: way.update(rows[(3 * i + at) % len(rows)], {"description": mark}))):
                began = time.perf_counter()
                work()
                if i >= 3:      # the first ones open connections
                    took[name, verb].append((time.perf_counter() - began) * 1000)
    cache.close()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--latency", type=int, nargs="*", default=[0, 330])
    parser.add_argument("--directory")
    args = parser.parse_args()
    print("| latency of FPT, ms | | bare | through | behind |\n| --: | --- | --: | --: | --: |")
    for latency in args.latency:
        with harness.Site(rows=2000, latency_ms=latency) as site, tempfile.TemporaryDirectory(dir=args.directory) as directory:
            took = measure(site, f"{directory}/cache", args.times if latency < 50 else max(args.times // 5, 20))
        for verb in ("create", "update"):
            cells = []
            for name in ("bare", "through", "behind"):
                all_of = sorted(took[name, verb])
                cells.append(f"{statistics.median(all_of):.2f}, {all_of[int(len(all_of) * 0.99)]:.2f}")
            print(f"| {latency} | {verb}: median, p99 of {len(all_of)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
