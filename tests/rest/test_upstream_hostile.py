"""lib/upstream against servers, proxies and networks that misbehave, and for secrets in what it tells."""

import base64
import gzip
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import zlib

from upstream_case import (FORBIDDEN, KEY, PASSWORD, PROXY_PASSWORD, SANITIZE, SECRETS, SESSION, SLACK_MS, Case,
                           Hostile, Proxy, clean_environment, errors, forms_of, grant, reply, rows)

PAGE = {"type": "Shot", "fields": "code", "page_size": 10}
SCRIPT = {"script_name": "driver_script", "script_key": KEY}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def first_then(first, then=None):
    """An answer that misbehaves once."""
    asked = []

    def answer(request, connection):
        asked.append(request)
        if len(asked) == 1:
            first(request, connection)
        else:
            (then or good)(request, connection)
    return answer


def good(request, connection):
    if request.method == "DELETE":
        connection.reply(204)
    elif request.path.endswith("_search"):
        connection.reply(200, rows(1, 2))
    else:
        connection.reply(201, {"data": rows(7)["data"][0], "links": {}})


class OnHostile(Case):

    def serve(self, answer, **more):
        server = Hostile(answer, **more)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def to(self, server, environment=None, **more):
        return self.driver(environment, site_url=server.url, **{**SCRIPT, **more})


