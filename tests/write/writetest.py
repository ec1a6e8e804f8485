"""What the tests of writes share: tests/read's sites and caches, with a quiet period that a test can wait for."""

import contextlib
import json
import os
import pathlib
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(os.environ["FPTC_SOURCE_DIR"], "tests/read")))
sys.path.insert(0, str(pathlib.Path(os.environ["FPTC_SOURCE_DIR"], "tests/crash")))
import readtest  # noqa: E402

import fptcache  # noqa: E402

PROJECT, IN_PROJECT = readtest.PROJECT, readtest.IN_PROJECT
QUIET = 0.7         # half of it is for sending, also on a busy machine
CREATE = "POST .*/entity/[A-Za-z_]*(\\?.*)?$"
INTENT, ATTEMPTED, SETTLED, REFUSED, DROPPED = 0, 1, 2, 3, 4


class WriteTest(readtest.ReadTest):
    site_options = {"rows": 300}

    def setUp(self):
        super().setUp()
        self.number = getattr(type(self), "number", 0) + 1
        type(self).number = self.number

    def cache(self, **options):
        options.setdefault("quiet", QUIET)
        return super().cache(**options)

    def code(self, name="v"):
        """A code that no other test of the class uses."""
        return f"{name}_{type(self).__name__}_{self.number}"

    def version(self, name="v", **more):
        return {"project": PROJECT, "code": self.code(name), **more}

    def lose(self, kind="504-after-commit", match="^(POST|PUT|DELETE) .*/entity/(?!.*_search)", **more):
        self.site.faults([{"kind": kind, "match": match, **more}])

    def lost(self, write, *arguments, kind="504-after-commit", **named):
        """The event id of a write whose answer is lost."""
        self.lose(kind)
        with self.assertRaises(fptcache.UnknownOutcome) as caught:
            write(*arguments, **named)
        self.site.clear_faults()
        return caught.exception.event_id

    def quiet(self):
        time.sleep(QUIET + 0.05)

    def at_site(self, code, retired=False):
        """The ids of the Versions with that code."""
        return [row["id"] for row in self.site.rows("Version", retired=retired) if row["code"] == code]

    def mutations(self, cache):
        """event -> its line of the outbox, as any SQLite can read it after a rewrite."""
        cache.compact("outbox")
        path = pathlib.Path(self.directory, "partitions/outbox/latest.sqlite")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return {row["event"]: dict(row, outcome=json.loads(row["outcome"] or "{}"))
                    for row in db.execute("SELECT * FROM _fptc_mutation")}

    def writes(self):
        """How many writes reached the site since the last count."""
        counts = self.site.counts()
        self.site.reset_requests()
        return sum(counts.get(kind, 0) for kind in ("create", "update", "delete", "revive"))
