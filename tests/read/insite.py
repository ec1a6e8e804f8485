"""The test site inside this process: it still answers over HTTP, for the library, and besides gives its own answers
without it, and what its own code says of one condition. Nothing of it knows the library."""

import importlib.util
import json
import sys
import threading

from readtest import SOURCE, harness

HASH = "application/vnd+shotgun.api3_hash+json"


def _program():
    """tests/site/site.py; `import site` would be Python's own module."""
    spec = importlib.util.spec_from_file_location("fpt_site", SOURCE / "tests/site/site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class InSite(harness.Site):
    """`prepare(store)` may change the rows before anybody asks."""

    def __init__(self, prepare=None, **options):
        super().__init__(**options)
        self.prepare, self.server, self._bearer = prepare, None, None

    def start(self):
        program = _program()
        words = ["--script-name", self.script_name, "--script-key", self.script_key]
        for name, value in self.options.items():
            words += [] if name == "state" else [f"--{name.replace('_', '-')}", str(value)]
        options = program.arguments(words)
        sys.setrecursionlimit(5000)
        threading.stack_size(16 * 1024 * 1024)
        self.store = program.build_store(options)
        if self.prepare:
            self.prepare(self.store)
        self.site = program.build_site(self.store, options)
        self.server = program.Server(0, self.site)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.site.stopping.set()
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    # -- asking it without HTTP

    def records(self, kind, filters, fields, sort, size, number=1):
        """The records of a _search, as the route itself makes them."""
        from api import Request
        self._bearer = self._bearer or f"Bearer {self.token()}"
        body = json.dumps({"filters": filters, "fields": ",".join(fields), "sort": sort,
                           "page": {"size": size, "number": number}}).encode()
        request = Request("POST", f"/api/v1/entity/{kind}/_search",
                          {"content-type": HASH, "authorization": self._bearer}, body)
        with self.site.lock:
            return json.loads(self.site.api.handle(request).text)["data"]

    def rows_of(self, kind, project=None):
        """The living rows of a type, in a project unless None."""
        table = self.store.tables[kind]
        rows = [table.rows[row_id] for row_id in table.active]
        return [row for row in rows if project is None or self.store.project_of(row) == project]

    def flat(self, row):
        return self.site.api.renderer.flat(row)

    def test_of(self, kind, filters):
        """The site's own predicate of a group; None when it refuses the filters."""
        from errors import ApiError
        from filters import Compiler
        try:
            return Compiler(self.store, self.store.schema.types[kind]).compile(filters, "hash").test
        except ApiError:
            return None

    def n_fitting(self, kind, filters, rows):
        """How many of the rows a group takes; None when the site refuses it."""
        test = self.test_of(kind, filters)
        return None if test is None else sum(1 for row in rows if test(row))