class SentOnce(OnHostile):

    def order(self, d, method):
        if method == "POST":
            return d.create(type="Shot", data={"code": "x"})
        if method == "PUT":
            return d.update(type="Shot", id=7, data={"code": "x"})
        return d.delete(type="Shot", id=7)

    def test_a_write_that_was_taken_and_answered_by_silence(self):
        """The server reads a request on a connection used before, commits, and closes without a byte:
        libcurl would send it again by itself (lane.h)."""
        for method in ("POST", "PUT", "DELETE"):
            for ending in ("close", "reset"):
                with self.subTest(method, ending=ending):
                    taken = []

                    def answer(request, connection):
                        if request.path.endswith("_search"):
                            return good(request, connection)
                        taken.append(request)
                        return getattr(connection, ending)()
                    server = self.serve(answer)
                    d = self.to(server)
                    for _ in range(3):
                        self.assertStatus(d.search(**PAGE), "OK")
                    self.assertEqual(len({r.connection for r in server.asked()}), 1, "reads share a connection")
                    got = self.order(d, method)
                    self.assertStatus(got, "UNKNOWN", "not known what became of it")
                    time.sleep(0.1)
                    self.assertEqual(len(taken), 1, "the write arrived more than once")

    def test_a_write_does_not_trust_an_idle_connection(self):
        """One that the server has dropped meanwhile would make a write fail that was never sent."""
        server = self.serve(lambda request, connection: (good(request, connection), connection.close()))
        d = self.to(server)
        for _ in range(3):
            self.assertStatus(d.search(**PAGE), "OK")
            self.assertStatus(d.create(type="Shot", data={"code": "x"}), "OK")
        self.assertEqual(len(server.asked()), 6)

    def test_a_large_write_is_sent_without_asking_first(self):
        server = self.serve(good)
        d = self.to(server)
        self.assertStatus(d.create(type="Shot", data={"code": "x" * 3_000_000}), "OK")
        self.assertEqual(len(server.asked()), 1)
        self.assertNotIn("expect", server.asked()[0].headers)

    def test_a_write_cut_in_the_middle(self):
        def answer(request, connection):
            raise AssertionError("never complete")
        server = self.serve(answer)
        d = self.to(server)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def half():
            sock, _ = listener.accept()             # the login
            sock.recv(100000)
            body = reply(200, grant())
            sock.sendall(body)
            sock2, _ = listener.accept()
            sock2.recv(1000)                        # a part of the write
            sock2.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock2.close()
            sock.close()
        threading.Thread(target=half, daemon=True).start()
        d = self.driver(site_url=f"http://127.0.0.1:{listener.getsockname()[1]}", **SCRIPT)
        self.assertStatus(d.create(type="Shot", data={"code": "x" * 8_000_000}), "UNKNOWN")

    def test_answers_that_prove_nothing(self):
        record = {"data": {"type": "Shot", "id": 7, "attributes": {}, "relationships": {}}}
        cases = {
            "half a JSON": reply(201, b'{"data": {"type"'),
            "no row": reply(201, {"data": None}),
            "a page": reply(200, "<html>Welcome to the hotel's network</html>"),
            "too short": reply(201, record, content_length=100000),
            "500": reply(500, errors(500, 103, "Shotgun Server Error")),
            "a redirect": reply(303, "", location="/elsewhere"),
            "408": reply(408, "slow"),
            "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "bad chunks": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        }
        for name, answer in cases.items():
            with self.subTest(name):
                server = self.serve(lambda request, connection: (connection.send(answer), connection.close()))
                d = self.to(server)
                self.assertStatus(d.create(type="Shot", data={}), "UNKNOWN")
                self.assertStatus(d.delete(type="Shot", id=7), "OK" if name == "no row" else "UNKNOWN") \
                    if name not in ("half a JSON",) else None
                self.assertEqual(len(server.asked("POST")), 1)
        server = self.serve(lambda request, connection: connection.reply(200, record))
        self.assertStatus(self.to(server).update(type="Shot", id=8, data={}), "UNKNOWN", "another row")

    def test_answers_to_a_batch_that_prove_nothing(self):
        def row(n, type_name="Shot"):
            return {"data": {"type": type_name, "id": n, "attributes": {}, "relationships": {}}}

        deleted = {"request_type": "delete", "type": "Shot", "id": 9, "uuid": None, "did_delete": True}
        good = [row(7), row(8), deleted]
        cases = {
            "shorter": good[:2], "longer": [*good, row(10)], "none": [], "no list": {"data": good}, "nothing": None,
            "another type": [row(7, "Asset"), *good[1:]], "another id": [row(7), row(18), deleted],
            "another order": [deleted, row(7), row(8)], "no row": [{"data": None}, *good[1:]],
            "null": [None, *good[1:]], "not deleted": [*good[:2], {**deleted, "did_delete": False}],
            "another deleted": [*good[:2], {**deleted, "id": 10}], "true": [*good[:2], True],
            "bare rows": [part.get("data", part) for part in good],
        }
        requests = [{"kind": 1, "type": "Shot", "data": {}}, {"kind": 2, "type": "Shot", "id": 8, "data": {}},
                    {"kind": 3, "type": "Shot", "id": 9}]
        for name, data in cases.items():
            with self.subTest(name):
                server = self.serve(lambda request, connection: connection.reply(200, {"data": data}))
                got = self.to(server).batch(requests=requests)
                self.assertStatus(got, "UNKNOWN", "batch of 3: sent, but")
                self.assertNotIn("got", got)
                self.assertEqual(len(server.asked("POST")), 1)
        for name, answer in {"half": reply(200, b'{"data": [{"data"'), "a page": reply(200, "<html>Hotel</html>"),
                             "cut": reply(200, {"data": good}, content_length=10000),
                             "500": reply(500, errors(500, 103, "Shotgun Server Error"))}.items():
            with self.subTest(name):
                server = self.serve(lambda request, connection: (connection.send(answer), connection.close()))
                self.assertStatus(self.to(server).batch(requests=requests), "UNKNOWN")
                self.assertEqual(len(server.asked("POST")), 1)
        server = self.serve(lambda request, connection: connection.reply(200, {"data": good}))
        self.assertStatus(self.to(server).batch(requests=requests), "OK")
        asked = json.loads(server.asked("POST")[0].body)
        self.assertEqual(asked, {"requests": [
            {"request_type": "create", "entity": "Shot", "data": {}},
            {"request_type": "update", "entity": "Shot", "record_id": 8, "data": {}},
            {"request_type": "delete", "entity": "Shot", "record_id": 9}]})

    def test_answers_that_prove_that_nothing_was_done(self):
        cases = [
            (400, errors(400, 103, "API update() Shot.x doesn't exist."), "EREFUSED", "API update() Shot.x"),
            (403, "<html><head><style>b{}</style></head><body><h1>API &amp; access</h1> <b>blocked</b></body></html>",
             "EREFUSED", "(403): API & access blocked"),
            (404, errors(404, 104, "Not Found", "Entity of type [Shot] with id=7 does not exist."), "EREFUSED", "id=7"),
            (409, "", "EREFUSED", "(no text)"),
            (429, "slow down", "EBUSY", "slow down"),
            (401, errors(401, 1, "No"), "EAUTH", "No"),
        ]
        for status, body, expected, text in cases:
            with self.subTest(status):
                server = self.serve(lambda request, connection: connection.reply(status, body))
                self.assertStatus(self.to(server).update(type="Shot", id=7, data={}), expected, text)
                self.assertEqual(len(server.asked()), 1)

    def test_only_the_code_of_a_missing_row_is_a_miss(self):
        for body, expected in ((errors(404, 104, "Not Found", "gone"), "MISS"),
                               (errors(404, 103, "Not Found", "Entity type 'x' does not exist."), "EREFUSED"),
                               ("<html>404 nginx</html>", "EREFUSED")):
            server = self.serve(lambda request, connection: connection.reply(404, body))
            self.assertStatus(self.to(server).delete(type="Shot", id=7), expected)

    def test_a_refused_token_is_renewed_once_for_a_write(self):
        def answer(request, connection):
            connection.reply(401, errors(401, 102, "Unauthorized", "Token Expired"))
        server = self.serve(answer)
        self.assertStatus(self.to(server).create(type="Shot", data={}), "EAUTH", "Token Expired")
        self.assertEqual((len(server.asked()), len(server.logins())), (2, 2))
        server = self.serve(first_then(answer))
        self.assertStatus(self.to(server).create(type="Shot", data={}), "OK")
        self.assertEqual((len(server.asked()), len(server.logins())), (2, 2))


class Answers(OnHostile):

    def test_half_replies_are_read_again(self):
        whole = reply(200, rows(1, 2))
        head, _, body = whole.partition(b"\r\n\r\n")
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        cases = {
            "cut": whole[:-10], "only a head": head + b"\r\n\r\n", "half a head": head[:30], "nothing": b"",
            "too short": reply(200, body, content_length=len(body) + 5), "cut chunk": chunked + b"ff\r\n{",
            "no last chunk": chunked + b"%x\r\n%s\r\n" % (len(body), body),
            "wrong chunk": chunked + b"nonsense\r\n", "garbage": reply(200, b"\x00\xff{{{"),
            "empty": reply(200, b""), "a page": reply(200, "<html>Log in to the network</html>"),
            "no data": reply(200, {"links": {}}), "data is no list": reply(200, {"data": {"id": 1}}),
            "a row without id": reply(200, {"data": [{"type": "Shot"}]}),
            "broken gzip": reply(200, b"\x1f\x8b\x08\x00not gzip", content_encoding="gzip"),
            "not HTTP": b"220 smtp ready\r\n\r\n",
        }
        for name, answer in cases.items():
            with self.subTest(name):
                server = self.serve(first_then(lambda r, c: (c.send(answer), c.close())))
                got = self.to(server).search(**PAGE)
                self.assertStatus(got, "OK")
                self.assertEqual([row["id"] for row in got["rows"]], [1, 2])
                self.assertEqual(len(server.asked()), 2)

    def test_a_page_for_ever_is_no_answer(self):
        server = self.serve(lambda r, c: c.reply(200, "<html>Log in to the network</html>"))
        got = self.to(server).search(**PAGE)
        self.assertStatus(got, "ESERVER", "search Shot", "not JSON")
        self.assertEqual((got["http_status"], len(server.asked())), (200, 4))

    def test_a_server_error_is_not_asked_again(self):
        server = self.serve(lambda r, c: c.reply(500, errors(500, 103, "Shotgun Server Error")))
        self.assertStatus(self.to(server).search(**PAGE), "ESERVER", "Shotgun Server Error")
        self.assertEqual(len(server.asked()), 1)

    def test_redirects_are_told_and_not_followed(self):
        other = self.serve(good)
        for status in (301, 302, 303, 307, 308):
            where = other.url + "/moved?token=secret-in-a-query"
            server = self.serve(lambda r, c: c.reply(status, "", location=where))
            got = self.to(server).search(**PAGE)
            self.assertStatus(got, "ESERVER", str(status), other.url + "/moved")
            self.assertNotIn("secret-in-a-query", got["message"])
            self.assertEqual(len(server.asked()), 1)
            server = self.serve(good, login=lambda r, c: c.reply(status, "", location=where))
            self.assertStatus(self.to(server).create(type="Shot", data={}), "ESERVER", "redirect", "not sent")
        self.assertEqual(other.requests, [])

    def test_gzip(self):
        body = gzip.compress(str(rows(*range(1, 9))).replace("'", '"').encode())

        def answer(request, connection):
            self.assertIn("gzip", request.headers["accept-encoding"])
            connection.reply(200, body, content_encoding="gzip")
        got = self.to(self.serve(answer)).search(**PAGE)
        self.assertStatus(got, "OK")
        self.assertEqual(got["n"], 8)

    @unittest.skipIf(SANITIZE, "half a gigabyte is too much for a sanitizer")
    def test_a_reply_has_a_bound(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        body = b"".join(packer.compress(b" " * (1 << 24)) for _ in range(33)) + packer.flush()

        def answer(request, connection):
            connection.reply(200, body, content_encoding="gzip")
        got = self.to(self.serve(answer)).search(**PAGE)
        self.assertStatus(got, "ELIMIT", "larger than 536870912 bytes")

    def test_deep_nesting(self):
        server = self.serve(lambda r, c: c.reply(200, b'{"data":' + b"[" * 100000 + b"]" * 100000 + b"}"))
        self.assertStatus(self.to(server).search(**PAGE), "ESERVER", "nested")

    def test_the_request(self):
        seen = []
        server = self.serve(lambda r, c: (seen.append(r), good(r, c)))
        d = self.to(server, sudo_as_login="boss&friends")
        self.assertEqual(self.opened["identity"], "script:driver_script+sudo:boss&friends")
        self.assertStatus(d.search(**PAGE), "OK")
        login, search = server.logins()[0], seen[0]
        self.assertEqual(login.headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(urllib.parse.parse_qs(login.body.decode()), {
            "grant_type": ["client_credentials"], "client_id": ["driver_script"], "client_secret": [KEY],
            "scope": ["sudo_as_login:boss&friends"]})
        self.assertEqual((search.method, search.path), ("POST", "/api/v1.1/entity/Shot/_search"))
        self.assertEqual(search.headers["authorization"], "Bearer " + grant()["access_token"])
        self.assertEqual(search.headers["user-agent"], "libfptcache/0.1.0")
        self.assertEqual(search.headers["content-type"], "application/vnd+shotgun.api3_hash+json")
        self.assertEqual(search.body, b'{"filters":{"logical_operator":"and","conditions":[]},"fields":"code",'
                         b'"sort":"id","page":{"size":10,"number":1},'
                         b'"options":{"return_only":"active","include_archived_projects":true}}')

    def test_retry_after_for_ever(self):
        for value in ("999999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT"):
            server = self.serve(lambda r, c: c.reply(503, "", retry_after=value))
            got = self.to(server).search(**PAGE)
            self.assertStatus(got, "EBUSY")
            self.assertEqual(len(server.asked()), 1)

    def test_retry_after_as_a_date(self):
        date = {"date": "Wed, 16 Jun 2021 08:54:58 GMT", "retry_after": "Wed, 16 Jun 2021 08:54:59 GMT"}
        server = self.serve(first_then(lambda r, c: c.reply(503, "", **date)))
        got = self.to(server).search(**PAGE)
        self.assertStatus(got, "OK")
        self.assertGreaterEqual(got["ms"], 1000)

    def test_the_date_of_a_page(self):
        server = self.serve(lambda r, c: c.reply(200, rows(1), date="Wed, 16 Jun 2021 08:54:58 GMT"))
        self.assertEqual(self.to(server).search(**PAGE)["date_ms"], 1623833698000)


class Logins(OnHostile):

    def test_at_most_so_many_requests_at_once(self):
        server = self.serve(lambda r, c: (time.sleep(0.05), good(r, c)))
        got = self.to(server).threads(n=12, times=2, **PAGE)
        self.assertEqual(sum(got["statuses"], []), ["OK"] * 24)
        self.assertEqual((server.busiest, len(server.logins()), server.connections), (4, 1, 4))

    def test_waiting_for_a_turn_ends_with_the_deadline(self):
        server = self.serve(lambda r, c: (time.sleep(1.2), good(r, c)))
        got = self.to(server).threads(n=8, times=1, deadline_ms=600, **PAGE)
        self.assertEqual(sum(got["statuses"], []), ["EDEADLINE"] * 8)
        self.assertLessEqual(got["ms"], 600 + SLACK_MS)

    def test_a_failed_login_is_shared_by_those_who_wait(self):
        server = self.serve(good, login=lambda r, c: (time.sleep(0.3),
                                                     c.reply(400, errors(400, 102, "Can't authenticate"))))
        got = self.to(server).threads(n=4, times=1, **PAGE)
        self.assertEqual(sum(got["statuses"], []), ["EAUTH"] * 4)
        self.assertEqual((len(server.logins()), len(server.asked())), (1, 0))

    def test_logins_that_fail(self):
        cases = [(reply(429, "busy"), "EBUSY", 4), (reply(502, "bad"), "ESERVER", 4), (reply(500, "bad"), "ESERVER", 1),
                 (reply(200, "<html>portal</html>"), "ESERVER", 4), (reply(200, {"access_token": ""}), "ESERVER", 4),
                 (reply(200, grant(token="a\r\nX-Evil: 1")), "ESERVER", 4), (reply(404, "nginx"), "ESERVER", 1),
                 (b"", "ENET", 4)]
        for answer, status, attempts in cases:
            with self.subTest(answer):
                server = self.serve(good, login=lambda r, c: (c.send(answer), c.close()))
                d = self.to(server)
                self.assertStatus(d.search(**PAGE), status, "search Shot")
                self.assertEqual(len(server.logins()), attempts)
                self.assertStatus(d.create(type="Shot", data={}), status, "not sent")
                self.assertEqual(server.asked(), [])

    def test_a_token_without_life_is_used_all_the_same(self):
        for life in (0, -5, 1, "soon", None):
            server = self.serve(good, login=lambda r, c: c.reply(200, grant(life)))
            d = self.to(server)
            self.assertStatus(d.search(**PAGE), "OK")
            self.assertStatus(d.search(**PAGE), "OK")

    def test_credentials_that_cannot_be(self):
        url = "http://127.0.0.1:1"
        script, person = {"script_name": "a", "script_key": KEY}, {"user_login": "a", "user_password": PASSWORD}
        for options in ({"script_name": "a"}, {"script_key": KEY}, {"user_login": "a"}, {"user_password": PASSWORD},
                        {"sudo_as_login": "a"}, {**script, **person}, {**script, "session_token": SESSION}):
            self.driver(site_url=url, **options)
            self.assertStatus(self.opened, "EUSAGE", "credential")

    def test_identities(self):
        url = "http://127.0.0.1:1"
        for options, identity in (
                ({}, ""), (SCRIPT, "script:driver_script"),
                ({"user_login": "ann", "user_password": PASSWORD, "sudo_as_login": "bob"}, "user:ann+sudo:bob"),
                ({"session_token": SESSION}, "session:" + hashlib.sha256(SESSION.encode()).hexdigest()[:16])):
            self.driver(site_url=url, **options)
            self.assertStatus(self.opened, "OK")
            self.assertEqual(self.opened["identity"], identity)


class Networks(OnHostile):

    def test_addresses(self):
        for url in ("http://example.com", "http://127.0.0.1.example.com", "http://128.0.0.1", "http://[::2]",
                    "ftp://example.com", "example.com", "", "https://", "https://u:p4ssw@example.com",
                    "https://example.com/?x=1", "https://example.com/#x", "file:///etc/passwd", "http://0.0.0.0",
                    "https://exa mple.com", "http://127.0.0.1@example.com", "http://localhost.example.com"):
            with self.subTest(url):
                self.driver(site_url=url, **SCRIPT)
                self.assertStatus(self.opened, "EUSAGE", "site_url")
                self.assertNotIn("p4ssw", self.opened["message"])
        for url in ("http://127.0.0.1", "http://127.3.2.1:80/", "http://[::1]:8080", "http://localhost", "http://127.1",
                    "HTTP://LOCALHOST:1", "https://studio.shotgrid.autodesk.com/"):
            with self.subTest(url):
                self.driver(site_url=url, **SCRIPT)
                self.assertStatus(self.opened, "OK")
        for proxy in ("socks5://x:1", "a b", f"u:{PROXY_PASSWORD}@", "http://x:1/?q", "x:99999", "y" * 400):
            self.driver(site_url="https://x", http_proxy=proxy, **SCRIPT)
            self.assertStatus(self.opened, "EUSAGE", "http_proxy")

    def test_nobody_listens(self):
        d = self.driver(site_url=f"http://127.0.0.1:{free_port()}", **SCRIPT)
        got = d.search(**PAGE)
        self.assertStatus(got, "ENET", "search Shot")
        self.assertEqual(got["curl_code"], 7)
        self.assertLess(got["ms"], SLACK_MS)
        self.assertStatus(d.create(type="Shot", data={}), "ENET", "not sent")

    def test_no_such_host(self):
        d = self.driver(site_url="https://no-such-host.invalid", **SCRIPT)
        self.assertStatus(d.search(**PAGE), "ENET", "no-such-host.invalid")
        self.assertStatus(d.create(type="Shot", data={}), "ENET", "not sent")

    def test_a_name_server_that_hangs(self):
        d = self.driver(site_url="https://hanging-dns.invalid", **SCRIPT)
        got = d.search(**PAGE, deadline_ms=400)
        self.assertStatus(got, "EDEADLINE")
        self.assertLessEqual(got["ms"], 400 + SLACK_MS)
        got = d.create(type="Shot", data={}, cancel_after_ms=200)
        self.assertStatus(got, "ECANCELLED", "not sent")
        self.assertLessEqual(got["ms"], 200 + SLACK_MS)

    def test_a_server_that_never_accepts(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(listener.close)
        fill = [socket.socket() for _ in range(4)]
        for sock in fill:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            self.addCleanup(sock.close)
        d = self.driver(site_url=f"http://127.0.0.1:{listener.getsockname()[1]}", **SCRIPT)
        got = d.create(type="Shot", data={}, deadline_ms=400)
        self.assertStatus(got, "EDEADLINE", "not sent")
        self.assertLessEqual(got["ms"], 400 + SLACK_MS)

    def test_an_answer_that_trickles(self):
        def answer(request, connection):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
            for _ in range(40):
                connection.send(b"{")
                time.sleep(0.05)
        got = self.to(self.serve(answer)).search(**PAGE, deadline_ms=500)
        self.assertStatus(got, "EDEADLINE")
        self.assertLessEqual(got["ms"], 500 + SLACK_MS)

    def test_the_environment_sends_nothing_elsewhere(self):
        dead = f"http://127.0.0.1:{free_port()}"
        environment = {name: dead for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY")}
        d = self.to(self.serve(good), environment)
        self.assertStatus(d.search(**PAGE), "OK")

    def test_plain_http_never_takes_the_proxy(self):
        with Proxy() as proxy:
            d = self.to(self.serve(good), http_proxy=proxy.option)
            self.assertStatus(d.search(**PAGE), "OK")
            self.assertEqual(proxy.asked, [])


@unittest.skipUnless(shutil.which("openssl"), "the openssl command is not here to make certificates")
class Certificates(OnHostile):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="fptc-tls-")
        cls.here = cls.certificate("here", "IP:127.0.0.1")
        cls.elsewhere = cls.certificate("elsewhere", "DNS:example.com")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def certificate(cls, name, host):
        cert, key = (os.path.join(cls.folder.name, f"{name}.{kind}") for kind in ("pem", "key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName={host}"], check=True, env=clean_environment(),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return cert, key

    def secure(self, pair, answer=good, **more):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        return self.serve(answer, tls=context, **more)

    def test_an_unknown_certificate_is_refused(self):
        server = self.secure(self.here)
        d = self.to(server)
        got = d.search(**PAGE)
        self.assertStatus(got, "ETLS", "certificate")
        self.assertStatus(d.create(type="Shot", data={}), "ETLS", "not sent")
        self.assertEqual(server.requests, [])

    def test_a_known_certificate_is_taken(self):
        server = self.secure(self.here)
        d = self.to(server, ca_file=self.here[0])
        for _ in range(3):
            self.assertStatus(d.search(**PAGE), "OK")
            self.assertStatus(d.create(type="Shot", data={}), "OK")
        self.assertStatus(self.to(server, ca_file=self.elsewhere[0]).search(**PAGE), "ETLS")

    def test_a_certificate_of_another_host_is_refused(self):
        server = self.secure(self.elsewhere)
        self.assertStatus(self.to(server, ca_file=self.elsewhere[0]).search(**PAGE), "ETLS")
        self.assertEqual(server.requests, [])

    def test_a_ca_file_that_is_none(self):
        server = self.secure(self.here)
        for path in ("/no/such/file.pem", self.here[1]):
            self.assertStatus(self.to(server, ca_file=path).search(**PAGE), "ETLS")

    def test_what_is_not_tls(self):
        server = self.serve(good)
        d = self.driver(site_url=f"https://127.0.0.1:{server.port}", **SCRIPT)
        self.assertStatus(d.search(**PAGE), "ETLS")

    def test_a_handshake_that_is_cut_is_the_networks(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def cut():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                sock.recv(1000)
                sock.close()
        threading.Thread(target=cut, daemon=True).start()
        d = self.driver(site_url=f"https://127.0.0.1:{listener.getsockname()[1]}", **SCRIPT)
        self.assertStatus(d.create(type="Shot", data={}), "ENET", "not sent")

    def test_a_connection_that_breaks_under_tls(self):
        """Also: no SIGPIPE may reach the host program."""
        def answer(request, connection):
            good(request, connection)
            connection.close()
        server = self.secure(self.here, answer)
        d = self.to(server, ca_file=self.here[0])
        for _ in range(5):
            self.assertStatus(d.search(**PAGE), "OK")
            self.assertStatus(d.create(type="Shot", data={}), "OK")
        silent = self.secure(self.here, lambda r, c: c.reset() if r.method == "PUT" else good(r, c))
        d = self.to(silent, ca_file=self.here[0])
        self.assertStatus(d.search(**PAGE), "OK")
        self.assertStatus(d.update(type="Shot", id=7, data={"code": "x" * 500000}), "UNKNOWN")
        self.assertEqual(len(silent.asked("PUT")), 1)

    def test_the_proxy(self):
        server = self.secure(self.here)
        with Proxy() as proxy:
            d = self.to(server, ca_file=self.here[0], http_proxy=proxy.option)
            self.assertStatus(d.search(**PAGE), "OK")
            self.assertStatus(d.create(type="Shot", data={}), "OK")
            self.assertEqual({request.path for request in proxy.asked}, {f"127.0.0.1:{server.port}"})
            self.assertEqual(len(server.asked()), 2)
            self.assertNotIn("authorization", [name for request in proxy.asked for name in request.headers])

    def test_a_proxy_that_refuses(self):
        server = self.secure(self.here)
        with Proxy(password="another") as proxy:
            d = self.to(server, ca_file=self.here[0], http_proxy=proxy.option)
            self.assertStatus(d.search(**PAGE), "EAUTH", f"the proxy http://127.0.0.1:{proxy.port} answered 407")
            self.assertStatus(d.create(type="Shot", data={}), "EAUTH", "not sent")
        d = self.to(server, ca_file=self.here[0], http_proxy=f"u:{PROXY_PASSWORD}@127.0.0.1:{free_port()}")
        self.assertStatus(d.create(type="Shot", data={}), "ENET", "not sent")
        self.assertEqual(server.requests, [])


class Secrets(OnHostile):
    """Servers that send back all they were sent, in every place that ends in a message."""

    CREDENTIALS = [SCRIPT, {"user_login": "person", "user_password": PASSWORD}, {"session_token": SESSION}]

    def echoes(self, request):
        """Everything the request held, in many spellings."""
        body = request.body.decode()
        plain = urllib.parse.unquote_plus(body)
        secrets = "".join(f" {form}" for secret in self.known for form in forms_of(secret))
        return f"{request.headers} {body} {plain}{secrets}"

    def test_an_echo_is_starred_out(self):
        answers = {
            "json": lambda text: reply(400, errors(400, 102, text, None, {"a": text})),
            "detail": lambda text: reply(403, errors(403, 102, "t", text)),
            "html": lambda text: reply(403, "<html>" + text.replace("&", "&amp;").replace("<", "&lt;") + "</html>"),
            "long": lambda text: reply(500, "y" * 300 + text * 20),
            "404": lambda text: reply(404, text),
            "page": lambda text: reply(200, text),
            "redirect": lambda text: reply(302, "", location="/x" + urllib.parse.quote(text[:3000])),
            "raw redirect": lambda text: reply(302, "", location="https://h/" + text[-2000:].replace("\n", "")),
            "not http": lambda text: text.encode() + b"\r\n\r\n",
        }
        for name, answer in answers.items():
            for credential in self.CREDENTIALS:
                with self.subTest(name, credential=sorted(credential)[0]):
                    def misbehave(request, connection, answer=answer):
                        connection.send(answer(self.echoes(request)))
                        connection.close()
                    self.known = [PROXY_PASSWORD] + [text for text in credential.values() if text in SECRETS]
                    proxy = {"http_proxy": f"proxy_user:{PROXY_PASSWORD}@127.0.0.1:1"}
                    login_fails = self.serve(good, login=misbehave)
                    all_fails = self.serve(misbehave)
                    for server in (login_fails, all_fails):
                        d = self.driver(site_url=server.url, **credential, **proxy)
                        for order in (d.search(**PAGE, deadline_ms=150), d.create(type="Shot", data={}),
                                      d.delete(type="Shot", id=1), d.schema(type="Shot", deadline_ms=150)):
                            self.assertNotIn(order["status"], ("OK", "EUSAGE"))
                            self.assertNotIn(grant()["access_token"].lower(), str(order).lower())

    def test_the_end_of_a_message_holds_no_half_of_a_secret(self):
        """Texts that are as long as a message, and end in the key: cutting must come after hiding."""
        key = "k3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3y"
        for n in range(360, 500, 20):
            pad = "y" * n + key
            for answer in (reply(302, "", location="/" + pad), reply(400, errors(400, 103, pad)), reply(404, pad)):
                server = self.serve(lambda r, c: c.send(answer))
                d = self.to(server, script_key=key)
                self.assertNotIn("k3y", str(d.search(**PAGE)))
                self.assertNotIn("k3y", str(d.create(type="Shot", data={})))

    def test_the_check_itself_finds_secrets(self):
        """tearDown() of every test looks for these; here is that it would find them."""
        basic = base64.b64encode(f"proxy_user:{PROXY_PASSWORD}".encode()).decode()
        for text in (f"key {KEY}", "x " + urllib.parse.quote(KEY), basic, json.dumps(PASSWORD)):
            self.assertTrue([form for form in FORBIDDEN if form in text.lower()], text)
        self.assertFalse([form for form in FORBIDDEN if form in "an ordinary message about script 'pipeline'"])

    def test_log_lines_are_there_to_be_looked_at(self):
        d = self.to(self.serve(good))
        self.assertIn("/api/v1.1/entity/Shot/_search: 200", "".join(d.search(**PAGE)["log"]))


if __name__ == "__main__":
    unittest.main()
