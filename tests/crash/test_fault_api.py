"""Every system call of an API call fails once (EIO, ESTALE, EACCES), or the disk is full from there on: the
call answers or ends with an error that names a path, and the same handle works afterwards. Builds with sanitizers
try half as many calls.

Seen to fail: a find that gives up when its commit, or its catch-up, fails; a write that is acknowledged although its
intent could not be written; an error without a path.
"""

import collections
import concurrent.futures
import re
import shutil
import subprocess
import time
import unittest

import crash_case
from crash_case import FAULTS, LONG, SANITIZE, Store

OK, UNKNOWN, EDAMAGED, EINTERNAL, ENODATA = 0, 4, -21, -70, -54
# FPTC_EIO, ENOENT, ENOSPC, EACCESS
FILE_ERRORS = (-10, -11, -12, -13)
FAULT_KINDS = (("EIO", "once"), ("ESTALE", "once"), ("EACCES", "once"), ("ENOSPC", "writes"), ("EACCES", "writes"))

Point = collections.namedtuple("Point", "k name status err_status warned message then")


class Failing(crash_case.Case):

    def campaign(self, directory, errno, how, place, stride, prepare, operation, *afterwards):
        stride = 1 if LONG else 2 * stride if SANITIZE else stride
        done = subprocess.run([FAULTS, directory, self.site.url, errno, how, place, str(stride),
                               prepare, operation, "--", *afterwards], env=self.environment, text=True, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        points, written = [], []
        for line in done.stdout.splitlines():
            word, _, rest = line.partition(" ")
            if word == "point":
                k, name, status, err_status, warned, message = rest.split(" ", 5)
                points.append(Point(int(k), name, int(status), int(err_status), int(warned), message, []))
            elif word == "then":
                operation_name, status, message = rest.split(" ", 2)
                points[-1].then.append((operation_name, int(status), message))
            elif word in ("try", "ack", "nak"):
                written.append(line)
            elif word == "local":
                shutil.rmtree(rest, ignore_errors=True)
        self.assertIn("\npoints ", done.stdout)
        return points, written

    def check(self, points, where, may_be=()):
        for point in points:
            told = f"{where}, call {point.k} ({point.name}): {point.status} {point.message}"
            self.assertNotIn(point.status, (EDAMAGED, EINTERNAL), told)
            if point.status not in (OK, *may_be):
                self.assertIn(point.status, FILE_ERRORS, told)
                self.assertEqual(point.status, point.err_status, told)
                self.assertRegex(point.message, r"/\S+", told)
                self.assertIn("/", point.message, told)
            self.assertTrue(point.then, told)
            for operation, status, message in point.then:
                self.assertEqual(status, OK, f"{told}\n  afterwards {operation}: {message}")

    def each_kind(self, make_directory, place, stride, prepare, operation, *afterwards, may_be=()):
        """All points of all kinds, after the common checks: [(errno, how, directory, points, written)]."""
        everything, n, failed = [], 0, 0
        directories = [make_directory() for _ in FAULT_KINDS]

        def run(number):
            words = (word.replace("{N}", str(number)) for word in (prepare, operation, *afterwards))
            return self.campaign(directories[number], *FAULT_KINDS[number], place, stride, *words)

        with concurrent.futures.ThreadPoolExecutor() as pool:    # they wait for the site more than they compute
            found = list(pool.map(run, range(len(FAULT_KINDS))))
        for (errno, how), directory, (points, written) in zip(FAULT_KINDS, directories, found):
            self.check(points, f"{operation} with {errno} {how}", may_be)
            n += len(points)
            failed += sum(point.status != OK for point in points)
            everything.append((errno, how, directory, points, written))
        self.say(f"{operation}: {n} points, {failed} of them ended with an error")
        self.assertGreater(n, 40)
        return everything

    def mirrored(self):
        directory = self.directory()
        self.work(directory, "init", "mirror=Version", "sync", "create=first:1", "compact", "create=more:1")
        return directory

    def test_cold_find(self):
        """The first question in an empty cache: schema, rows, commit. A full disk only warns."""
        for errno, how, _, points, _ in self.each_kind(self.directory, "cold", 6, "-", "find=Version:prefer",
                                                       "find=Version:prefer", "find=Version:refresh"):
            if errno != "ENOSPC":
                continue
            for point in points:
                self.assertEqual(point.status, OK, f"{errno} {how} {point}")
            self.assertGreater(sum(point.warned for point in points), len(points) // 3)

    def test_miss(self):
        """A question that an existing cache cannot answer."""
        template = self.mirrored()
        for errno, how, _, points, _ in self.each_kind(lambda: self.directory(template), "same", 5, "find=Version:only", "find=Shot:prefer:code{K}",
                                                       "find=Shot:prefer:code{K}", "find=Version:only"):
            if errno == "ENOSPC":
                for point in points:
                    self.assertEqual(point.status, OK, f"{errno} {how} {point}")

    def test_covered_find(self):
        """A question that the cache answers: without a request, or after a catch-up."""
        template = self.mirrored()
        for errno, how, _, points, _ in self.each_kind(lambda: self.directory(template), "same", 5, "find=Version:only",
                                                       "find=Version:fresh", "find=Version:only"):
            if errno == "ENOSPC":    # the catch-up cannot be kept, but FPT has the answer
                for point in points:
                    self.assertEqual(point.status, OK, f"{errno} {how} {point}")
        self.each_kind(lambda: self.directory(template), "same", 5, "-", "find=Version:only", "find=Version:only")

    def check_left(self, directory, written, where):
        """What was accepted is done in the end, once; what was not, at most once."""
        tried = {line.split(" ")[1]: line.split(" ", 2)[2] for line in written if line.startswith("try")}
        acked = {line.split(" ")[1] for line in written if line.startswith("ack")}
        for _ in range(20):
            time.sleep(0.25)
            run = self.end(self.start(directory, "count", 0, "quiet=200", "maintain"))
            # A busy machine may take more than half the quiet period from the attempt to the request.
            self.assertTrue(run.returncode == 0 or "before the request was sent" in (run.failed or ""), run.text)
            if not Store(directory).unknown():
                break
        self.assertEqual(Store(directory).unknown(), set(), where)
        n_at_site = collections.Counter(row["code"] for row in self.site.rows("Version"))
        for event, code in tried.items():
            self.assertLessEqual(n_at_site[code], 1, f"{where}: {code} was written twice")
            if event in acked:
                self.assertEqual(n_at_site[code], 1, f"{where}: {code} was accepted")
        return len(acked)

    def test_leave(self):
        """A write behind."""
        template = self.mirrored()
        for errno, how, directory, points, written in self.each_kind(
                lambda: self.directory(template), "same", 12, "-", "leave=zs{N}_{K}:1", "leave=zt{N}_{K}:1"):
            self.assertGreaterEqual(self.check_left(directory, written, f"leave with {errno} {how}"), len(points))

    def test_maintain(self):
        """Sending what was left."""
        template = self.mirrored()
        for errno, how, directory, points, written in self.each_kind(
                lambda: self.directory(template), "same", 55, "leave=zn{N}_{K}:2", "maintain", "find=Version:only",
                may_be=(UNKNOWN,)):
            self.assertGreaterEqual(self.check_left(directory, written, f"maintain with {errno} {how}"), 2 * len(points))

    def test_create(self):
        template = self.mirrored()
        for errno, how, directory, points, written in self.each_kind(
                lambda: self.directory(template), "same", 7, "create=zp{N}_{K}:1", "create=zq{N}_{K}:1",
                "find=Version:only:zq{N}_{K}.0", "create=zr{N}_{K}:1", "find=Version:only:zr{N}_{K}.0", may_be=(UNKNOWN,)):
            tried = {line.split(" ")[1]: line.split(" ", 2)[2] for line in written if line.startswith("try")}
            acked = {line.split(" ")[1]: int(line.split(" ")[2]) for line in written if line.startswith("ack")}
            store = Store(directory)
            where = f"create with {errno} {how}"
            self.assertEqual(store.problems, [], where)
            site = self.site.rows("Version")
            by_id = {row["id"]: row["code"] for row in site}
            for event, row_id in acked.items():
                self.assertEqual(by_id.get(row_id), tried[event], where)
            n_at_site = collections.Counter(row["code"] for row in site)
            for event, code in tried.items():
                self.assertLessEqual(n_at_site[code], 1, f"{where}: {code} was written twice")
                if event not in acked:
                    self.assertNotIn(event, {e for e, m in store.mutations.items() if m["state"] == 2}, where)
            run = self.work(directory, "find=Version:fresh", "status")
            self.check_same_rows(run, where)
            kept = Store(directory).versions
            self.assertEqual(set(acked.values()) - set(kept), set(), where)
            self.assertEqual(run.document("status")["outbox"]["unknown"], len(store.unknown()), where)
            self.say(f"{where}: {len(acked)} acknowledged, {len(tried) - len(acked)} not, {len(store.unknown())} unknown")

    def test_sync(self):
        self.each_kind(self.directory, "cold", 8, "mirror=Version", "sync", "sync", "find=Version:only")

    def test_compact(self):
        for errno, how, directory, points, _ in self.each_kind(
                self.directory, "cold", 13, "mirror=Version+sync+create=zk{N}_{K}:1+compact+create=zl{N}_{K}:1", "compact",
                "find=Version:only", "create=zm{N}_{K}:1", "compact", "find=Version:only:zl{N}_{K}.0", "find=Version:fresh"):
            for point in points:
                where = f"{errno} {how}, call {point.k} ({point.name})"
                store = Store(directory / str(point.k))
                self.assertEqual(store.problems, [], where)
                kept = [row["code"] for row in store.versions.values()]
                for code in ("zk", "zl", "zm"):
                    self.assertEqual(kept.count(f"{code}{FAULT_KINDS.index((errno, how))}_{point.k}.0"), 1, where)


if __name__ == "__main__":
    unittest.main()
