#!/usr/bin/env python3
"""The same questions by the official client and by fptcache.Shotgun, on one test site in one run.

    tests/bench/official.py [--rows N] [--times N] [--latency MS ...]

Needs shotgun_api3 (. tests/packages.sh; fptc_need_python build/python), PYTHONPATH=bindings/python and
FPTCACHE_LIBRARY. Not a test: nothing passes or fails here. Visits are the site's own counts.
"""
import argparse
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/site"), str(ROOT / "build/python")]
import harness  # noqa: E402
import shotgun_api3  # noqa: E402

import fptcache  # noqa: E402

PROJECT = {"type": "Project", "id": 101}
IN_PROJECT = ["project", "is", PROJECT]
MIRRORED = ("Shot", "Sequence", "Asset", "Task", "Version")
SITE_WIDE = ("Project", "HumanUser", "Step", "Status")


def questions(shots, assets):
    """(name, question of the n-th time) for one client."""
    def shot(n):
        return {"type": "Shot", "id": shots[n % len(shots)]}

    return [
        ("find_one by id", lambda sg, n: sg.find_one("Shot", [["id", "is", shot(n)["id"]], IN_PROJECT],
                                                     ["code", "sg_status_list", "sg_sequence"])),
        ("versions of a shot, latest 10", lambda sg, n: sg.find(
            "Version", [IN_PROJECT, ["entity", "is", shot(n)]], ["code", "created_at"],
            [{"field_name": "created_at", "direction": "desc"}], limit=10)),
        ("shots of an asset", lambda sg, n: sg.find(
            "Shot", [IN_PROJECT, ["assets", "is", {"type": "Asset", "id": assets[n % len(assets)]}]], ["code"])),
        ("tasks by a linked field", lambda sg, n: sg.find(
            "Task", [IN_PROJECT, ["entity.Shot.sg_sequence.Sequence.code", "contains", f"{n % 10}"]],
            ["content", "entity", "task_assignees"])),
        ("all shots, six fields", lambda sg, n: sg.find(
            "Shot", [IN_PROJECT], ["code", "sg_status_list", "sg_sequence", "assets", "sg_cut_in", "description"])),
        ("count by status", lambda sg, n: sg.summarize(
            "Task", [IN_PROJECT], [{"field": "id", "type": "count"}],
            grouping=[{"field": "sg_status_list", "type": "exact", "direction": "asc"}])),
    ]


def measure(site, client, ask, times):
    """(median milliseconds, visits a question)"""
    ask(client, 0)
    before = sum(site.counts().values())
    took = []
    for n in range(times):
        start = time.perf_counter()
        ask(client, n)
        took.append(time.perf_counter() - start)
    return 1000 * statistics.median(took), (sum(site.counts().values()) - before) / times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--latency", type=int, nargs="*", default=[0, 330])
    options = parser.parse_args()
    with harness.Site(rows=options.rows) as site, tempfile.TemporaryDirectory() as directory:
        account = (site.url, site.script_name, site.script_key)
        official = shotgun_api3.Shotgun(*account)
        ours = fptcache.Shotgun(*account, cache_dir=directory, max_age=3600)
        for name in MIRRORED:
            ours.cache.mirror_add(name, PROJECT["id"])
        for name in SITE_WIDE:
            ours.cache.mirror_add(name)
        ours.cache.sync()
        ours.cache.compact()
        shots, assets = ([row["id"] for row in ours.find(kind, [IN_PROJECT])] for kind in ("Shot", "Asset"))
        for latency in options.latency:
            site.latency(latency)
            times = options.times if latency == 0 else max(5, options.times // 20)
            print(f"\nlatency of the site {latency} ms, {options.rows} rows, {times} times each\n")
            print("| question | official ms | visits | fptcache ms | visits | times faster |\n|---|---|---|---|---|---|")
            for name, ask in questions(shots, assets):
                theirs = measure(site, official, ask, times)
                mine = measure(site, ours, ask, times)
                print(f"| {name} | {theirs[0]:.2f} | {theirs[1]:.1f} | {mine[0]:.3f} | {mine[1]:.1f} "
                      f"| {theirs[0] / mine[0]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
