"""What the tests of lib/upstream share: the driver program, servers that misbehave, and the rule that
nothing the driver prints holds a secret."""

import base64
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
DRIVER = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "tests/rest/upstream_driver")
SANITIZE = os.environ.get("FPTC_SANITIZE", "")
# Sanitizers and a busy machine: how much later than promised an answer may come here.
SLACK_MS = 200 if not SANITIZE else 1000

sys.path.insert(0, str(SOURCE / "tests/site"))

# Awkward on purpose: percent-encoding, JSON, HTML and base64 all change how they look.
KEY = "k3y/with+odd=chars&\"quoted\"~#22"
PASSWORD = "pässw0rd of a person!"
SESSION = "5e55100de5e55100de5e55100de5e551"
PROXY_PASSWORD = "pr0xy@pass:word?"
SECRETS = [KEY, PASSWORD, SESSION, PROXY_PASSWORD]


def forms_of(secret):
    """The spellings under which a secret might turn up in a text."""
    raw = secret.encode()
    forms = {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote(secret),
             urllib.parse.quote_plus(secret), json.dumps(secret)[1:-1],
             json.dumps(secret, ensure_ascii=False)[1:-1]}
    for before in ("", "x", "xx", "proxy_user:", "driver_script:", "person:"):
        for after in ("", "x", "xx"):
            text = base64.b64encode(before.encode() + raw + after.encode()).decode()
            skip = (len(before.encode()) * 8 + 5) // 6
            forms.add(text[skip:(len(before.encode()) + len(raw)) * 8 // 6])
    return {form.lower() for form in forms}


FORBIDDEN = sorted(set().union(*(forms_of(secret) for secret in SECRETS)))


def clean_environment(**more):
    """Without what is meant for the interpreter: the driver is instrumented itself."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if "ASAN_OPTIONS" in environment:
        environment["ASAN_OPTIONS"] = environment["ASAN_OPTIONS"].replace("detect_leaks=0", "detect_leaks=1")
    environment.update(more)
    return environment


class Driver:
    """The driver program: driver.search(type="Shot") and so on give its answer as a dict."""

    def __init__(self, **environment):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=clean_environment(**environment))
        self.printed = []
        self.command_line = pathlib.Path(f"/proc/{self.process.pid}/cmdline").read_bytes().decode()

    def send(self, what, **order):
        self.process.stdin.write(json.dumps({"do": what, **order}).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline().decode()
        if not line:
            raise AssertionError(f"the driver ended with {self.process.wait()}")
        self.printed.append(line)
        return json.loads(line)

    def __getattr__(self, what):
        def order(**members):
            self.send(what, **members)
            return self.answer()
        return order

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stdout.close()
        return status


class Case(unittest.TestCase):
    """A test with drivers; at its end each has ended well and has told no secret."""

    def setUp(self):
        self.drivers = []

    def driver(self, environment=None, **options):
        driver = Driver(**(environment or {}))
        self.drivers.append(driver)
        self.opened = driver.open(**options)
        return driver

    def tearDown(self):
        for driver in self.drivers:
            self.assertEqual(driver.end(), 0, "the driver's exit status")
            for line in driver.printed + [driver.command_line]:
                told = [form for form in FORBIDDEN if form in line.lower()]
                self.assertEqual(told, [], f"a secret was told in {line}")

    def assertStatus(self, answer, status, *texts):
        self.assertEqual(answer["status"], status, answer["message"])
        self.assertEqual(answer["err_status"], status, "the status inside the error")
        for text in texts:
            self.assertIn(text, answer["message"])


# --- servers that misbehave -----------------------------------------------------------------------


class Request:
    def __init__(self, method, path, headers, body, connection):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.connection = connection    # a number: the n-th connection of the server

    def is_login(self):
        return self.path.endswith("/auth/access_token")


class Connection:
    """What an answer may do to the connection it was asked on."""

    def __init__(self, sock, number):
        self.sock, self.number, self.is_open = sock, number, True

    def send(self, data):
        self.sock.sendall(data)

    def reply(self, status, body=b"", **headers):
        self.send(reply(status, body, **headers))

    def close(self):
        self.is_open = False

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_open = False


def reply(status, body=b"", **headers):
    """The bytes of an answer. A dict or list becomes JSON; content_length=... lies."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers.setdefault("content_type", "application/json; charset=utf-8")
    if isinstance(body, str):
        body = body.encode()
    headers.setdefault("content_length", len(body))
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def grant(life=600, token="eyJhbGciOiJIUzI1NiJ9.dGVzdA.c2lnbmF0dXJlLW9mLXRlc3Q"):
    return {"token_type": "Bearer", "access_token": token, "expires_in": life, "refresh_token": "r"}


def rows(*ids, type_name="Shot"):
    data = [{"type": type_name, "id": i, "attributes": {"code": f"c{i}"}, "relationships": {}} for i in ids]
    return {"data": data, "links": {"next": "/for/ever"}}


def errors(status, code, title, detail=None, source=None):
    return {"errors": [{"id": "1", "status": status, "code": code, "title": title, "source": source,
                        "detail": detail, "meta": None}]}


class Hostile:
    """A server whose every answer is the test's: answer(request, connection). `login` likewise."""

    def __init__(self, answer, login=None, tls=None):
        self.answer, self.login, self.tls = answer, login, tls
        self.requests, self.busy, self.busiest = [], 0, 0
        self.connections = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def asked(self, method=None):
        """The requests but the logins."""
        with self.lock:
            return [r for r in self.requests if not r.is_login() and method in (None, r.method)]

    def logins(self):
        with self.lock:
            return [r for r in self.requests if r.is_login()]

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            elif sock.recv(1, socket.MSG_PEEK) == b"\x16":
                sock.sendall(reply(400, "You speak TLS to a plain port"))
                sock.recv(1000)
                return
            connection = Connection(sock, number)
            stream = sock.makefile("rb")
            while connection.is_open:
                request = read_request(stream, number)
                if request is None:
                    break
                self._one(request, connection)
            stream.close()
        except OSError:
            pass
        finally:
            sock.close()

    def _one(self, request, connection):
        with self.lock:
            self.requests.append(request)
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        try:
            if not request.is_login():
                self.answer(request, connection)
            elif self.login:
                self.login(request, connection)
            else:
                connection.reply(200, grant())
        finally:
            with self.lock:
                self.busy -= 1


def read_request(stream, number):
    line = stream.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers = {}
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body, number)


class Proxy:
    """A CONNECT proxy that wants user proxy_user and PROXY_PASSWORD."""

    def __init__(self, password=PROXY_PASSWORD):
        self.wanted = "Basic " + base64.b64encode(f"proxy_user:{password}".encode()).decode()
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.option = f"proxy_user:{PROXY_PASSWORD}@127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        stream = sock.makefile("rb")
        try:
            request = read_request(stream, 0)
            if request is None:
                return
            self.asked.append(request)
            if request.headers.get("proxy-authorization") != self.wanted:
                sock.sendall(reply(407, f"go away {request.headers.get('proxy-authorization')}",
                                   proxy_authenticate="Basic"))
                return
            host, _, port = request.path.rpartition(":")
            with socket.create_connection((host, int(port))) as onward:
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(onward, sock), daemon=True)
                back.start()
                pump(sock, onward)
                back.join()
        except OSError:
            pass
        finally:
            stream.close()
            sock.close()


def pump(from_sock, to_sock):
    try:
        while data := from_sock.recv(65536):
            to_sock.sendall(data)
        to_sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass
