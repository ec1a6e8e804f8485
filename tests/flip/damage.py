"""A small cache that is worth damaging, the right answers to some questions about it, and damage."""

import os
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests/site"))
import harness  # noqa: E402

import fptcache  # noqa: E402

IN_PROJECT = ["project", "is", {"type": "Project", "id": 101}]
COUNT = [{"field": "id", "type": "count"}]
PARTITION = "partitions/project-101"
TYPES = {"Shot": ["code", "sg_status_list", "sg_sequence", "assets"], "Version": ["code", "entity", "user"]}


def rows_of(result):
    """Rows as they compare: the links' display names are observations, and not what is asked here."""
    def plain(value):
        if isinstance(value, dict):
            return (value.get("type"), value.get("id"))
        return tuple(map(plain, value)) if isinstance(value, list) else value
    return {row["id"]: tuple(sorted((key, plain(value)) for key, value in row.items())) for row in result}


class Damaged(unittest.TestCase):
    """A class has one site and one sound cache, `template`; each run damages a copy of its own, `directory`."""

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=120)
        cls.site.start()
        cls.addClassCleanup(cls.site.__exit__, None, None, None)
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.template, cls.directory = cls.folder / "template", cls.folder / "cache"
        fptcache.open(cls.template, site=cls.site.url, hold="never", environment=False).close()    # no realm yet
        cls.fill()
        cls.expected = cls.ask(cls.template)

    @classmethod
    def open(cls, directory=None, **options):
        options = {"script_name": cls.site.script_name, "script_key": cls.site.script_key, "hold": "never",
                   "max_age": 3600, "grace": 0, **options}
        return fptcache.open(directory or cls.directory, environment=False, **options)

    @classmethod
    def fill(cls):
        """Three bases, and commits of every kind above the newest."""
        with cls.open(cls.template) as cache:
            for type_name in TYPES:
                cache.mirror_add(type_name, 101)
            cache.sync()
            first = min(row["id"] for row in cache.find("Shot", [IN_PROJECT]))
            for n in range(3):
                cache.update("Shot", first, {"code": f"renamed {n}"})
                cache.create("Shot", {"code": f"new {n}", "project": {"type": "Project", "id": 101}})
                cache.compact()
            for n in range(33):    # enough for a roll-up
                cache.create("Task", {"content": f"task {n}", "project": {"type": "Project", "id": 101}})
            cache.maintain()
            cache.create("Shot", {"code": "last", "project": {"type": "Project", "id": 101}})
            cache.delete("Shot", first)
            cache.sync()

    @classmethod
    def ask(cls, directory, **options):
        """What only the cache says, each answer or its failure."""
        answers, cls.complete = {}, {}
        with cls.open(directory, mode="only-cache", **options) as cache:
            for type_name, fields in TYPES.items():
                result = cache.find(type_name, [IN_PROJECT], fields)
                answers["find", type_name] = rows_of(result)
                cls.complete[type_name] = result.complete
            answers["summarize"] = cache.summarize("Version", [IN_PROJECT], COUNT)["summaries"]
            changes = cache.changes("Shot", 101)
            answers["changes"] = {change.id: change.kind for change in changes}
        return answers

    def fresh_copy(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(self.template, self.directory, symlinks=True)

    def files(self, kind):
        """The files of that kind in the present copy, sorted."""
        patterns = {"commit": "partitions/*/log/*", "manifest": "partitions/*/bases/*",
                    "snapshot": "partitions/*/files/*.sqlite", "rollup": "partitions/*/files/*.rollup",
                    "fptcache.json": "fptcache.json", "realm.json": "realm.json", "pin": "pins/*",
                    "link": "partitions/*/latest.sqlite",
                    "holder": "partitions/*/holde[r]"}    # as a pattern: it leads nowhere
        found = sorted(self.directory.glob(patterns[kind]))
        return [path for path in found if (path.is_symlink() if kind in ("link", "holder", "pin") else path.is_file())]


def damage(path, dice):
    """Changes the file, or the symlink's content, somewhere; says how."""
    data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
    changed, how, at = data, "", 0
    while changed == data:
        changed, how, at = change(data, dice)
    if path.is_symlink():
        path.unlink()
        os.symlink(changed.replace(b"\0", b"?") or b"?", os.fsencode(path))
    else:
        path.write_bytes(changed)
    return f"{how} at {at} of {len(data)}, {path}"


def change(data, dice):
    at = dice.randrange(len(data))
    how = dice.choice(("byte", "byte", "bit", "cut", "zeros"))
    if how == "byte":
        changed = data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1:]
    elif how == "bit":
        changed = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1:]
    elif how == "cut":
        changed = data[:at]
    else:
        block = min(len(data) - at, dice.choice((1, 64, 512, 4096)))
        changed = data[:at] + bytes(block) + data[at + block:]
    return changed, how, at


def dice_for(kind, number):
    return random.Random(f"{kind} {number}")
