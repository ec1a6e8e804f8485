"""Starts the test FPT site for Python tests.

    with harness.Site(rows=2000) as site:
        site.url, site.script_name, site.script_key
        site.faults([{"kind": "502", "times": 2}])
        site.counts()["search"]
"""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 180           # a million rows on a busy machine


class Refused(Exception):
    """A reply other than 2xx. `status` and `body` are the reply's."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {str(body)[:500]}")
        self.status, self.body = status, body


class Site:
    """A running site. Options are those of site.py, with underscores: rows, seed, token_seconds ...

    After stop(), start() brings it back on the same port with the rows it had.
    """

    def __init__(self, script_name="test_script", script_key="test_key_0123456789", **options):
        self.script_name, self.script_key = script_name, script_key
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="fpt-site-")
        self.options.setdefault("state", os.path.join(self.folder, "state"))
        self.port = options.pop("port", 0)
        self.process = None
        self._token = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        scheme = "https" if self.options.get("tls_cert") else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    # -- the process

    def start(self):
        port_file = os.path.join(self.folder, "port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        command = [sys.executable, "-B", os.path.join(HERE, "site.py"), "--port", str(self.port),
                   "--port-file", port_file, "--script-name", self.script_name, "--script-key", self.script_key]
        for name, value in self.options.items():
            if value is None:
                continue
            command += ["--" + name.replace("_", "-"), str(value)]
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("LD_PRELOAD", "PYTHONPATH")}
        self.errors = open(os.path.join(self.folder, "errors"), "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.errors, env=environment)
        deadline = time.monotonic() + START_SECONDS
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the test site did not start: {self.error_text()}")
            time.sleep(0.01)
        with open(port_file, encoding="ascii") as stream:
            self.port = int(stream.read())
        return self

    def stop(self):
        """Ends the site; its rows are kept for the next start()."""
        self._end(signal.SIGTERM)

    def kill(self):
        """Ends the site at once: what was written since the start is lost."""
        self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        self.errors.close()

    def error_text(self):
        with open(os.path.join(self.folder, "errors"), encoding="utf-8", errors="replace") as stream:
            return stream.read()

    # -- talking to it

    def call(self, method, path, body=None, headers=None):
        """(status, headers, body bytes) of one request."""
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        context = ssl._create_unverified_context() if self.url.startswith("https") else None
        try:
            with urllib.request.urlopen(request, context=context, timeout=120) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        status, _, content = self.call(method, "/_control" + path, data)
        answer = json.loads(content)
        if status != 200:
            raise Refused(status, answer)
        return answer

    def token(self, **form):
        """An access token; for the script unless another grant is given."""
        form = form or {"grant_type": "client_credentials", "client_id": self.script_name,
                        "client_secret": self.script_key}
        content = urllib.parse.urlencode(form).encode()
        status, _, body = self.call("POST", "/api/v1/auth/access_token", content,
                                    {"Content-Type": "application/x-www-form-urlencoded"})
        if status != 200:
            raise Refused(status, json.loads(body))
        return json.loads(body)["access_token"]

    def api(self, method, path, body=None, content_type="application/json", token=None):
        """(status, parsed body) of one call of the REST API under /api/v1."""
        if token is None:
            self._token = token = self._token or self.token()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        status, _, content = self.call(method, "/api/v1" + path, data, headers)
        try:
            return status, json.loads(content) if content else None
        except ValueError:
            return status, content.decode("utf-8", "replace")

    def search(self, type_name, filters=(), fields="*", sort="id", size=5000, token=None, **more):
        """(status, body) of a _search; filters as a list of triples or as a group."""
        kind = "hash" if isinstance(filters, dict) else "array"
        body = {"filters": filters if kind == "hash" else list(filters), "fields": fields, "sort": sort,
                "page": {"size": size, "number": 1}, **more}
        return self.api("POST", f"/entity/{type_name}/_search", body,
                        f"application/vnd+shotgun.api3_{kind}+json", token)

    # -- steering it

    def requests(self):
        return self.control("GET", "/requests")

    def counts(self):
        """How many requests of each kind since the start or the last reset_requests()."""
        return self.requests()["by_kind"]

    def total(self):
        return self.requests()["total"]

    def reset_requests(self):
        self.control("POST", "/reset-requests", {})

    def faults(self, specs):
        return self.control("POST", "/faults", specs)

    def clear_faults(self):
        self.control("POST", "/clear-faults", {})

    def random_faults(self, rates, match, seed, **more):
        """Each kind of `rates` strikes that share of the requests that match; `more` goes into each spec.
        Times of "latency", "late" and "late-commit" may be [least, most] in ms: {"late-commit": (0.02, [100, 900])}."""
        self.control("POST", "/seed", {"seed": seed})
        specs, left = [], 1.0
        for kind, rate in rates.items():
            rate, ms = rate if isinstance(rate, tuple) else (rate, None)
            chance = rate if kind == "latency" else rate / left
            left -= 0 if kind == "latency" else rate
            specs.append({"kind": kind, "times": -1, "match": match, "probability": chance, **more,
                          **({} if ms is None else {"ms": ms})})
        return self.faults(specs)

    def late_commits(self):
        """{"waiting": late commits still to come, "done": those that were}."""
        return self.control("GET", "/late")

    def latency(self, milliseconds, batch_ms=0):
        self.control("POST", "/latency", {"ms": milliseconds, "batch_ms": batch_ms})

    def clock(self, text):
        """Pins the site's clock ("2026-01-01T00:00:00Z"), or lets it run again (None)."""
        self.control("POST", "", {"clock": text})

    def expire_tokens(self):
        self.control("POST", "/expire-tokens", {})

    def uploads(self):
        """{"files": what was completed, "open": uploads in parts that are not ended, "aborted", "tokens_seen"}."""
        return self.control("GET", "/uploads")

    def steer_uploads(self, **how):
        """service="sg": the site's own storage; expired=N: the next N addresses are; expired_part=N: the next one for
        part N is; has_etags=False."""
        return self.control("POST", "/uploads", how)

    def rows(self, type_name, retired=False):
        return self.control("GET", f"/rows?type={type_name}&retired={int(retired)}")

    def touch(self, type_name, row_id, fields, silent=False):
        return self.control("POST", "/touch", {"type": type_name, "id": row_id, "fields": fields, "silent": silent})

    def create(self, type_name, fields, silent=False):
        return self.control("POST", "/create", {"type": type_name, "fields": fields, "silent": silent})

    def retire(self, type_name, row_id, silent=False):
        return self.control("POST", "/retire", {"type": type_name, "id": row_id, "silent": silent})

    def revive(self, type_name, row_id, silent=False):
        return self.control("POST", "/revive", {"type": type_name, "id": row_id, "silent": silent})

    def move(self, type_name, row_id, project_id, silent=False):
        return self.control("POST", "/move", {"type": type_name, "id": row_id, "project": project_id,
                                              "silent": silent})

    def hold_events(self, hold=True):
        """While held, events get ids but stay invisible; released, they appear with those ids."""
        return self.control("POST", "/events", {"hold": hold})
