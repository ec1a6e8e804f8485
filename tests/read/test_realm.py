"""Whose eyes filled the cache: another identity's questions pass through, and without credentials what is
there can be read."""

import os
import pathlib

import fptcache
from readtest import IN_PROJECT, NO_DATA, REFUSED, ReadTest, ids


class Realm(ReadTest):

    def files(self):
        return sorted(str(path) for path in pathlib.Path(self.directory).rglob("*") if path.is_file())

    def stranger(self, **options):
        return self.cache(script_name="silent_script", script_key="silent_key_0123456789", **options)

    def test_another_identity(self):
        cache, wanted = self.cache(), sorted(self.truth("Shot"))
        cache.find("Shot", [IN_PROJECT], ["code"])
        before = self.files()
        other = fptcache.open(self.directory, script_name="silent_script", script_key="silent_key_0123456789",
                              hold="never")
        self.addCleanup(other.close)
        for _ in range(2):
            found, counts = self.visits(other.find, "Shot", [IN_PROJECT], ["code"])
            self.assertEqual((ids(found), found.source), (wanted, "upstream"))
            self.assertEqual(counts.get("search"), 1)
        found, counts = self.visits(other.find, "Version", [IN_PROJECT], ["code"])       # its schema is not cached
        self.assertEqual(ids(found), sorted(self.truth("Version")))
        self.assertEqual(counts, {"schema": 1, "search": 1})
        self.assertEqual(self.files(), before)
        for work in (lambda: other.find("Shot", [IN_PROJECT], ["code"], mode="only-cache"),
                     lambda: other.changes("Shot", 101),
                     lambda: other.mirror_add("Shot", 101), lambda: other.sync(),
                     lambda: other.update("Shot", wanted[0], {"code": "x"})):
            with self.assertRaises(fptcache.ShotgunError):
                work()
        self.assertEqual(self.files(), before)
        self.site.stop()
        try:
            with self.assertRaises(fptcache.ShotgunError):      # never somebody else's stale rows
                other.find("Shot", [IN_PROJECT], ["code"])
            self.assertEqual(len(cache.find("Shot", [IN_PROJECT], ["code"])), len(wanted))
        finally:
            self.site.start()

    def test_an_artist_sees_less(self):
        cache = self.cache()
        everything = ids(cache.find("Shot", [], ["code"]))
        artist = fptcache.open(self.directory, user_login="user3", user_password="password3", hold="never")
        self.addCleanup(artist.close)
        seen = ids(artist.find("Shot", [], ["code"]))
        self.assertEqual(seen, sorted(self.truth("Shot", 102)))
        self.assertLess(len(seen), len(everything))
        self.assertEqual(ids(artist.find("Shot", [IN_PROJECT], ["code"])), [])
        self.assertEqual(ids(self.silently(cache.find, "Shot", [], ["code"])), everything)

    def test_opened_before_the_realm_was_claimed(self):
        """Two identities open an unclaimed directory; the first that asks owns it."""
        os.makedirs(self.folder, exist_ok=True)
        self.elsewhere("init", self.directory, FPTCACHE_SCRIPT_NAME=None, FPTCACHE_SCRIPT_KEY_FILE=None,
                       FPTCACHE_DIR=None)
        other = fptcache.open(self.directory, script_name="silent_script", script_key="silent_key_0123456789",
                              hold="never")
        self.addCleanup(other.close)
        cache = fptcache.open(self.directory, script_name=self.site.script_name, script_key=self.site.script_key,
                              hold="never")
        self.addCleanup(cache.close)
        cache.find("Shot", [IN_PROJECT], ["code"])
        found, counts = self.visits(other.find, "Shot", [IN_PROJECT], ["code"])
        self.assertEqual((found.source, counts.get("search")), ("upstream", 1))
        with self.assertRaises(fptcache.ShotgunError):
            other.changes("Shot", 101)

    def test_without_credentials(self):
        cache, wanted = self.cache(), sorted(self.truth("Shot"))
        cache.find("Shot", [IN_PROJECT], ["code"])
        none = {"FPTCACHE_SCRIPT_NAME": None, "FPTCACHE_SCRIPT_KEY_FILE": None, "FPTCACHE_SITE": None}
        found = self.silently(self.find_elsewhere, "Shot", [IN_PROJECT], "code", **none)
        self.assertEqual((ids(found["rows"]), found["source"]), (wanted, "cache"))
        self.aged()
        found = self.silently(self.find_elsewhere, "Shot", [IN_PROJECT], "code", "--max-age", "100ms", **none)
        self.assertEqual((ids(found["rows"]), found["source"]), (wanted, "stale"))
        reader = fptcache.open(self.directory, hold="never")
        self.addCleanup(reader.close)
        self.assertEqual(len(self.silently(reader.changes, "Shot", 101)), len(wanted))
        self.silently(self.find_elsewhere, "Version", [IN_PROJECT], "code", expect=REFUSED, **none)
        self.silently(self.find_elsewhere, "Version", [IN_PROJECT], "code", "--mode", "only-cache", expect=NO_DATA,
                      **none)
