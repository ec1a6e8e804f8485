"""A writer is killed at each of its steps; another process of the same identity finishes what it left.

The judge is tests/crash's: commits decoded without the library, and the site's own rows.
"""

import time
import unittest

import writetest  # noqa: F401  (puts tests/crash on the path)
import crash_case
from crash_case import ATTEMPTED, SETTLED, Store

import fptcache

QUIET = 0.7


class Killed(crash_case.Case):
    def keeper(self, directory):
        cache = fptcache.open(str(directory), script_name=self.site.script_name, script_key=self.site.script_key,
                              hold="never", quiet=QUIET, refresh=0)
        self.addCleanup(cache.close)
        return cache

    def finish(self, directory, how, events):
        """Somebody finishes these creates: event -> code."""
        time.sleep(QUIET + 0.05)
        cache = self.keeper(directory)
        if how == "maintain":
            cache.maintain()
        else:
            for event, code in events.items():
                cache.create("Version", self.data(code), event_id=event)
        cache.close()

    @staticmethod
    def data(code):
        """As tests/crash/ops.c creates it."""
        return {"project": {"type": "Project", "id": 101}, "code": code, "description": f"of {code}"}

    def prepared(self):
        """A directory in which the same calls have the same numbers for a while."""
        directory = self.directory()
        self.work(directory, "init", "mirror=Version", "sync")
        for at in range(crash_case.BASES):
            self.work(directory, f"create=base{self.number}_{at}:1", "compact")
        return directory

    def points_of(self, trace, share):
        """(mode, k) around each request and each commit, and around 1/share of the other changes."""
        changing = self.changing(trace)
        tried = set(changing if crash_case.LONG else changing[self.random.randrange(share)::share])
        tried |= {k for k in changing if trace[k - 1] in ("send!", "link!")}
        self.assertIn("send!", trace)
        return [(mode, k) for k in sorted(tried) for mode in ("before", "after")]

    def test_every_step(self):
        """Before and after calls of a create that change something, here or at FPT."""
        directory = self.prepared()
        trace = self.work(directory, "create=count:1", "begin", "create=counted:1").trace
        left, n_sent, events = {}, 0, {}
        for at, (mode, k) in enumerate(self.points_of(trace, 3)):
            if at % crash_case.COMPACT_EVERY == 0:
                self.work(directory, "compact")
            name = f"zq{mode[0]}{k}_"
            run = self.run_writer(directory, mode, k, f"create={name}w:1", "begin", f"create={name}v:1")
            self.assertTrue(run.was_killed, f"{mode} {k}")
        store = Store(directory)
        for code, event in self.events.items():
            state = store.mutations.get(event, {"state": None})["state"]
            left.setdefault(state, []).append(code)
            if state == ATTEMPTED:
                events[event] = code
                n_sent += bool(self.at_site(code))
        self.assertGreater(n_sent, 0)               # sent and not answered
        self.assertGreater(len(events), n_sent)     # never sent
        half = len(events) // 2
        self.finish(directory, "repeat", dict(list(events.items())[:half]))
        self.finish(directory, "maintain", {})
        store = Store(directory)
        self.assertEqual(store.problems, [])
        self.assertEqual(store.unknown(), set())
        for event, code in events.items():
            self.assertEqual(store.mutations[event]["state"], SETTLED, code)
            self.assertEqual(self.at_site(code)[code], [store.mutations[event]["id"]], code)
        for code, row_id in self.acked.items():
            self.assertEqual(self.at_site(code)[code], [row_id])
        for code in left.get(None, []):
            self.assertEqual(self.at_site(code), {}, f"{code} was sent before its intent was durable")
        counts = {state: len(codes) for state, codes in left.items()}
        self.say(f"{counts} left behind, {n_sent} of the unknown ones were done")

    def test_finisher_killed(self):
        """Who sends a write again is killed, too, at any of its steps; the next one goes on."""
        template = self.prepared()
        cache = self.keeper(template)
        self.site.faults([{"kind": "504", "match": "^POST .*/entity/(?!.*_search)"}])
        with self.assertRaises(fptcache.UnknownOutcome) as caught:
            cache.create("Version", self.data("zf.0"))
        cache.close()
        event = caught.exception.event_id
        self.assertEqual(self.at_site("zf.0"), {})
        time.sleep(QUIET + 0.05)
        trace = self.repeat(self.directory(template), "count", 0, event).trace
        points = self.points_of(trace, 9)
        for mode, k in points:
            self.rename()
            directory = self.directory(template)
            self.assertTrue(self.repeat(directory, mode, k, event).was_killed)
            self.finish(directory, "maintain", {})
            found = Store(directory).mutations[event]
            self.assertEqual(found["state"], SETTLED, f"{mode} {k}")
            self.assertEqual(self.at_site("zf.0")["zf.0"], [found["id"]], f"{mode} {k}")
        self.say(f"{len(points)} steps")

    def rename(self):
        """The row of the last time is not to be found again."""
        for row_id in self.at_site("zf.0").get("zf.0", []):
            self.site.touch("Version", row_id, {"code": f"was zf.0 {row_id}"})

    def repeat(self, directory, mode, k, event):
        quiet = int(QUIET * 1000)
        return self.run_writer(directory, mode, k, f"quiet={quiet}", "open", "begin", f"repeat={event}:zf.0")


if __name__ == "__main__":
    unittest.main()
