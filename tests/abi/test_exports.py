"""The library exports what the header declares, no less and no more."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import contract


def exported_symbols(library):
    """Names in the dynamic symbol table that others could bind to."""
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    symbols = set()
    for line in out.splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":  # an A names a version, not a symbol
            symbols.add(name.split("@")[0])
    return symbols


def differences(declared, exported):
    """What is wrong, in words; empty when both sets are the same."""
    return ([f"{name} is in the header but not exported" for name in sorted(declared - exported)] +
            [f"{name} is exported but not in the header" for name in sorted(exported - declared)])


class Exports(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.library = os.environ["FPTCACHE_LIBRARY"]
        cls.functions = contract.functions(contract.HEADER.read_text())

    def test_the_header_was_understood(self):
        names = [function.name for function in self.functions]
        self.assertEqual(len(names), len(set(names)), "a function is declared twice")
        self.assertIn("fptc_version", names)
        marks = re.findall(r"^FPTC_API\b", contract.HEADER.read_text(), re.MULTILINE)
        self.assertEqual(len(names), len(marks), "functions found, lines that begin with FPTC_API")

    def test_every_function_is_marked_for_export(self):
        self.assertEqual([f.name for f in self.functions if not f.exported], [])

    def test_library_exports_the_header(self):
        declared = {function.name for function in self.functions}
        self.assertEqual(differences(declared, exported_symbols(self.library)), [])

    def test_map_is_what_the_header_says(self):
        self.assertEqual(contract.MAP.read_text(), contract.version_map(self.functions),
                         "run tests/abi/contract.py map --write")

    def test_dynamic_section(self):
        out = subprocess.run(["readelf", "-d", self.library], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        self.assertRegex(out, r"SONAME.*\[libfptcache\.so\.0\.1\]")
        for flag in ("BIND_NOW", "NODELETE"):
            self.assertIn(flag, out)
        for path in ("RPATH", "RUNPATH", "TEXTREL"):
            self.assertNotIn(path, out)


class CanFail(unittest.TestCase):
    """The checks above, given a library that breaks them."""

    def test_missing_and_surplus_symbols_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "x.c")
            source.write_text("int fptc_version(void) { return 0; }\n"
                              "int fptc__inside(void) { return 0; }\nint sqlite3_open;\n")
            library = pathlib.Path(folder, "x.so")
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
            self.assertEqual(
                differences({"fptc_version", "fptc_gone"}, exported_symbols(library)),
                ["fptc_gone is in the header but not exported",
                 "fptc__inside is exported but not in the header",
                 "sqlite3_open is exported but not in the header"])

    def test_map_follows_versions(self):
        header = ("/** A.\n * @since 0.1 */\nFPTC_API int fptc_a(void);\n"
                  "/** B.\n * @since 0.2 */\nFPTC_API int fptc_b(void);\n")
        text = contract.version_map(contract.functions(header))
        self.assertIn("FPTCACHE_0.1 {\nglobal:\n    fptc_a;\nlocal:\n    *;\n};", text)
        self.assertIn("FPTCACHE_0.2 {\nglobal:\n    fptc_b;\n} FPTCACHE_0.1;", text)
