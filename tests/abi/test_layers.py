"""No room of lib/ calls a sibling or a room above it, and no dependency comes in by another door."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import layers


class Layers(unittest.TestCase):
    maxDiff = None

    def test_lib_keeps_the_rules(self):
        tree = layers.Tree(os.environ["FPTC_SOURCE_DIR"], os.environ["FPTCACHE_BIN_DIR"])
        self.assertEqual(tree.check(), [])
        self.assertGreater(len(list(tree.objects())), 1, "no object files were looked at")


class CanFail(unittest.TestCase):
    """The rules, given small trees that break them."""

    maxDiff = None

    def violations(self, files, build=True):
        """Checks a tree of these files ({"base/a.c": text}), compiled unless build is False."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            commands = []
            for name, text in files.items():
                path = root / "lib" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                if build and name.endswith(".c"):
                    output = name.replace("/", "_") + ".o"
                    commands.append({"directory": folder, "file": f"lib/{name}", "output": output,
                                     "command": ""})
            for command in commands:
                subprocess.run(["cc", "-w", "-O2", "-D_GNU_SOURCE", "-D_FORTIFY_SOURCE=2",
                                "-D_FILE_OFFSET_BITS=64", "-I", "lib", "-c", command["file"],
                                "-o", command["output"]], cwd=root, check=True)
            (root / "compile_commands.json").write_text(json.dumps(commands))
            return layers.Tree(root, root if build else None).check()

    def assertOne(self, files, expected, build=True):
        self.assertEqual(self.violations(files, build), [expected])

    def test_a_good_tree_passes(self):
        self.assertEqual(self.violations({
            "base/sys.h": "int fptc__open(void);\n",
            "base/sys.c": "#include <fcntl.h>\nint fptc__open(void) { return open(\"/\", 0); }\n",
            "view/rows.h": "int fptc__rows(void);\n",
            "view/rows.c": "#include \"base/sys.h\"\n#include \"rows.h\"\n#include <sqlite3.h>\n"
                           "/* open() */ int fptc__rows(void) { return fptc__open(); } // rename()\n",
            "api/entry.c": "#include \"view/rows.h\"\nstruct t { int (*open)(void); };\n"
                           "const char *s = \"open(x)\";\n"
                           "int fptc_a(struct t *t) { return fptc__rows() + t->open(); }\n",
        }), [])

    def test_include_of_a_sibling(self):
        self.assertOne({"store/log.h": "", "share/claim.c": "\n#include \"store/log.h\"\n"},
                       "lib/share/claim.c:2: include: lib/share may not include \"store/log.h\" of lib/store")

    def test_include_of_a_room_above(self):
        self.assertOne({"api/entry.h": "", "base/low.h": "#include \"api/entry.h\"\n"},
                       "lib/base/low.h:1: include: lib/base may not include \"api/entry.h\" of lib/api")

    def test_include_by_another_path(self):
        found = self.violations({"store/log.h": "", "view/v.c": "#include \"../store/log.h\"\n"})
        self.assertEqual(len(found), 1)
        self.assertIn("include: \"../store/log.h\" is in no room", found[0])

    def test_call_of_a_sibling_without_include(self):
        self.assertOne({"store/log.c": "int fptc__log(void) { return 1; }\n",
                        "query/q.c": "int fptc__log(void);\nint fptc__q(void) { return fptc__log(); }\n"},
                       "lib/query/q.c: call: lib/query may not use fptc__log of lib/store")

    def test_call_of_a_room_above_without_include(self):
        self.assertOne({"api/entry.c": "int fptc_entry(void) { return 1; }\n",
                        "view/v.c": "int fptc_entry(void);\nint fptc__v(void) { return fptc_entry(); }\n"},
                       "lib/view/v.c: call: lib/view may not use fptc_entry of lib/api")

    def test_variable_of_a_room_above(self):
        self.assertOne({"follow/f.c": "int fptc__feeds = 1;\n",
                        "store/s.c": "extern int fptc__feeds;\nint *fptc__s(void) { return &fptc__feeds; }\n"},
                       "lib/store/s.c: call: lib/store may not use fptc__feeds of lib/follow")

    def test_every_pair_of_rooms(self):
        for room in layers.LEVEL:
            for other in layers.LEVEL:
                order = "base query upstream store share view outbox follow api".split()
                siblings = [{"query", "upstream", "store", "share"}, {"outbox", "follow"}]
                forbidden = (order.index(other) > order.index(room) or
                             any({room, other} <= group and room != other for group in siblings))
                found = self.violations({f"{other}/o.h": "", f"{room}/r.c": f"#include \"{other}/o.h\"\n"},
                                        build=False)
                self.assertEqual(bool(found), forbidden, f"{room} -> {other}")

    def test_doors_by_header(self):
        for header, bad in (("curl/curl.h", "base"), ("cjson/cJSON.h", "upstream"), ("zlib.h", "store"),
                            ("sqlite3.h", "query"), ("sqlite3.h", "api")):
            found = self.violations({f"{bad}/x.c": f"#include <{header}>\n"}, build=False)
            self.assertEqual(len(found), 1, header)
            self.assertIn(f"lib/{bad}/x.c:1: door: <{header}> is for ", found[0])

    def test_doors_by_symbol(self):
        for call, bad in (("curl_easy_init", "api"), ("cJSON_Parse", "upstream"), ("inflateInit2_", "store"),
                          ("crc32", "store"), ("sqlite3_step", "query")):
            found = self.violations({f"{bad}/x.c": f"int {call}();\nint fptc__x(void) {{ return {call}(); }}\n"})
            self.assertEqual(len(found), 1, call)
            self.assertIn(f"lib/{bad}/x.c: door: {call} is for ", found[0])

    def test_raw_calls_by_text(self):
        for call in ("open", "read", "write", "pread", "rename", "link", "unlink", "fsync", "opendir",
                     "readdir", "symlink", "readlink", "stat", "fstat", "lstat", "mkdir", "fopen"):
            self.assertOne({"view/x.c": f"int f(void)\n{{ return {call} (1); }}\n"},
                           f"lib/view/x.c:2: raw: {call}() is for lib/base only", build=False)

    def test_raw_calls_by_symbol(self):
        text = ("#include <fcntl.h>\n#include <unistd.h>\n#include <sys/stat.h>\n"
                "void *fptc__table[] = {(void *)open, (void *)pread, (void *)stat, (void *)unlink};\n")
        self.assertEqual(self.violations({"store/x.c": text}),
                         [f"lib/store/x.c: raw: {call}() is for lib/base only"
                          for call in ("open", "pread", "stat", "unlink")])

    def test_raw_calls_that_fortify_renames(self):
        text = ("#include <unistd.h>\n#define get read\n"
                "long fptc__x(int fd, int n) { char b[8]; return get(fd, b, n) + b[0]; }\n")
        self.assertOne({"store/x.c": text}, "lib/store/x.c: raw: read() is for lib/base only")

    def test_banned_calls(self):
        for call in "strcpy strcat sprintf strtok atoi gets rand localtime gmtime system printf exit".split():
            for room in ("base", "api"):
                self.assertOne({f"{room}/x.c": f"int f(void) {{ return {call}(0); }}\n"},
                               f"lib/{room}/x.c:1: banned: {call}()", build=False)
        self.assertOne({"base/x.c": "int f(void) { return getenv(0); }\n"},
                       "lib/base/x.c:1: banned: getenv() is for lib/api only", build=False)
        self.assertEqual(self.violations({"api/x.c": "int f(void) { return getenv(0); }\n"}, build=False), [])

    def test_banned_calls_by_symbol(self):
        self.assertOne({"base/x.c": "#include <string.h>\nvoid *fptc__p = (void *)strcpy;\n"},
                       "lib/base/x.c: banned: strcpy()")

    def test_a_static_function_may_share_a_name(self):
        self.assertEqual(self.violations({"view/x.c": "static int sync(int a)\n{ return a; }\n"
                                          "int fptc__x(int a) { return sync(a); }\n"}), [])

    def test_tree(self):
        self.assertOne({"stray.c": ""}, "lib/stray.c: tree: not in a room of lib/ "
                       "(base, query, upstream, store, share, view, outbox, follow, api)", build=False)
        self.assertOne({"base/a.h": "", "view/a.h": ""},
                       "lib/view/a.h: tree: has the same file name as lib/base/a.h", build=False)
        self.assertOne({"base/a.c": "\n" * 601}, "lib/base/a.c: tree: 601 lines, more than 600: split it",
                       build=False)

    def test_a_source_that_is_not_built(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "lib/base").mkdir(parents=True)
            (root / "lib/base/a.c").write_text("")
            (root / "compile_commands.json").write_text("[]")
            self.assertEqual(layers.Tree(root, root).check(),
                             ["lib/base/a.c: tree: is not listed in its room's CMakeLists.txt"])

    def test_a_source_that_did_not_compile(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "lib/base").mkdir(parents=True)
            (root / "lib/base/a.c").write_text("")
            (root / "compile_commands.json").write_text(json.dumps(
                [{"directory": folder, "file": "lib/base/a.c", "output": "a.o", "command": ""}]))
            self.assertEqual(layers.Tree(root, root).check(),
                             ["lib/base/a.c: tree: has no object file: build first"])

    def test_an_exception_that_is_not_needed(self):
        layers.ALLOWED[("lib/base/a.c", "exit")] = "for this test"
        try:
            self.assertEqual(self.violations({"base/a.c": "void f(void) { exit(1); }\n"}, build=False), [])
            self.assertOne({"base/a.c": ""},
                           "lib/base/a.c: allowed: the exception for exit() is not needed any more",
                           build=False)
        finally:
            del layers.ALLOWED[("lib/base/a.c", "exit")]
