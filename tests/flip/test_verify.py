"""verify and repair, case by case: what each kind of damage is called, what is rebuilt, what is lost and said so; that a
cache in use raises no false alarm, and that a repair killed at any time does no harm.

Seen to fail: pins that are not looked at; a repair that removes a pin which keeps another base; numbers that deletion has taken called missing; a second repair that makes another base; cursors of `changes`
that go on after lost history; `lost` without its coverage dropped; a snapshot with valid checksums and other rows.
"""

import json
import os
import pathlib
import pty
import signal
import sqlite3
import struct
import subprocess
import threading
import time
import unittest
import zlib

import fptcache
from damage import IN_PROJECT, PARTITION, TYPES, Damaged, rows_of

COMMAND = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "fptcache")
OUTBOX = "partitions/outbox"


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 0x20
    path.write_bytes(bytes(data))


def checksum(data):
    return zlib.crc32(data) << 32 | zlib.adler32(data)


class Verify(Damaged):

    def setUp(self):
        self.fresh_copy()
        self.project = self.directory / PARTITION

    def problems(self):
        with self.open() as cache:
            return [(problem["kind"], os.path.relpath(problem["file"], self.directory))
                    for problem in cache.verify()["problems"]]

    def repair(self, **options):
        return fptcache.repair(self.directory, script_name=self.site.script_name, script_key=self.site.script_key,
                               environment=False, **options)

    def numbers(self, sub, partition=PARTITION):
        return sorted(path.name for path in (self.directory / partition / sub).iterdir())

    def check_service(self):
        self.assertEqual(self.problems(), [])
        with self.open() as cache:
            for type_name, fields in TYPES.items():
                self.assertEqual(rows_of(cache.find(type_name, [IN_PROJECT], fields)),
                                 self.expected["find", type_name])

    def check_nothing_lost(self, document):
        self.assertEqual(document["lost"], [])
        self.assertEqual(self.ask(self.directory), self.expected)    # without FPT
        self.check_service()

    # --- what is found

    def test_sound(self):
        before = {path: path.stat().st_mtime_ns for path in self.directory.rglob("*") if path.parent.name != "tmp"}
        with self.open() as cache:
            steps = []
            document = cache.verify(lambda what, done, total: steps.append((what, done, total)))
        self.assertEqual(document["problems"], [])
        self.assertGreater(document["files"], 15)
        self.assertTrue(all(0 < done <= total for _, done, total in steps))
        self.assertEqual({what for what, _, _ in steps}, {"outbox", "project-101", "site"})
        document = self.repair()
        self.assertEqual((document["problems"], document["rebuilt"], document["lost"]), ([], [], []))
        for path, mtime in before.items():
            if path.is_file() and not path.is_symlink():
                self.assertEqual(path.stat().st_mtime_ns, mtime, path)

    def test_each_kind(self):
        newest = self.numbers("bases")[-1]
        snapshot = os.readlink(self.project / "latest.sqlite")
        above = [n for n in self.numbers("log") if n > newest]
        cases = {
            "commit": (lambda: flip(self.project / "log" / above[0]), ("damaged", f"log/{above[0]}")),
            "missing commit": (lambda: (self.project / "log" / above[0]).unlink(), ("missing", f"log/{above[0]}")),
            "manifest": (lambda: flip(self.project / "bases" / newest), ("damaged", f"bases/{newest}")),
            "snapshot": (lambda: flip(self.project / snapshot), ("damaged", snapshot)),
            "short snapshot": (lambda: os.truncate(self.project / snapshot, 8192), ("damaged", snapshot)),
            "missing snapshot": (lambda: (self.project / snapshot).unlink(), ("missing", snapshot)),
            "no link": (lambda: (self.project / "latest.sqlite").unlink(), ("link", "latest.sqlite")),
        }
        for name, (damage, problem) in cases.items():
            with self.subTest(name):
                self.fresh_copy()
                damage()
                kind, file = problem
                self.assertIn((kind, f"{PARTITION}/{file}"), self.problems())
                self.repair()
                self.check_service()

    # --- pins, and who holds

    def pin(self, **changes):
        """A pin of the present, with its content changed, by the name of its link."""
        with self.open() as cache:
            pin = cache.pin(101)
        link = self.directory / "pins" / pin
        content = {**json.loads(os.readlink(link)), **changes}
        del content["sum"]
        data = json.dumps(content).encode()[:-1]
        link.unlink()
        link.symlink_to(f'{data.decode()},"sum":"{checksum(data):016x}"}}')
        return link

    def told(self, link):
        with self.open() as cache:
            found = [problem for problem in cache.verify()["problems"] if problem["file"] == str(link)]
        self.assertTrue(all(problem["next"] for problem in found))
        return [(problem["kind"], problem["what"]) for problem in found]

    def test_sound_pin(self):
        link = self.pin()
        with self.open() as cache:
            self.assertEqual(cache.verify()["problems"], [])
        self.assertEqual(self.repair()["rebuilt"], [])
        self.assertTrue(link.is_symlink())

    def test_pin_of_a_base_that_has_gone(self):
        bases = {"project-101": 4711, "site": int(self.numbers("bases", "partitions/site")[-1])}
        link = self.pin(bases=bases)
        (kind, what), = self.told(link)
        self.assertEqual(kind, "pin")
        self.assertIn("base 4711 of project-101 has gone", what)
        document = self.repair()
        self.assertIn("base 4711", document["lost"][0]["what"])
        self.assertTrue(link.is_symlink())    # the other base it keeps
        link.unlink()
        link = self.pin(bases={"project-101": 4711, "outbox": 0})
        self.assertIn("base 4711", self.repair()["lost"][0]["what"])
        self.assertFalse(link.is_symlink())
        self.check_service()

    def test_pin_that_says_nothing(self):
        for content in ("{\"bases\":{", "x" * 1023, "{}"):
            link = self.pin()
            link.unlink()
            link.symlink_to(content)
            (kind, what), = self.told(link)
            self.assertEqual(kind, "pin")
            self.assertIn("cannot be understood", what)
            document = self.repair()
            self.assertIn(link.name, document["lost"][0]["what"])
            self.assertFalse(link.is_symlink())
            self.check_service()

    def test_pin_that_ended(self):
        link = self.pin(ttl_ms=60000)
        for hours, is_told in ((1, False), (30, True)):
            at = time.time() - hours * 3600
            os.utime(link, (at, at), follow_symlinks=False)
            self.assertEqual([kind for kind, _ in self.told(link)], ["pin"] if is_told else [])
        self.repair()
        self.assertFalse(link.is_symlink())
        self.check_service()

    def test_holder_that_says_nothing(self):
        link = self.project / "holder"
        for content in ("", "rubbish", "boot.1:2:0123456789abcdef:host:0", "boot.1:x:0123456789abcdef:host:3",
                        "boot.1:2:0123456789abcdeX:host:3", "y" * 1000):
            link.unlink(missing_ok=True)
            if content:
                link.symlink_to(content)
            else:
                link.write_text("no link")
            (kind, _), = self.told(link)
            self.assertEqual(kind, "link")
            self.repair()
            self.assertFalse(link.is_symlink() or link.exists())
            self.check_service()
        link.symlink_to("boot.1:2:0123456789abcdef:host:3")
        self.assertEqual(self.told(link), [])

    def test_old_file_that_nobody_names(self):
        leftover = self.project / "files/9-0123456789abcdef.sqlite"
        leftover.write_bytes(b"left behind")
        self.assertEqual(self.problems(), [])    # perhaps of a compactor at work
        os.utime(leftover, (1, 1))
        self.assertEqual(self.problems(), [("unnamed", f"{PARTITION}/files/{leftover.name}")])

    def test_snapshot_that_says_something_else(self):
        """Sound pages, a sound checksum, and a row that no commit ever said."""
        newest = self.project / "bases" / self.numbers("bases")[-1]
        snapshot = self.project / os.readlink(self.project / "latest.sqlite")
        db = sqlite3.connect(snapshot)
        db.execute("UPDATE Shot SET code = 'forged' WHERE id = (SELECT max(id) FROM Shot)")
        db.commit()
        db.close()
        data = bytearray(snapshot.read_bytes())
        for page in range(len(data) // 8192):
            at = page * 8192
            struct.pack_into("<I4s", data, at + 8184, zlib.crc32(data[at:at + 8184], page + 1), b"FPTp")
        snapshot.write_bytes(data)
        self.republish(newest, f"{checksum(data):016x}")
        self.assertEqual(self.problems(), [("differs", f"{PARTITION}/files/{snapshot.name}")])
        self.check_nothing_lost(self.repair())

    @staticmethod
    def republish(path, snapshot_sum):
        """The manifest with another checksum of its snapshot, and right ones of its own."""
        data = path.read_bytes()
        body = json.loads(data[272:-8])
        body["snapshot"]["checksum"] = snapshot_sum
        text = json.dumps(body, separators=(",", ":")).encode()
        head = bytearray(data[:256])
        struct.pack_into("<Q", head, 48, 16 + len(text))
        struct.pack_into("<I", head, 252, zlib.crc32(head[:252]))
        whole = bytes(head) + struct.pack("<HHIII", 12, 0, len(text), len(text), zlib.crc32(text)) + text
        path.write_bytes(whole + struct.pack("<Q", checksum(whole)))

    def test_no_false_alarm_beside_writers(self):
        """Verify again and again while others append, compact and delete without any grace."""
        stop, failed = threading.Event(), []

        def work(number):
            try:
                with self.open() as cache:
                    while not stop.is_set():
                        if number == 0:
                            cache.compact()
                        else:
                            cache.create("Task", {"content": f"t{number}", "project": {"type": "Project", "id": 101}})
            except Exception as error:    # told by the test's own thread
                failed.append(error)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        bases = self.numbers("bases")
        for thread in threads:
            thread.start()
        try:
            until = time.monotonic() + (60 if os.environ.get("FPTC_LONG") else 4)
            rounds = 0
            while time.monotonic() < until:
                self.assertEqual(self.problems(), [])
                rounds += 1
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        print(f"verify: {rounds} times beside writers, bases {bases[-1]} to {self.numbers('bases')[-1]}, no false alarm",
              flush=True)
        self.assertGreater(self.numbers("bases")[-1], bases[-1])

    # --- what is rebuilt and what is lost

    def test_newest_base_is_rebuilt(self):
        """From the base before it and the commits: nothing is lost, and numbers never go back."""
        for damage in (lambda: flip(self.project / "bases" / self.numbers("bases")[-1]),
                       lambda: flip(self.project / os.readlink(self.project / "latest.sqlite"), 40000)):
            self.fresh_copy()
            before = self.numbers("bases")
            damage()
            self.check_nothing_lost(self.repair())
            self.assertGreater(self.numbers("bases")[-1], before[-1])
            self.assertNotIn(before[-1], self.numbers("bases"))

    def test_lost_commit(self):
        """Its coverage goes, its number is named, followers start again, and what they then read is right."""
        with self.open() as cache:
            old = cache.changes("Shot", 101)[-1].version
        number = self.numbers("log")[-1]
        flip(self.project / "log" / number)
        with self.open(mode="only-cache") as cache:
            with self.assertRaises(fptcache.NoData):
                cache.find("Shot", [IN_PROJECT], ["code"])
            for since in (0, old):
                with self.assertRaisesRegex(fptcache.Error, "repair"):
                    cache.changes("Shot", 101, since)
        lost = {(entry["kind"], entry["what"]) for entry in self.repair()["lost"]}
        self.assertIn(("commits", str(int(number))), lost)
        self.assertLessEqual({("coverage", "Shot"), ("coverage", "Version")}, lost)
        with self.open() as cache:
            with self.assertRaisesRegex(fptcache.Error, "start again"):
                cache.changes("Shot", 101, old)
            self.assertEqual([declared["type"] for declared in cache.mirrors()], ["Shot", "Version"])
            cache.sync()
            seen = cache.changes("Shot", 101)
            self.assertEqual({change.id for change in seen if change.kind == "row"},
                             set(self.expected["find", "Shot"]))
            self.assertEqual(list(cache.changes("Shot", 101, seen[-1].version)), [])
        self.check_service()

    def test_reader_with_the_whole_state_starts_again_too(self):
        """Who read the commit before it was damaged forgets what others cannot know."""
        with self.open(refresh=0) as reader:
            reader.find("Shot", [IN_PROJECT], ["code"], mode="only-cache")
            flip(self.project / "log" / self.numbers("log")[-1])
            self.repair()
            with self.assertRaises(fptcache.NoData):
                reader.find("Shot", [IN_PROJECT], ["code"], mode="only-cache")
            self.assertEqual(rows_of(reader.find("Shot", [IN_PROJECT], TYPES["Shot"])),
                             self.expected["find", "Shot"])
        self.check_service()

    def test_damaged_commit_in_a_base(self):
        """A compaction over a hole keeps in mind that something is lost."""
        flip(self.project / "log" / self.numbers("log")[-2])
        with self.open() as cache:
            cache.compact()
            self.assertEqual([kind for kind, _ in self.problems()], ["damaged", "lost"])
            with self.assertRaisesRegex(fptcache.Error, "repair"):
                cache.changes("Shot", 101)
        self.assertTrue(self.repair()["lost"])
        self.check_service()

    def test_nothing_but_ruins(self):
        for path in [*(self.project / "files").iterdir(), *(self.project / "log").iterdir()]:
            flip(path)
        with self.open(mode="only-cache") as cache, self.assertRaises((fptcache.Error, OSError)):
            cache.find("Shot", [IN_PROJECT], ["code"])
        last = self.numbers("log")[-1]
        self.repair()
        self.assertGreater(self.numbers("bases")[-1], last)
        self.check_service()

    def test_missing_number_is_not_given_away(self):
        numbers = [n for n in self.numbers("log") if n > self.numbers("bases")[-1]]
        (self.project / "log" / numbers[0]).unlink()
        document = self.repair()
        self.assertIn(("commits", str(int(numbers[0]))), {(e["kind"], e["what"]) for e in document["lost"]})
        self.check_service()

    def test_dropped_project(self):
        """A drop is no damage; after one, and before it, what is damaged is repaired."""
        with self.open() as cache:
            cache.drop_project(101)
            cache.mirror_add("Shot", 101)
            cache.sync()
            cache.compact()
        self.assertEqual(self.problems(), [])
        flip(self.project / "bases" / self.numbers("bases")[-1])
        self.assertEqual(self.repair()["lost"], [])
        self.check_service()

    def test_outbox(self):
        """Every mutation that can be read is kept; ids in the damaged bytes are told."""
        numbers = self.numbers("log", OUTBOX)[-6:]
        for number in numbers:
            self.fresh_copy()
            flip(self.directory / OUTBOX / "log" / number, -60)
            document = self.repair()
            lost = [entry for entry in document["lost"] if entry["kind"] == "mutation"]
            for entry in lost:
                self.assertRegex(entry["what"], r"event [0-9a-f]{32}")
            self.check_service()
        self.assertEqual([e["what"] for e in document["lost"] if e["kind"] == "commits"], [str(int(number))])

    def test_description(self):
        for name in ("fptcache.json", "realm.json"):
            with self.subTest(name):
                self.fresh_copy()
                sound = json.loads((self.directory / name).read_text())
                flip(self.directory / name, 20)
                with self.assertRaises(OSError), self.open() as cache:
                    cache.status()
                with self.assertRaises(fptcache.Error):    # whose it is must be said
                    fptcache.repair(self.directory, environment=False)
                self.repair(site=self.site.url)
                self.assertEqual(len(list(self.directory.glob(name + ".damaged-*"))), 1)
                with self.open() as cache:
                    status = cache.status()
                self.assertEqual(status["site"], self.site.url)
                self.assertEqual(status["realm"], json.loads((self.directory / "realm.json").read_text())["realm"]
                                 if name == "realm.json" else status["realm"])
                self.assertIn("checksum", sound)
                self.check_service()

    def test_newer_files_are_left_alone(self):
        path = self.project / "log" / self.numbers("log")[-1]
        data = bytearray(path.read_bytes())
        data[12] |= 1    # a feature bit of a time to come
        data[252:256] = struct.pack("<I", zlib.crc32(data[:252]))
        data[-8:] = struct.pack("<Q", zlib.crc32(data[:-8]) << 32 | zlib.adler32(data[:-8]))
        path.write_bytes(data)
        self.assertEqual([kind for kind, _ in self.problems()], ["newer"])
        before = sorted(str(path) for path in self.directory.rglob("*") if path.parent.name != "tmp")
        with self.assertRaisesRegex(OSError, "newer"):
            self.repair()
        after = sorted(str(path) for path in self.directory.rglob("*") if path.parent.name != "tmp")
        self.assertEqual(after, before)

    # --- killed at any time

    def test_repair_killed_at_any_time(self):
        """What stands then is no worse, and the next repair does the rest."""
        for case, damage in {"lost": lambda: flip(self.project / "log" / self.numbers("log")[-1]),
                             "base": lambda: flip(self.project / "bases" / self.numbers("bases")[-1])}.items():
            for n in range(40 if os.environ.get("FPTC_LONG") else 5):
                self.fresh_copy()
                damage()
                process = subprocess.Popen([COMMAND, "repair", "--cache", self.directory], env=self.environment(),
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(0.004 * n)
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.repair()
                self.check_service()

    def environment(self):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FPTCACHE_")}
        clean.pop("LD_PRELOAD", None)
        return {**clean, "FPTCACHE_SCRIPT_NAME": self.site.script_name, "FPTCACHE_SCRIPT_KEY": self.site.script_key}

    # --- the command

    def run_command(self, *words, expect=0):
        done = subprocess.run([COMMAND, *words, "--cache", self.directory], env=self.environment(), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        self.errors = done.stderr
        return done.stdout

    def test_command(self):
        self.assertEqual(json.loads(self.run_command("verify", "--json"))["problems"], [])
        self.assertEqual(self.errors, "")    # no bar in a pipe
        flip(self.project / "bases" / self.numbers("bases")[-1])
        document = json.loads(self.run_command("verify", "--json", expect=5))
        self.assertEqual([set(problem) for problem in document["problems"]],
                         [{"file", "partition", "kind", "what", "next"}])
        self.assertIn("fptcache repair", self.errors)
        document = json.loads(self.run_command("repair", "--json"))
        self.assertTrue(document["rebuilt"])
        self.assertEqual(json.loads(self.run_command("verify", "--json"))["problems"], [])

    def test_bar_on_a_terminal(self):
        try:
            main, other = pty.openpty()
        except OSError as reason:
            self.skipTest(f"no pseudo-terminals here: {reason}")
        process = subprocess.Popen([COMMAND, "verify", "--cache", self.directory], env=self.environment(),
                                   stdout=subprocess.DEVNULL, stderr=other)
        os.close(other)
        shown = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
        os.close(main)
        self.assertEqual(process.wait(), 0)
        self.assertIn(b"100% site", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-40:])


if __name__ == "__main__":
    unittest.main()
