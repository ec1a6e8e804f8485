"""HTTP/1.1 over threads: keep-alive, chunked and compressed replies, faults on the wire."""

import functools
import hashlib
import json
import os
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
import traceback
import zlib
from http import HTTPStatus

from api import Reply, Request
from errors import ApiError
from faults import Later

COMPRESSIBLE = (200, 403, 404)      # what the service's front end compresses, and so sends in chunks
SMALLEST_CHUNKED = 150
CHUNK = 65536
HTML = ("<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
MAINTENANCE = ("<!DOCTYPE html>\n<html><head><title>Down for maintenance</title></head><body>"
               "<h1>The site is down for maintenance or too busy</h1></body></html>\n")
BLOCKED = "<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head><body><h1>API access is blocked</h1></body></html>\n"


class Dropped(Exception):
    """The connection is to be closed without (the rest of) a reply."""


class Site:
    """What the handler threads share."""

    def __init__(self, api, control, faults, journal, latency_ms):
        self.api, self.control, self.faults, self.journal = api, control, faults, journal
        self.latency, self.batch_latency = latency_ms / 1000, 0
        self.later = Later()
        self.lock = threading.RLock()       # one request at a time touches the rows
        self.stopping = threading.Event()

    def latency_of(self, request):
        """How long a request takes by itself: a batch longer, for each of its requests."""
        return self.latency + (self.batch_latency * request.n_parts if self.batch_latency else 0)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self._connect()
            while not self.server.site.stopping.is_set() and self._serve_one():
                pass
        except (Dropped, OSError, ssl.SSLError, ValueError):
            pass

    def _connect(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb", 65536)

    def finish(self):
        # socketserver closes the socket it accepted, which is not the one inside TLS.
        try:
            self.request.close()
        except OSError:
            pass

    # -- reading

    def _serve_one(self):
        line = self.rfile.readline(65537)
        if not line.strip():
            return False
        method, target, version = line.decode("latin-1").split()
        headers = self._headers()
        body = self._body(headers)
        keep = headers.get("connection", "").lower() != "close" and version == "HTTP/1.1"
        self._answer(Request(method, target, headers, body), keep)
        return keep

    def _headers(self):
        headers = {}
        while True:
            line = self.rfile.readline(65537)
            if line in (b"\r\n", b"\n", b""):
                return headers
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()

    def _body(self, headers):
        if headers.get("expect", "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked_body()
        length = int(headers.get("content-length") or 0)
        return self.rfile.read(length) if length else b""

    def _chunked_body(self):
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            if size == 0:
                self._headers()
                return b"".join(parts)
            parts.append(self.rfile.read(size))
            self.rfile.readline()

    # -- answering

    def _answer(self, request, keep):
        site = self.server.site
        if request.path.startswith("/_control"):
            self._send(request, site.control(request), keep)
            return
        started = time.time()
        wait, fault = site.faults.of(request.method, request.label)
        wait += site.latency_of(request)
        if wait:
            site.stopping.wait(wait)
        entry, status, size = None, "dropped", 0

        def log(status, rows):
            return site.journal.add(request.kind, request.method, request.label, status, rows, started)

        try:
            reply = self._before(site, fault, request) if fault else None
            reply = reply or self._perform(site, request)
            reply = self._after(site, fault, reply) if fault else reply
            entry = log(reply.status, reply.rows)
            size = self._send(request, reply, keep, fault is not None and fault.kind == "truncate")
            status = reply.status
        finally:
            site.journal.end(entry or log(status, 0), status, size)

    def _before(self, site, fault, request):
        """A fault that strikes before the request is looked at: its reply, or None."""
        if fault.kind == "reset":
            self._reset()
        if fault.kind == "hang":
            site.stopping.wait(fault.seconds)
            self._reset()
        if fault.kind == "expire-token":
            site.api.auth.end(request.headers.get("authorization"))
        headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
        if fault.kind == "429":
            return error_reply(ApiError(429, 103, "Too Many Requests"), headers)
        if fault.kind == "503":
            return error_reply(ApiError(503, 103, "Service Unavailable", None, "The site is too busy"), headers)
        if fault.kind in ("html-403", "html-503"):
            page = BLOCKED if fault.kind == "html-403" else MAINTENANCE
            return Reply(int(fault.kind[5:]), page, 0, {"content-type": "text/html; charset=utf-8", **headers})
        if fault.kind in ("502", "504"):
            return gateway_reply(int(fault.kind), headers)
        if fault.kind.startswith("late-commit"):
            site.later.after(fault.seconds, functools.partial(self._perform, site, request))
            if fault.kind == "late-commit-reset":
                self._reset()
            return gateway_reply(504, headers)
        return None

    def _after(self, site, fault, reply):
        if fault.kind == "late":
            site.stopping.wait(fault.seconds)
        if fault.kind == "reset-after-commit":
            self._reset()
        return gateway_reply(504) if fault.kind == "504-after-commit" else reply

    def _perform(self, site, request):
        with site.lock:
            try:
                return site.api.handle(request)
            except ApiError as error:
                return error_reply(error)
            except Exception:
                traceback.print_exc()
                return error_reply(ApiError(500, 103, "Shotgun Server Error"))

    def _reset(self):
        """Ends the connection with a reset instead of an orderly close."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.request.close()
        raise Dropped

    def _send(self, request, reply, keep, truncate=False):
        """Sends a reply; returns the bytes of its body on the wire."""
        body = reply.text.encode("utf-8", "surrogatepass") if isinstance(reply.text, str) else reply.text
        chunked = reply.status in COMPRESSIBLE and len(body) > SMALLEST_CHUNKED
        lines = [f"HTTP/1.1 {reply.status} {reason(reply.status)}",
                 f"date: {http_date(self.server.site.api.store.clock.now())}",
                 "server: nginx + Phusion Passenger(R)", f"x-request-id: {os.urandom(16).hex()}",
                 "strict-transport-security: max-age=63072000; includeSubDomains; preload",
                 "x-frame-options: SAMEORIGIN", f"connection: {'keep-alive' if keep else 'close'}"]
        if body:
            lines.append(f"content-type: {reply.headers.get('content-type', 'application/json; charset=utf-8')}")
        lines += [f"{name}: {value}" for name, value in reply.headers.items() if name != "content-type"]
        lines.append("cache-control: " + ("private, max-age=0, must-revalidate" if reply.status == 200
                                          else "no-cache, max-age=0"))
        if reply.status == 200 and "etag" not in reply.headers:
            tag = hashlib.md5(body, usedforsecurity=False).hexdigest()
            lines.append(f'etag: {"W/" if chunked else ""}"{tag}"')
        if chunked and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzipped(body)
            lines.append("content-encoding: gzip")
            lines.append("vary: Accept-Encoding")
        if chunked:
            lines.append("transfer-encoding: chunked")
        elif reply.status != 204:
            lines.append(f"content-length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if truncate:
            wire = in_chunks(body)[:max(len(body) // 2, 1)] if chunked else body[:len(body) // 2]
            self.request.sendall(head + wire)
            raise Dropped
        self.request.sendall(head + (in_chunks(body) if chunked else body))
        return len(body)


def gzipped(body):
    engine = zlib.compressobj(1, zlib.DEFLATED, 31)
    return engine.compress(body) + engine.flush()


def in_chunks(body):
    parts = []
    for at in range(0, len(body), CHUNK):
        part = body[at:at + CHUNK]
        parts += [b"%x\r\n" % len(part), part, b"\r\n"]
    return b"".join(parts) + b"0\r\n\r\n"


def reason(status):
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def http_date(moment):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))


def error_reply(error, headers=None):
    body = {"errors": [{"id": os.urandom(16).hex(), "status": error.status, "code": error.code,
                        "title": error.args[0], "source": error.source, "detail": error.detail, "meta": None}]}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Reply(error.status, re.sub(">", "\\\\u003e", text), 0, headers)


def gateway_reply(status, headers=None):
    """What the front end says by itself when it gets no reply from behind."""
    return Reply(status, HTML.format(f"{status} {reason(status)}"), 0,
                 {"content-type": "text/html", **(headers or {})})


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, port, site, tls=None, address="127.0.0.1"):
        self.site, self.tls = site, tls
        super().__init__((address, port), Handler)

    def handle_error(self, request, client_address):
        traceback.print_exc()
