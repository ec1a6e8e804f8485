"""Uploads: files into fields, as pictures, as Attachments; in parts; what goes wrong at each step, and what is told."""

import hashlib
import os
import resource
import subprocess
import sys
import time
import unittest

import fptcache
from support import IN_PROJECT, PROJECT, SOURCE, WithSite

sys.path.insert(0, str(SOURCE / "tests/rest"))
from upstream_case import Hostile  # noqa: E402

MIB = 1024 * 1024
PART = 20 * MIB         # how the library divides what is larger
INIT, PUT, COMPLETE = r"GET .*/_upload\?", "PUT .*/_storage/", "POST .*/_upload$"


class Uploads(WithSite):

    def setUp(self):
        super().setUp()
        self.site.steer_uploads(service="s3", expired=0, has_etags=True)
        self.version = self.site.create("Version", {"code": "v001", "project": PROJECT})["id"]
        self.before = len(self.site.uploads()["files"])
        self.lines = []
        self.watched = self.cache(log=lambda _, text: self.lines.append(text), log_level="debug")

    def tearDown(self):
        told = "\n".join(self.lines)
        for secret in ("Signature", "X-Amz", "upload_id=", "/_storage", self.site.script_key, "Bearer"):
            self.assertNotIn(secret, told)
        seen = self.site.uploads()
        self.assertEqual((seen["open"], seen["tokens_seen"]), (0, 0))

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as stream:
            stream.write(content)
        return path

    def large(self, name="plate.mov", n_bytes=2 * PART + 17):
        """Two parts and a little more, no two parts alike."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as stream:
            for number in range(-(-n_bytes // MIB)):
                stream.write(bytes([number]) * min(MIB, n_bytes - number * MIB))
        return path

    def came(self):
        return self.site.uploads()["files"][self.before:]

    def send(self, path, field="sg_uploaded_movie", **how):
        return self.watched.upload("Version", self.version, path, field, **how)

    def row(self):
        return next(row for row in self.site.rows("Version") if row["id"] == self.version)


class Steps(Uploads):

    def test_into_a_file_field(self):
        told = []
        done, counts = self.visits(lambda: self.send(self.file("a b+ä.mov", b"film" * 1000), display_name="Ö 1",
                                                     progress=lambda *what: told.append(what) and None))
        came, = self.came()
        self.assertEqual(done, {"attachment": {"type": "Attachment", "id": came["attachment"]}, "type": "Version",
                                "id": self.version, "field": "sg_uploaded_movie", "bytes": 4000, "parts": 1})
        self.assertEqual((came["filename"], came["display_name"], came["content_type"]),
                         ("a b+ä.mov", "Ö 1", "video/quicktime"))
        self.assertEqual(came["md5"], hashlib.md5(b"film" * 1000).hexdigest())
        self.assertEqual(self.row()["sg_uploaded_movie"]["id"], came["attachment"])
        self.assertEqual(counts, {"upload": 3, "search": 1})
        self.assertEqual(told[-1], (os.path.join(self.folder, "a b+ä.mov"), 4000, 4000))

    def test_as_an_attachment_of_the_row(self):
        first = self.send(self.file("notes.txt", b"one"), None)
        second = self.send(self.file("notes.txt", b"two"), None)
        self.assertEqual([first["attachment"]["id"], second["attachment"]["id"]],
                         [came["attachment"] for came in self.came()])
        self.assertEqual(self.came()[0]["display_name"], "notes.txt")

    def test_as_a_picture(self):
        done = self.send(self.file("thumb.JPG", b"jpeg"), "image")
        came, = self.came()
        self.assertEqual((done["attachment"], came["field"], came["content_type"]), (None, "image", "image/jpeg"))
        self.assertIn("thumb.JPG", self.row()["image"])

    def test_in_parts(self):
        told = []
        path = self.large()
        done = self.send(path, progress=lambda _, *amount: told.append(amount) and None)
        came, = self.came()
        with open(path, "rb") as stream:
            etags = [hashlib.md5(stream.read(PART)).hexdigest() for _ in range(3)]
        self.assertEqual(came["md5"], hashlib.md5("".join(etags).encode()).hexdigest())
        self.assertEqual((done["parts"], came["parts"], came["bytes"]), (3, 3, 2 * PART + 17))
        self.assertEqual(sorted(told), told)
        self.assertEqual(told[-1], (2 * PART + 17, 2 * PART + 17))

    def test_nothing_of_it_is_held_in_memory(self):
        program = ("import fptcache, resource, sys\n"
                   f"cache = fptcache.open({self.directory!r}, script_name={self.site.script_name!r}, "
                   f"script_key={self.site.script_key!r})\n"
                   "size = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                   f"send = lambda path: cache.upload('Version', {self.version}, path, 'sg_uploaded_movie')\n"
                   "send(sys.argv[1])\nbefore = size()\nsend(sys.argv[2])\nprint(size() - before)\n")
        done = subprocess.run([sys.executable, "-B", "-c", program, self.file("a.mov", b"a"), self.large()],
                              stdout=subprocess.PIPE, text=True, check=True)
        self.assertLess(int(done.stdout) * resource.getpagesize() // 4, 8 * MIB)

    def test_into_the_storage_of_the_site(self):
        self.site.steer_uploads(service="sg")
        for path, n_bytes in ((self.file("a.png", b"png"), 3), (self.large(), 2 * PART + 17)):
            with self.subTest(path):
                done = self.send(path)
                self.assertEqual((self.came()[-1]["bytes"], done["parts"]), (n_bytes, 1))
                self.assertEqual(done["attachment"]["id"], self.came()[-1]["attachment"])

    def test_what_is_covered_shows_it(self):
        self.watched.mirror_add("Attachment", PROJECT["id"])
        self.watched.sync(PROJECT["id"])
        found = self.watched.find("Attachment", [IN_PROJECT], "display_name", max_age=600)
        self.assertEqual(found.source, "cache")
        done = self.send(self.file("fresh.txt", b"1"), None)
        found = self.watched.find("Attachment", [IN_PROJECT], "display_name", max_age=600)
        self.assertIn(done["attachment"]["id"], [row["id"] for row in found])


class Failures(Uploads):

    def fault(self, kind, match, times=1, **more):
        self.site.faults([{"kind": kind, "match": match, "times": times, **more}])

    def test_what_can_do_no_harm_is_done_again(self):
        for kind in ("503", "504", "reset", "reset-after-commit", "429"):
            for match in (INIT, PUT):
                with self.subTest(kind=kind, match=match):
                    self.fault(kind, match)
                    done = self.send(self.file("a.mov", b"film"))
                    self.assertEqual(self.came()[-1]["attachment"], done["attachment"]["id"])
        self.assertEqual(len(self.came()), 10)
        self.assertGreaterEqual(self.watched.status()["requests"]["retried"], 10)

    def test_a_part_is_sent_again(self):
        self.fault("503", PUT + ".*partNumber=2")
        self.fault("reset", PUT + ".*partNumber=3")
        self.fault("502", "GET .*/multipart")
        self.assertEqual(self.send(self.large())["parts"], 3)
        self.assertEqual(self.came()[0]["bytes"], 2 * PART + 17)

    def test_an_address_that_has_expired(self):
        self.site.steer_uploads(expired=1)
        self.send(self.file("a.mov", b"film"))
        self.site.steer_uploads(expired=1)
        self.assertEqual(self.send(self.large())["parts"], 3)
        self.site.steer_uploads(expired_part=3)
        self.assertEqual(self.send(self.large())["parts"], 3)
        self.assertEqual(self.site.uploads()["expired_part"], 0)
        self.assertEqual([came["bytes"] for came in self.came()], [4, 2 * PART + 17, 2 * PART + 17])

    def test_storage_that_refuses(self):
        self.site.steer_uploads(expired=9)
        for path in (self.file("a.mov", b"film"), self.large()):
            with self.assertRaises(fptcache.Fault) as caught:
                self.send(path)
            self.assertIn("(403: AccessDenied)", str(caught.exception))
            self.assertNotIn("Signature", str(caught.exception))
        self.assertEqual(self.came(), [])

    def test_an_end_that_is_not_known(self):
        for kind in ("504-after-commit", "reset-after-commit", "502", "reset"):
            with self.subTest(kind):
                before = len(self.came())
                self.fault(kind, COMPLETE)
                with self.assertRaisesRegex(fptcache.UnknownOutcome, "before you upload it again"):
                    self.send(self.file("a.mov", b"film"))
                self.assertEqual(len(self.came()) - before, kind.endswith("commit"))

    def test_parts_are_given_up(self):
        aborted = self.site.uploads()["aborted"]
        self.site.steer_uploads(has_etags=False)
        with self.assertRaisesRegex(fptcache.ProtocolError, "gave a part no name"):
            self.send(self.large())
        self.site.steer_uploads(has_etags=True)
        self.fault("429", COMPLETE)
        with self.assertRaisesRegex(fptcache.ProtocolError, "too busy"):
            self.send(self.large())
        with self.assertRaises(fptcache.Cancelled):
            self.send(self.large(), progress=lambda _, done, total: done > PART)
        self.assertEqual(self.site.uploads()["aborted"] - aborted, 3)
        self.assertEqual(self.came(), [])

    def test_a_deadline(self):
        self.fault("latency", PUT, ms=3000)
        began = time.monotonic()
        with self.assertRaises(fptcache.DeadlineExceeded):
            self.send(self.file("a.mov", b"film"), deadline=0.5)
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(self.came(), [])

    def test_a_file_that_changes(self):
        path = self.file("a.mov", b"film")
        with self.assertRaisesRegex(fptcache.StoreError, "changed while it was sent"):
            self.send(path, progress=lambda *_: self.file("a.mov", b"later") and None)
        path = self.large()
        with self.assertRaisesRegex(fptcache.StoreError, "became shorter"):
            self.send(path, progress=lambda *_: os.truncate(path, PART))
        self.assertEqual(self.came(), [])

    def test_what_cannot_be_uploaded(self):
        movie = self.file("a.mov", b"film")
        for path, kind, words in ((self.file("empty.mov", b""), fptcache.Fault, "empty file"),
                                  (os.path.join(self.folder, "none.mov"), fptcache.StoreError, "no such file"),
                                  (self.folder, fptcache.StoreError, "s a directory")):
            with self.subTest(path), self.assertRaisesRegex(kind, words):
                self.send(path)
        for field, words in (("no_such", "Field 'Version.no_such' does not exist"), ("a/b", "is no field"),
                             ("code", "not an image or attachment field")):
            with self.subTest(field), self.assertRaisesRegex(fptcache.Fault, words):
                self.send(movie, field)
        with self.assertRaisesRegex(fptcache.Fault, "999999"):
            self.watched.upload("Version", 999999, movie, "image")
        with self.assertRaisesRegex(fptcache.Fault, "needs a type and an id"):
            self.watched.upload("Version", 0, movie)
        with self.assertRaisesRegex(fptcache.NoData, "only-cache"):
            self.cache(mode="only-cache").upload("Version", self.version, movie)
        with self.assertRaisesRegex(fptcache.AuthenticationFault, "did not accept|Can't authenticate"):
            self.cache(script_key="wrong").upload("Version", self.version, movie)
        self.assertEqual(self.came(), [])


class Answers(Uploads):
    """A site whose answers are not what they should be: nothing is attached, and no token goes astray."""

    INFO = {"timestamp": "2026-01-01T00:00:00Z", "upload_type": "Attachment", "upload_id": "u", "storage_service": "s3",
            "original_filename": "a.mov", "multipart_upload": True}

    def refusal(self, links, info=None, path=None):
        """(the exception, the requests) when the site begins an upload with these links."""
        def answer(request, connection):
            if request.method != "GET":
                return connection.reply(201, b" ")
            return connection.reply(200, {"data": self.INFO if info is None else info, "links": links})

        with Hostile(answer) as site:
            folder = os.path.join(self.folder, str(site.port))
            with fptcache.open(folder, site=site.url, script_name="s", script_key="k3y") as cache:
                with self.assertRaises(fptcache.ShotgunError) as caught:
                    cache.upload("Version", 1, path or self.file("a.mov", b"film"))
            return caught.exception, site.asked()

    def test_addresses_that_are_none_of_ours(self):
        done = {"complete_upload": "/api/v1/c"}
        for address in ("http://bucket.example/k?secret=1", "https://user:secret@bucket/k", "ftp://bucket/secret", "/k",
                        "https://bucket/a secret"):
            with self.subTest(address):
                error, asked = self.refusal({"upload": address, **done})
                self.assertIsInstance(error, fptcache.ProtocolError)
                self.assertNotIn("secret", str(error))
                self.assertEqual([request.method for request in asked], ["GET"])

    def test_links_that_lead_nowhere(self):
        with Hostile(lambda request, connection: connection.reply(200, b"", etag='"e"')) as storage:
            address = f"http://localhost:{storage.port}/k?secret=1"
            for links in ({"upload": address}, {"complete_upload": "/api/v1/c"}, {},
                          {"upload": address, "complete_upload": "https://elsewhere.example/c"},
                          {"upload": address, "complete_upload": "/api/" + "c" * 3000}):
                with self.subTest(list(links)):
                    error, asked = self.refusal(links)
                    self.assertIsInstance(error, fptcache.ProtocolError)
                    self.assertEqual({request.method for request in asked}, {"GET"})
            for link in (None, "https://elsewhere.example/n", "/a b"):
                with self.subTest(link):
                    error, asked = self.refusal({"upload": address, "complete_upload": "/api/v1/c", "get_next_part": link},
                                                path=self.large())
                    self.assertIn("no link to go on with", str(error))
                    self.assertEqual([request.path for request in asked if request.method == "POST"],
                                     ["/api/v1/c/multipart_abort"])
            self.assertTrue(storage.asked("PUT"))
            self.assertFalse([request for request in storage.asked() if "authorization" in request.headers])


class AsTheOfficialClient(Uploads):

    def test_upload(self):
        sg = self.shotgun()
        movie = self.file("a.mov", b"film")
        in_field = sg.upload("Version", self.version, movie, "sg_uploaded_movie", "Latest")
        linked = sg.upload("Version", self.version, movie)
        self.assertEqual([in_field, linked], [came["attachment"] for came in self.came()])
        self.assertEqual([came["display_name"] for came in self.came()], ["Latest", "a.mov"])
        self.assertIsNone(sg.upload_thumbnail("Version", self.version, movie))
        self.assertIsNone(sg.upload_filmstrip_thumbnail("Version", self.version, movie))
        self.assertEqual([came["field"] for came in self.came()[2:]], ["image", "filmstrip_image"])
        for wrong, words in ((os.path.join(self.folder, "none"), "valid file"), (self.file("b", b""), "empty")):
            with self.assertRaisesRegex(fptcache.ShotgunError, words):
                sg.upload("Version", self.version, wrong)
        with self.assertRaisesRegex(fptcache.NotSupported, "tag_list.*shotgun_api3"):
            sg.upload("Version", self.version, movie, tag_list="a,b")

    def test_pictures_in_create_and_update(self):
        sg = self.shotgun()
        made = sg.create("Version", {"code": "v002", "project": PROJECT, "image": self.file("t.png", b"png")})
        self.assertIn("t.png", made["image"])
        done = sg.update("Version", made["id"], {"image": self.file("u.png", b"png")})
        self.assertEqual(set(done), {"type", "id", "image"})
        self.assertIn("u.png", done["image"])
        self.assertIsNone(sg.update("Version", made["id"], {"image": None})["image"])
        self.assertEqual([came["filename"] for came in self.came()], ["t.png", "u.png"])


if __name__ == "__main__":
    unittest.main()
