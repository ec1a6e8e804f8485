"""Every method of fptcache.Shotgun takes what the official client's method of that name takes, in the same
order, under the same names, with the same defaults. Needs shotgun_api3 (tests/packages.sh installs it)."""

import inspect
import os
import pathlib
import sys
import unittest

import fptcache

# Installed beside the build, never imported into the interpreter of anybody else.
sys.path.append(str(pathlib.Path(os.environ["FPTC_SOURCE_DIR"], "build/python")))
try:
    import shotgun_api3
except ImportError:
    raise unittest.SkipTest("shotgun_api3 is not installed: . tests/packages.sh; fptc_need_python build/python") from None

# What fptcache.Shotgun has of its own, or has otherwise: a `with` and the cache behind it.
OWN = {"cache"}
READING = {"find", "find_one", "text_search", "schema_read", "schema_entity_read", "schema_field_read"}
WRITING = {"create", "update", "delete", "revive", "batch", "upload", "upload_thumbnail", "upload_filmstrip_thumbnail"}


def parameters(function):
    """(name, kind, default) of each parameter; annotations may say it more precisely."""
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


def methods(kind):
    return {name: value for name, value in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


class Signatures(unittest.TestCase):

    def test_methods(self):
        ours, theirs = methods(fptcache.Shotgun), methods(shotgun_api3.Shotgun)
        self.assertLessEqual(READING | WRITING, set(ours))
        for name in sorted(set(ours) - OWN):
            with self.subTest(name):
                self.assertIn(name, theirs)
                self.assertEqual(parameters(ours[name]), parameters(theirs[name]))

    def test_constructor(self):
        ours, theirs = parameters(fptcache.Shotgun.__init__), parameters(shotgun_api3.Shotgun.__init__)
        self.assertEqual(ours[:len(theirs)], theirs)
        self.assertTrue(all(kind is inspect.Parameter.KEYWORD_ONLY and default is None
                            for _, kind, default in ours[len(theirs):]))

    def test_what_is_missing_is_refused_by_name(self):
        sg = object.__new__(fptcache.Shotgun)
        missing = set(methods(shotgun_api3.Shotgun)) - set(methods(fptcache.Shotgun))
        self.assertEqual(set(fptcache.shotgun._NOT_YET), missing)
        for name in sorted(missing):
            with self.subTest(name), self.assertRaisesRegex(AttributeError, name + r"\(\).*shotgun_api3"):
                getattr(sg, name)

    def test_exceptions(self):
        for name in ("ShotgunError", "Fault", "AuthenticationFault", "ProtocolError"):
            ours, theirs = getattr(fptcache, name), getattr(shotgun_api3, name)
            for above in ("ShotgunError", "Fault"):
                if issubclass(theirs, getattr(shotgun_api3, above)):
                    self.assertTrue(issubclass(ours, getattr(fptcache, above)), (name, above))


if __name__ == "__main__":
    unittest.main()
