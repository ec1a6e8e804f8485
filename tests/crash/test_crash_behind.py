"""A process is killed at every one of its system calls while it leaves writes in the outbox, sends what is there, or
sends a batch; whoever comes next finishes it: each accepted row is there once, no row is there twice, of a batch all
rows or none.

Seen to fail: what was sent before is sent again without being looked up, by itself and as a batch.
"""

import shutil
import time
import unittest

import crash_case
from crash_case import Store

QUIET_MS = 150


class Behind(crash_case.Case):

    def template(self):
        directory = self.directory()
        self.work(directory, "init", "mirror=Version", "sync", "create=first:1", "compact")
        return directory

    def finish(self, directory, where):
        """Others do the upkeep until nothing is left to be sent."""
        for _ in range(20):
            time.sleep(QUIET_MS / 1000 + 0.02)
            run = self.end(self.start(directory, "count", 0, f"quiet={QUIET_MS}", "maintain"))
            self.assertTrue(run.returncode == 0 or self.was_late(run), run.text)
            store = Store(directory)
            if not store.unknown():
                return store
        self.fail(f"{where}: {store.unknown()} are never finished")

    @staticmethod
    def was_late(run):
        """Half the quiet period is all the time there is from the attempt to the request."""
        return "before the request was sent" in (run.failed or "")

    def at_site(self, prefix):
        """code -> [row, ...] of the active rows whose code starts so; by no token that could expire meanwhile."""
        found = {}
        for row in self.site.rows("Version"):
            if (row["code"] or "").startswith(prefix):
                found.setdefault(row["code"], []).append(row["id"])
        return found

    def go_through(self, modes, share, judge, *words):
        template = self.template()
        named = [word.format(name="count") for word in words]
        run = self.end(self.start(self.directory(template), "count", 0, *named))
        while self.was_late(run):
            run = self.end(self.start(self.directory(template), "count", 0, *named))
        self.assertEqual(run.returncode, 0, run.text)
        trace = run.trace
        points = [(mode, k) for mode, k in self.steps(trace) if mode in modes]
        points += [("power", k) for k in self.changing(trace)] if "power" in modes else []
        points = self.some(points, share)
        n = 0
        for mode, k in points:
            name = f"zq{type(self).number}_"
            directory = self.directory(template)
            run = self.end(self.start(directory, mode, k, *(word.format(name=name) for word in words)))
            self.assertTrue(run.was_killed or run.returncode == 0 or self.was_late(run), run.text)
            where = f"killed {mode} call {k} ({trace[k - 1]})"
            n += run.was_killed
            if not (directory / "partitions/outbox").is_dir():
                self.assertEqual(run.acked, {}, where)
            store = self.finish(directory, where)
            self.assertEqual(store.problems, [], where)
            judge(run, name, self.at_site(name), where)
            shutil.rmtree(directory)
        self.say(f"killed {n} of {len(points)} times at {len(trace)} calls of {words}")
        self.assertGreater(n, 5 // crash_case.SHARE)

    def test_left(self):
        """Accepted is done in the end; what was not may be."""
        def judge(run, name, site, where):
            for code, ids in site.items():
                self.assertEqual(len(ids), 1, f"{where}: {code} is twice at the site")
            for event, code in run.tried.items():
                if event in run.acked:
                    self.assertEqual(len(site.get(code, [])), 1, f"{where}: accepted {code} is not at the site")

        self.go_through(("before", "after", "power"), 16, judge, f"quiet={QUIET_MS}", "open", "begin", "leave={name}l:3",
                        "maintain")

    def test_whole(self):
        def judge(run, name, site, where):
            counts = [len(site.get(f"{name}w.{i}", [])) for i in range(3)]
            self.assertIn(counts, ([0] * 3, [1] * 3), f"{where}: a part of the batch, or twice: {counts}")
            if run.acked:
                self.assertEqual(counts, [1] * 3, where)

        self.go_through(("before", "after"), 8, judge, f"quiet={QUIET_MS}", "open", "begin", "whole={name}w")


if __name__ == "__main__":
    unittest.main()
