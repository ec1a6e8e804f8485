#!/usr/bin/env python3
"""Runs the tests of the official client (shotgun_api3) beside the project, against the test site.

  run_official.py [--client official|fptcache] [--module test_api ...] [--all]

The client's sources are not part of the project. They are looked for in FPTC_OFFICIAL_CLIENT (a
checkout or a git directory of github.com/shotgunsoftware/python-api), then cloned from there.
--client fptcache puts fptcache.Shotgun in the place of shotgun_api3.Shotgun, for test_api and
test_api_long (the other modules test the insides of the official one); what it has not, the official
one lends, and the table says what that was. It needs FPTCACHE_LIBRARY and PYTHONPATH as the tests of
the binding do. Prints a table: what passed, what did not, and why; with --all, the passed ones, too.
"""

import argparse
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TESTS, "site"))
import harness  # noqa: E402
import schema as schemas  # noqa: E402

MODULES = ("test_api", "test_api_long", "test_client", "test_unit", "test_mockgun")
REPOSITORY, BRANCH = "https://github.com/shotgunsoftware/python-api", "v3.10.0"
# Fields and types that these tests expect of any site and that the test site's own schema has not.
EXTRA_FIELDS = {
    "HumanUser": {"locked_until": "date_time", "email_notes": "checkbox"},
    "Version": {"sg_frames_aspect_ratio": "float"},
    "Shot": {"head_in": "number", "sg_cut_duration": "number"},
    "Task": {"tag_list": "tag_list"},
    "Page": {"name": "text", "entity_type": "entity_type", "last_accessed": "date_time"}}
# What the tests' own configuration file would say.
SETTINGS = {
    "PROJECT_NAME": "Official client", "HUMAN_NAME": "Official Human", "HUMAN_LOGIN": "official_human",
    "HUMAN_PASSWORD": "official password", "ASSET_CODE": "official asset", "VERSION_CODE": "official version",
    "SHOT_CODE": "official shot", "TASK_CONTENT": "official task", "PLAYLIST_CODE": "official playlist"}


class NoSources(Exception):
    """The official client's sources are not to be had here."""


# -- the sources

def sources(folder):
    """Puts the client and its tests into `folder`. Returns what they are, in words."""
    given = os.environ.get("FPTC_OFFICIAL_CLIENT")
    if not given:
        return _cloned(folder)
    if os.path.isdir(os.path.join(given, "tests")):
        for name in ("shotgun_api3", "tests"):
            shutil.copytree(os.path.join(given, name), os.path.join(folder, name))
        return given
    return _exported(given, "HEAD", folder)


def _exported(git_directory, revision, folder):
    command = ["git", f"--git-dir={git_directory}", "archive", revision, "shotgun_api3", "tests"]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        raise NoSources(f"{git_directory}: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    named = subprocess.run([*command[:2], "log", "-1", "--format=%h %s", revision], capture_output=True, text=True,
                           check=True)
    return named.stdout.strip()


