"""Pins: a handle that reads what a pin holds, and nothing else."""

import os
import pathlib
import subprocess
import sys
import unittest

import fptcache
from support import IN_PROJECT, PROJECT, WithSite


class Pins(WithSite):

    def pinned(self, cache, **options):
        return self.cache(pin=cache.pin(PROJECT["id"]), **options)

    def filled(self):
        cache = self.cache(max_age=0, grace=0)
        cache.mirror_add("Shot", 101)
        cache.mirror_add("Sequence", 101, "code")
        cache.sync()
        return cache

    def change(self, cache, status):
        shot = min(row["id"] for row in self.of_project("Shot").values())
        cache.update("Shot", shot, {"sg_status_list": status})
        return shot

    @staticmethod
    def statuses(cache):
        return {row["id"]: row["sg_status_list"] for row in cache.find("Shot", [IN_PROJECT], "sg_status_list")}

    def test_reads_its_base_and_never_passes(self):
        cache = self.filled()
        self.change(cache, "ip")
        before = self.statuses(cache)
        pinned = self.pinned(cache)
        self.assertEqual(self.statuses(pinned), before)
        shot = self.change(cache, "fin")
        for _ in range(12):  # more bases than are kept
            self.change(cache, "wtg")
            self.change(cache, "fin")
            cache.compact()
        self.assertEqual(self.statuses(cache)[shot], "fin")
        self.assertEqual(self.statuses(pinned), before)
        self.assertEqual(self.statuses(self.cache(pin=pinned_id(pinned))), before)  # also another handle

    def test_asks_nothing_and_says_its_age(self):
        cache = self.filled()
        pinned = self.pinned(cache)
        asked = self.site.total()
        answer = pinned.find("Shot", [IN_PROJECT], "code", mode="refresh", max_age=0)
        self.assertEqual(answer.source, "cache")
        self.assertGreater(answer.age, 0)
        self.assertTrue(answer.complete)
        with self.assertRaisesRegex(fptcache.NoData, "pin"):
            pinned.find("Sequence", [IN_PROJECT], "description")
        with self.assertRaises(fptcache.NoData):
            pinned.find("Asset", [IN_PROJECT], "code")
        with self.assertRaises(fptcache.ShotgunError):
            pinned.find("Shot", [["project", "is", {"type": "Project", "id": 102}]], "code")
        with self.assertRaises(fptcache.ShotgunError):
            pinned.text_search("sh", {"Shot": []})
        self.assertEqual(self.site.total(), asked)
        self.assertEqual(pinned.status()["requests"]["search"], 0)

    def test_writes_nothing(self):
        cache = self.filled()
        pinned = self.pinned(cache)
        files = sorted(pathlib.Path(self.directory).glob("partitions/*/log/*"))
        for write in (lambda: pinned.update("Shot", 862, {"code": "x"}),
                      lambda: pinned.create("Shot", {"code": "x", "project": PROJECT}),
                      lambda: pinned.mirror_add("Asset", 101), lambda: pinned.sync(), lambda: pinned.compact(),
                      lambda: pinned.pin(101)):
            with self.assertRaisesRegex(fptcache.ShotgunError, "pinned"):
                write()
        pinned.close()
        self.assertEqual(sorted(pathlib.Path(self.directory).glob("partitions/*/log/*")), files)

    def test_life_of_a_pin(self):
        cache = self.filled()
        pin = cache.pin(101, ttl=3600)
        entry, = cache.pins()
        self.assertEqual(entry["id"], pin)
        self.assertEqual(set(entry["bases"]), {"outbox", "project-101", "site"})
        self.assertEqual(entry["pid"], os.getpid())
        self.assertGreater(entry["ends_in_s"], 3500)
        link = pathlib.Path(self.directory, "pins", pin)
        os.utime(link, (1, 1), follow_symlinks=False)  # untouched for long
        self.assertEqual(cache.pins()[0]["ends_in_s"], 0)
        self.assertFalse(cache.pin_touch(pin))
        self.assertEqual(cache.pins(), [])
        pin = cache.pin(101)
        self.assertTrue(cache.pin_touch(pin))
        self.assertTrue(cache.unpin(pin))
        self.assertFalse(cache.unpin(pin))
        with self.assertRaisesRegex(fptcache.ShotgunError, "has ended"):
            self.cache(pin=pin)
        with self.assertRaisesRegex(fptcache.ShotgunError, "32 hexadecimal"):
            self.cache(pin="41")
        with self.assertRaises(fptcache.ShotgunError):
            cache.unpin("../fptcache.json")

    def test_environment(self):
        cache = self.filled()
        pin = cache.pin(101)
        names = {"FPTCACHE_DIR": self.directory, "FPTCACHE_PIN": pin}
        done = subprocess.run([sys.executable, "-B", "-c",
                               "import fptcache\nwith fptcache.open() as c: print(c.status()['pin'])"],
                              env={**os.environ, **names}, stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(done.stdout.strip(), pin)


def pinned_id(cache):
    return cache.status()["pin"]


if __name__ == "__main__":
    unittest.main()
