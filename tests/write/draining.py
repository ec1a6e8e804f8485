#!/usr/bin/env python3
"""What waits in the outbox, and how it goes to FPT: a burst of writers, and writers while FPT is down.

    tests/write/draining.py burst [--processes 50] [--each 20] [--mode behind|through]
    tests/write/draining.py outage [--seconds 60] [--processes 10] [--quiet 10] [--kind html-503|reset|stop]

`outage` is scaled: an hour of FPT's absence with a quiet period of ten minutes, sixty times as fast; the holder's
back-off is not (at most a minute, so that it may stand still for as long as FPT was away). Both end with the oracle of
campaign.py. The last line is a report as JSON.
"""

import argparse
import json
import os
import statistics
import sys
import time

import campaign


class Draining(campaign.Campaign):
    """A site, a cache and their processes, without the harm of the campaign."""

    def begin(self):
        self.start_site()
        self.prepare()
        self.site.reset_requests()

    def writer(self, number, **more):
        told = {**self.how, "name": f"p{number}", "seed": self.a.seed * 1000 + number, **more}
        return self.hosts.all.start("h1", self.hosts.command("worker.py", told))

    def hold(self):
        self.holder = self.hosts.all.start("h1", self.hosts.command("holder.py", self.how))

    def cache(self):
        import fptcache
        return fptcache.open(self.hosts.directory, site=self.site.url, script_name=self.site.script_name,
                             script_key=self.site.script_key, hold="never", quiet=self.a.quiet, environment=False)

    def wait_empty(self, cache, patience_s=600):
        """Until nothing waits any more; how many waited at the beginning."""
        end, first = time.monotonic() + patience_s, None
        while True:
            waits = sum(each["state"] in ("pending", "unknown") for each in cache.outbox("open", limit=10000))
            first = waits if first is None else first
            if waits == 0 or time.monotonic() > end:
                return first
            time.sleep(0.05)

    def took(self, jobs):
        """What the writers say they took, together."""
        told = [json.loads(text) for job in jobs for _, text in job.lines if text.startswith("{")]
        assert len(told) == len(jobs), [job.lines for job in jobs if not any(t.startswith("{") for _, t in job.lines)][:3]
        out = {"unread": sum(each["unread"] for each in told)}
        for name in ("write_ms", "read_ms"):
            all_of = sorted(ms for each in told for ms in each[name])
            if all_of:
                out[name] = {"median": round(statistics.median(all_of), 2), "p99": round(all_of[int(len(all_of) * 0.99)], 2),
                             "n": len(all_of)}
        return out

    def judged(self, report):
        self.holder.stop()
        judge, _, more = self.judge()
        report.update(problems=more["problems"], counts=more["counts"])
        return [*judge.problems], report

    def burst(self):
        """(problems, report)"""
        a = self.a
        self.begin()
        self.hold()
        cache = self.cache()
        began = time.monotonic()
        jobs = [self.writer(i, count=a.each, kinds=[a.mode], plain=True) for i in range(a.processes)]
        for job in jobs:
            job.wait(300)
        wrote_s = time.monotonic() - began
        self.wait_empty(cache)
        all_s, counts = time.monotonic() - began, self.site.counts()
        cache.close()
        n = a.processes * a.each
        sent = sum(counts.get(kind, 0) for kind in ("create", "update", "delete", "revive", "batch"))
        return self.judged({"mutations": n, "mode": a.mode, "requests": counts, "writing requests": sent,
                            "writing requests per mutation": round(sent / n, 4),
                            "all requests per mutation": round((sum(counts.values()) - counts.get("auth", 0)) / n, 4),
                            "seconds": {"until written": round(wrote_s, 1), "until empty": round(all_s, 1)},
                            "took": self.took(jobs)})

    def lose_fpt(self, away):
        if self.a.kind == "stop":
            self.site.stop() if away else self.site.start()
        elif away:
            self.site.faults([{"kind": self.a.kind, "times": -1, "match": "/api/"}])
        else:
            self.site.clear_faults()

    def outage(self):
        """(problems, report)"""
        a = self.a
        self.begin()
        self.hold()
        cache = self.cache()
        jobs = [self.writer(i, kinds=["behind"], plain=True, pause_s=a.pause, reads=True) for i in range(a.processes)]
        time.sleep(min(5, a.seconds / 4))
        self.lose_fpt(True)
        if a.kind != "stop":
            self.site.reset_requests()
        before = self.collector.n_mutations
        time.sleep(a.seconds)
        written = self.collector.n_mutations - before
        seen = 0 if a.kind == "stop" else self.site.total()
        self.collector.target = 0       # everybody ends
        for job in jobs:
            job.wait(60)
        self.lose_fpt(False)
        self.site.reset_requests()
        back, first = time.monotonic(), None
        while first is None and time.monotonic() < back + 120:
            first = next((entry["at"] for entry in self.site.requests()["log"]
                          if entry["kind"] in ("create", "update", "delete", "revive", "batch", "search")), None)
            time.sleep(0.02)
        silent_s = time.monotonic() - back
        waited = self.wait_empty(cache)
        drained_s = time.monotonic() - back
        log, counts = self.site.requests()["log"], self.site.counts()
        cache.close()
        return self.judged({"FPT away": a.seconds, "kind": a.kind, "quiet": a.quiet, "written meanwhile": written,
                            "requests that FPT did not answer": seen, "waited when FPT came back": waited,
                            "seconds from then": {"to the first request": round(silent_s, 1), "to empty": round(drained_s, 1)},
                            "requests of draining": counts, "at once, at most": at_once(log), "took": self.took(jobs)})


    def end(self):
        for job in self.hosts.all.jobs if self.hosts else []:
            job.stop()
        super().end()


def at_once(log):
    """The most requests that were under way at one moment."""
    edges = sorted([(each["at"], 1) for each in log] + [(each["at"] + each["ms"] / 1000, -1) for each in log],
                   key=lambda edge: (edge[0], edge[1]))
    most = now = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("what", choices=("burst", "outage"))
    add("--processes", type=int)
    add("--each", type=int, default=20)
    add("--mode", default="behind", choices=("behind", "through"))
    add("--seconds", type=float, default=60)
    add("--pause", type=float, default=0.5, help="seconds between the writes of a process")
    add("--kind", default="html-503", choices=("html-503", "reset", "stop"))
    add("--quiet", type=float, default=10)
    add("--build", default=campaign.ROOT / "build/dev")
    add("--seed", type=int, default=1)
    own = parser.parse_args(argv)
    own.processes = own.processes or (50 if own.what == "burst" else 10)
    a = campaign.arguments(["--build", str(own.build), "--seed", str(own.seed), "--quiet", str(own.quiet), "--hosts", "1",
                            "--mutations", str(10**9), "--deadline", "30"])
    vars(a).update(vars(own))
    return a


def main():
    a = arguments()
    os.environ.setdefault("FPTCACHE_LIBRARY", os.path.abspath(os.path.join(a.build, "libfptcache.so")))
    sys.path.insert(0, str(campaign.ROOT / "bindings/python"))
    draining = Draining(a)
    try:
        problems, report = getattr(draining, a.what)()
    finally:
        draining.end()
    for kind, text in problems[:20]:
        print(f"{kind}: {text[:1000]}")
    print(json.dumps(report))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