def _cloned(folder):
    bare = os.path.join(folder, "clone.git")
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(["git", "clone", "-q", "--bare", "--depth", "1", "--branch", BRANCH, REPOSITORY, bare],
                              capture_output=True, text=True, env=environment, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSources(f"{REPOSITORY}: {error}") from None
    if done.returncode:
        raise NoSources(f"{done.stderr.strip()} (set FPTC_OFFICIAL_CLIENT to a checkout)")
    return _exported(bare, "HEAD", folder)


# -- the site

def schema_file(folder):
    """The site's schema and the fields that these tests expect, as a dump."""
    known = schemas.builtin().types
    dump = {name: {field.name: {"data_type": field.type, "name": field.label, "editable": field.editable,
                                "mandatory": field.mandatory, "properties": field.properties}
                   for field in each.fields.values()} for name, each in known.items()}
    for name, fields in EXTRA_FIELDS.items():
        for field, data_type in fields.items():
            dump.setdefault(name, {})[field] = {"data_type": data_type}
    path = os.path.join(folder, "schema.json")
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(dump, stream)
    return path


def outcomes(client, modules, folder):
    """[{"test", "outcome", "why"}…] of the modules, each run against one and the same site."""
    with harness.Site(rows=300, schema=schema_file(folder)) as site:
        site.create("Page", {"name": "a page", "entity_type": "Shot", "last_accessed": "2026-01-01T00:00:00Z"})
        environment = {**os.environ, **{f"SG_{name}": value for name, value in SETTINGS.items()},
                       "SG_SERVER_URL": site.url, "SG_SCRIPT_NAME": site.script_name,
                       "SG_API_KEY": site.script_key, "FPTCACHE_DIR": os.path.join(folder, "cache")}
        found = []
        for module in modules:
            command = [sys.executable, "-B", os.path.join(HERE, "run_official.py"), "--inside", folder,
                       "--client", client, "--module", module]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            lines = [line[8:] for line in done.stdout.splitlines() if line.startswith("outcome ")]
            found += [json.loads(line) for line in lines]
            if not lines:
                found.append({"test": module, "outcome": "failed", "why": "\n".join(done.stderr.splitlines()[-3:])})
        return found, site.counts()


# -- inside: one module of tests, in a process of its own

lent = set()        # what the running test used of the official client although fptcache was in its place


def put_in_place(shotgun_api3):
    """fptcache.Shotgun as shotgun_api3.Shotgun. What it has not is lent by the official one, and noted."""
    import fptcache
    official = shotgun_api3.Shotgun

    class Shotgun(fptcache.Shotgun):
        def __init__(self, base_url, *args, **kwargs):
            credential = repr((args[:2], sorted(kwargs.items()))).encode()
            folder = os.path.join(os.environ["FPTCACHE_DIR"], hashlib.sha256(credential).hexdigest()[:16])
            official_one = official(base_url, *args, **kwargs)
            kwargs.pop("http_proxy", None)
            super().__init__(base_url, *args, cache_dir=folder, max_age=0, **kwargs)
            self.__dict__["official_one"] = official_one

        def __getattr__(self, name):
            if name == "official_one":
                raise AttributeError(name)
            lent.add(name)
            return getattr(self.official_one, name)

    shotgun_api3.Shotgun = Shotgun
    for name in ("Fault", "AuthenticationFault", "ShotgunError", "ProtocolError"):
        setattr(shotgun_api3, name, (getattr(shotgun_api3, name), getattr(fptcache, name)))


class Result(unittest.TestResult):
    def _note(self, test, outcome, why=""):
        name = ".".join(test.id().split(".")[1:])
        print("outcome " + json.dumps({"test": name, "outcome": outcome, "why": " ".join(why.split()),
                                       "lent": sorted(lent - {"server_caps"})}), flush=True)

    def startTest(self, test):
        lent.clear()

    def addSuccess(self, test):
        self._note(test, "passed")

    def addError(self, test, err):
        self._note(test, "failed", f"{err[0].__name__}: {str(err[1])[:200]}")

    addFailure = addError

    def addSkip(self, test, reason):
        self._note(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        self._note(test, "passed", "an expected failure")


def inside(folder, client, module):
    sys.path.insert(0, folder)
    import shotgun_api3
    if client == "fptcache":
        put_in_place(shotgun_api3)
    base = importlib.import_module("tests.base")
    base.THUMBNAIL_MAX_ATTEMPTS, base.THUMBNAIL_RETRY_INTERVAL = 1, 0
    suite = unittest.defaultTestLoader.loadTestsFromName(f"tests.{module}")
    suite.run(Result())


# -- the table

def table(found, everything=False):
    lines = []
    for module in dict.fromkeys(each["test"].split(".")[0] for each in found):
        part = [each for each in found if each["test"].split(".")[0] == module]
        counts = [sum(each["outcome"] == outcome for each in part) for outcome in ("passed", "failed", "skipped")]
        lines.append("{:16} {:4} passed {:4} failed {:4} skipped".format(module, *counts))
        lines += [f"    {each['outcome']:8} {each['test'].split('.', 1)[-1]}  {each['why']}{loan(each)}" for each in part
                  if everything or each["outcome"] != "passed"]
    return "\n".join(lines)


def loan(each):
    return f" [official: {', '.join(each['lent'])}]" if each.get("lent") else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--client", choices=("official", "fptcache"), default="official")
    parser.add_argument("--module", action="append", choices=MODULES)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside, options.client, options.module[0])
        return 0
    with tempfile.TemporaryDirectory(prefix="fptc-official-") as folder:
        try:
            print(f"shotgun_api3: {sources(folder)}; client: {options.client}")
        except NoSources as error:
            print(f"skipped: no sources of the official client: {error}")
            return 0
        modules = options.module or (MODULES if options.client == "official" else MODULES[:2])
        found, counts = outcomes(options.client, modules, folder)
        print(table(found, options.all))
        print(f"requests by kind: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
