"""A process is killed at every one of its system calls while it creates rows, and at random moments: each
acknowledged row is there, none is there twice, the store opens, the site's rows agree.

Seen to fail: acknowledged without `settle`, or without the row; sent before the intent was durable; an
unknown write sent again; no fsync of the temp, of the log's directory or of a new partition's (power).
"""

import os
import shutil
import signal
import time
import unittest

import crash_case
from crash_case import LONG, SANITIZE, SHARE, Store


UNKNOWN = 4


class Creating(crash_case.Case):

    def mirrored(self):
        """A cache with the Versions of project 101, folded into a snapshot: opening it costs the same each time."""
        directory = self.directory()
        self.work(directory, "init", "mirror=Version", "sync", "create=first:1", "compact")
        return directory

    def step_through(self, points, make_directory, operations, prefix):
        """Kills at each point in a directory of its own and checks each time."""
        n = 0
        for mode, k in points:
            name = f"{prefix}{mode[0]}{k}_"
            directory = make_directory()
            run = self.run_writer(directory, mode, k, *(word.format(name=name) for word in operations))
            n += run.was_killed
            where = f"killed {mode} call {k}"
            if Store(directory).n_commits == 0:
                self.work(directory, "init")     # it died before there was a cache
            self.note(self.check_writes(directory, name, where), run)
            self.check_alive(directory, name, where)
            shutil.rmtree(directory)
        return n

    def check_repeated(self, directory, name, where):
        """A fresh process finds work; repeating the dead one's write with its event id never does it twice."""
        self.check_alive(directory, name, where)
        code = f"{name}v.0"
        event = self.events.get(code)
        if event is None:
            return
        before, known = self.at_site(code).get(code, []), code in self.acked
        state = Store(directory).mutations.get(event, {"state": None})["state"]
        run = self.work(directory, f"repeat={event}:{code}")
        site = self.at_site(code).get(code, [])
        if state == crash_case.ATTEMPTED:
            self.assertIn(event, run.refused, f"{where}: an unknown write was sent again")
            self.assertEqual((run.refused[event][0], site), (UNKNOWN, before), where)
        else:
            self.assertEqual(site, [run.acked[event]], where)
            self.assertTrue(before == site or state is None, where)
        self.repeated[state] = self.repeated.get(state, 0) + 1
        self.assertTrue(not known or site == before, where)

    def test_every_call_of_one_handle(self):
        """One directory, one kill after the other: each process creates one row and dies in its second."""
        self.repeated = {}
        directory = self.mirrored()
        for at in range(crash_case.BASES):
            self.work(directory, f"create=base{at}:1", "compact")
        trace = self.work(directory, "create=count:1", "begin", "create=counted:1").trace
        points, n = self.steps(trace), 0
        changing = set(self.changing(trace))
        for at, (mode, k) in enumerate(points):
            if at % crash_case.COMPACT_EVERY == 0:
                self.work(directory, "compact")
            name = f"zh{mode[0]}{k}_"
            run = self.run_writer(directory, mode, k, f"create={name}w:1", "begin", f"create={name}v:1")
            n += run.was_killed
            where = f"killed {mode} call {k} ({trace[k - 1]})"
            self.assertIn(f"{name}w.0", self.acked, where)
            self.note(self.check_writes(directory, name, where), run)
            if k in changing or LONG:
                self.check_repeated(directory, name, where)
        # The same calls to the end: otherwise the points above were not where they were meant to be.
        again = self.work(directory, "create=again:1", "begin", "create=counted:1").trace
        self.assertLess(abs(len(again) - len(trace)), 8)
        first = min(name for name in self.acked if name.startswith("zh"))
        self.assertEqual(self.find_by_command(directory, first), [self.acked[first]])
        for words in ([], ["compact"]):
            run = self.check_alive(directory, "zh", "at the end", *words, "find=Version:fresh")
            self.check_same_rows(run, "at the end")
        self.say(f"killed {n} of {len(points)} times at {len(trace)} calls, {len(changing)} of them change something; "
                 f"second writes left behind: {self.points}; repeated with their event ids: {self.repeated}")
        self.assertGreater(len(trace), 120)
        self.assertGreater(n, len(points) * 9 // 10)
        for name in ("nothing written", "attempted", "settled"):
            self.assertGreater(self.points.get(name, 0), 3 // SHARE, self.points)

    def test_every_call_of_a_process(self):
        """From before opening to after closing, each time in a copy of the same cache."""
        template = self.mirrored()
        operations = ["create={name}c:1"]
        trace = self.work(self.directory(template), "create=process:1").trace
        points = self.steps(trace, share=4)
        n = self.step_through(points, lambda: self.directory(template), operations, "zp")
        self.say(f"killed {n} of {len(points)} times at {len(trace)} calls; left behind: {self.points}")
        self.assertGreater(n, 30 // SHARE)

    def test_very_first(self):
        """init and the first create in an empty directory."""
        operations = ["init", "create={name}c:1"]
        trace = self.work(self.directory(), "init", "create=veryfirst:1").trace
        points = self.steps(trace, share=4)
        n = self.step_through(points, self.directory, operations, "zf")
        self.say(f"killed {n} of {len(points)} times at {len(trace)} calls; left behind: {self.points}")
        self.assertGreater(n, 30 // SHARE)

    def test_power(self):
        """What was not synced is gone: what was acknowledged before is not. Also of the very first create."""
        template = self.mirrored()
        second = ["create={name}a:1", "begin", "create={name}b:1"]
        n = 0
        for make, first in ((lambda: self.directory(template), []), (self.directory, ["init"])):
            words = [*first, *second]
            trace = self.work(make(), *(word.format(name=f"power{len(first)}") for word in words)).trace
            points = self.some([("power", k) for k in self.changing(trace)], 3)
            self.assertGreater(len(points), 10 // SHARE)
            n += self.step_through(points, make, words, f"zw{len(first)}")
        self.say(f"lost power {n} times; left behind: {self.points}")

    def test_random_moments(self):
        """50 processes that create one row after the other, killed after 1 to 80 ms."""
        directory = self.mirrored()
        n_acked, in_flight = 0, 0
        for at in range(500 if LONG else 50):
            if at % 10 == 0:
                self.site.latency(self.random.choice((0, 3, 15)))
            name = f"zr{at}_"
            process = self.start(directory, "count", 0, "open", "find=Version:only", f"create={name}:200")
            first = process.stdout.readline()       # the answer of find: it is open now
            time.sleep(self.random.uniform(0.001, 0.080) * (3 if SANITIZE else 1))
            process.send_signal(signal.SIGKILL)
            run = self.end(process, first)
            self.assertTrue(run.was_killed, run.text[-1000:])
            n_acked += len(run.acked)
            in_flight += len(run.tried) > len(run.acked)
            time.sleep(0.02)    # the site may still be at it
            self.note(self.check_writes(directory, name, f"kill {at}"), run)
            if at % 10 == 9:
                self.site.latency(0)
                self.check_alive(directory, name, f"kill {at}", "compact")
        self.site.latency(0)
        self.check_same_rows(self.check_alive(directory, "zr", "at the end", "find=Version:fresh"), "at the end")
        self.say(f"{n_acked} acknowledged, {in_flight} killed within a create; left behind: {self.points}")
        self.assertGreater(in_flight, 25)
        self.assertGreater(n_acked, 10)

    def test_stopped(self):
        """A writer that sleeps at a call while others write and compact, then goes on, loses nothing."""
        directory = self.mirrored()
        trace = self.work(directory, "create=s:1", "begin", "create=t:1").trace
        links = [k for k, name in enumerate(trace, 1) if name in ("link!", "send!")]
        for k in links:
            name = f"zs{k}_"
            process = self.start(directory, "stop", k, f"create={name}w:1", "begin", f"create={name}v:1")
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            others = self.work(directory, f"create={name}o:2", "compact", f"create={name}p:1", "compact")
            self.assertEqual(len(others.acked), 3)
            process.send_signal(signal.SIGCONT)
            run = self.end(process)
            self.assertEqual(run.returncode, 0, run.text)
            self.assertEqual(len(run.acked), 2, run.text)
            self.check_alive(directory, name, f"stopped at {k}")
        self.say(f"stopped at {len(links)} calls")
        self.assertGreater(len(links), 3)


if __name__ == "__main__":
    unittest.main()
