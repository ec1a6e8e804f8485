"""A process that writes rolls its logs up by itself, afterwards, and nobody notices.

Seen to fail: without fptc__rollups_look(); with a roll-up's failure returned to the writer.
"""

import os
import pathlib
import sys
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests/python"))
sys.path.insert(0, str(SOURCE / "tests/multi"))
import check_store  # noqa: E402
from support import IN_PROJECT, PROJECT, WithSite  # noqa: E402

WRITES = 40  # more than FPTC_ROLLUP_COMMITS


class RollingUp(WithSite):

    def write(self, cache, name, n=WRITES):
        for i in range(n):
            cache.create("Shot", {"project": PROJECT, "code": f"{name}{i}"})

    def partition(self, name):
        """Base and commits above it, as the independent reader sees them; how many it found in roll-ups."""
        checker = check_store.Checker(pathlib.Path(self.directory) / "partitions" / name)
        base, live = checker.run({})
        self.assertEqual(checker.problems, [])
        return base, live, checker.n_rolled

    def found(self, cache, name):
        return sorted(row["code"] for row in cache.find("Shot", [IN_PROJECT], "code", mode="only-cache")
                      if row["code"].startswith(name))

    def test_after_writes(self):
        cache = self.cache(max_age=600)
        cache.find("Shot", [IN_PROJECT], "code")
        beside = self.cache(max_age=600)
        beside.find("Shot", [IN_PROJECT], "code")
        self.write(cache, "rolled")
        expected = sorted(f"rolled{i}" for i in range(WRITES))
        self.assertEqual(self.found(cache, "rolled"), expected)
        cache.close()
        for name in ("outbox", "project-101"):
            base, live, rolled = self.partition(name)
            self.assertGreaterEqual(rolled, 30, name)
            self.assertEqual(rolled, base)
            self.assertLess(live, 64)
        self.write(beside, "next")  # its own state was below the base
        self.assertEqual(self.found(beside, "rolled"), expected)
        with self.cache(max_age=600) as fresh:
            self.assertEqual(self.found(fresh, "rolled"), expected)
            self.assertEqual(len(self.found(fresh, "next")), WRITES)

    def test_a_failure_is_nobodys(self):
        cache = self.cache(max_age=600)
        cache.find("Shot", [IN_PROJECT], "code")
        self.write(cache, "first", 1)
        places = [pathlib.Path(self.directory) / "partitions" / name / "files" for name in ("outbox", "project-101")]
        for place in places:
            place.rmdir()
            place.symlink_to("/proc")  # a directory where no file can be made
        self.write(cache, "odd")
        self.assertEqual(len(self.found(cache, "odd")), WRITES)
        cache.close()
        for place in places:
            place.unlink()
            place.mkdir()
        self.assertEqual(self.partition("outbox")[0], 0)
        with self.cache(max_age=600) as again:
            self.write(again, "even", 2)
            self.assertEqual(len(self.found(again, "odd")), WRITES)
        self.assertGreaterEqual(self.partition("outbox")[2], WRITES)


if __name__ == "__main__":
    unittest.main()
