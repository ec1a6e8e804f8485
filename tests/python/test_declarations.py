"""The Python package declares the C library as the header has it: any drift fails here."""

import ctypes
import inspect
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from fptcache import _capi, _errors

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
HEADER = SOURCE / "include/fptcache/fptcache.h"

FUNCTION = re.compile(r"FPTC_API\s+(?:FPTC_MUST_CHECK\s+)?([\w\s*]+?)\b(fptc_\w+)\s*\(([^;]*?)\)\s*;")
ENUM = re.compile(r"\benum\s*\{(.*?)\}\s*;", re.DOTALL)
STRUCT = re.compile(r"typedef struct (fptc_\w+)\s*\{(.*?)\}", re.DOTALL)
CALLBACK = re.compile(r"typedef\s+([\w\s*]+?)\(\*(fptc_\w+_fn)\)\s*\(([^;]*?)\)\s*;")

# What each C type is in ctypes; `const` says nothing there.
TYPES = {
    "void": None, "double": ctypes.c_double, "size_t": ctypes.c_size_t, "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64, "uint32_t": ctypes.c_uint32, "fptc_status": ctypes.c_int32,
    "char[33]": ctypes.POINTER(ctypes.c_char), "char*": ctypes.c_char_p,
    "char**": ctypes.POINTER(ctypes.c_char_p), "void*": ctypes.c_void_p,
    "size_t*": ctypes.POINTER(ctypes.c_size_t), "int64_t*": ctypes.POINTER(ctypes.c_int64),
    "fptc_cache*": _capi.C, "fptc_query*": _capi.Q, "fptc_write*": _capi.W, "fptc_result*": _capi.R,
    "fptc_cache**": ctypes.POINTER(_capi.C), "fptc_query**": ctypes.POINTER(_capi.Q),
    "fptc_write**": ctypes.POINTER(_capi.W), "fptc_result**": ctypes.POINTER(_capi.R),
    "fptc_error*": _capi.E, "fptc_options*": _capi.O,
    "fptc_log_fn": _capi.LogFn, "fptc_progress_fn": _capi.ProgressFn,
}
# Text with a length beside it is not NUL-terminated text to ctypes, which would copy it twice.
COUNTED = ("fptc_result_row_json", "fptc_result_json")


def code(text):
    """The header without comments, in one line."""
    return " ".join(re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL).split())


def c_type(declaration, is_named):
    """`const char *type` as "char*"."""
    array = re.fullmatch(r"(\w+) \w+(\[\d+\])", declaration.strip())
    if array:
        return "".join(array.groups())
    words = re.sub(r"\bconst\b", " ", declaration).replace("*", " * ").split()
    if is_named and len([w for w in words if w != "*"]) > 1:
        words.pop()
    return "".join(words)


def parameters(text, is_named=True):
    if text.strip() == "void":
        return []
    return [c_type(part, is_named) for part in text.split(",")]


def functions(text):
    return {name: (c_type(result, False), parameters(arguments))
            for result, name, arguments in FUNCTION.findall(text)}


def constants(text):
    """Every member of every enum, with its value."""
    found = {}
    for body in ENUM.findall(text):
        for member in body.split(","):
            if member.strip():
                name, value = member.split("=")
                found[name.strip()] = int(value)
    return found


def differences(text, declared, enums):
    """What the header says and the package does not, or says otherwise."""
    result = []
    expected = functions(text)
    for name in sorted(set(expected) ^ set(declared)):
        result.append(f"{name}: in the {'header' if name in expected else 'package'} only")
    for name in sorted(set(expected) & set(declared)):
        returns, arguments = expected[name]
        wanted = ctypes.POINTER(ctypes.c_char) if name in COUNTED else TYPES[returns]
        if declared[name][0] is not wanted:
            result.append(f"{name}: returns {declared[name][0]}, in the header {returns}")
        if declared[name][1] != [TYPES[argument] for argument in arguments]:
            result.append(f"{name}: takes {declared[name][1]}, in the header {arguments}")
    values = constants(text)
    for name in sorted(set(values) | set(enums)):
        if values.get(name) != enums.get(name):
            result.append(f"{name}: {enums.get(name)}, in the header {values.get(name)}")
    return result


class Declarations(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.text = code(HEADER.read_text())

    def test_functions_and_constants(self):
        self.assertEqual(differences(self.text, _capi.FUNCTIONS, _capi.ENUMS), [])
        self.assertGreater(len(_capi.FUNCTIONS), 40)
        self.assertGreater(len(_capi.ENUMS), 50)

    def test_drift_is_seen(self):
        def drift(old, new):
            self.assertTrue(old in self.text, old)
            return differences(self.text.replace(old, new), _capi.FUNCTIONS, _capi.ENUMS)

        self.assertTrue(drift("fptc_result_rewind", "fptc_result_restart"))
        self.assertTrue(drift("int64_t limit, int64_t page", "int64_t limit, int32_t page"))
        self.assertTrue(drift("const char *type, int64_t id, ", "const char *type, "))
        self.assertTrue(drift("FPTC_END = 2", "FPTC_END = 5"))
        self.assertTrue(drift("FPTC_HOLD_AUTO = 2,", "FPTC_HOLD_AUTO = 2, FPTC_HOLD_MORE = 4,"))
        self.assertTrue(drift("int32_t fptc_result_change", "int64_t fptc_result_change"))

    def test_callbacks(self):
        found = {name: (c_type(result, False), parameters(arguments))
                 for result, name, arguments in CALLBACK.findall(self.text)}
        for name, declared in (("fptc_log_fn", _capi.LogFn), ("fptc_progress_fn", _capi.ProgressFn)):
            returns, arguments = found.pop(name)
            self.assertIs(declared._restype_, TYPES[returns])
            self.assertEqual(list(declared._argtypes_), [TYPES[argument] for argument in arguments])
        self.assertEqual(found, {})

    def test_struct_fields(self):
        structs = {name: body for name, body in STRUCT.findall(self.text)}
        self.assertEqual(set(structs), {"fptc_error", "fptc_options"})
        for name, struct in (("fptc_error", _capi.ErrorInfo), ("fptc_options", _capi.Options)):
            fields = []
            for line in structs[name].split(";"):
                if line.strip():
                    array = re.search(r"(\w+)\[(\d+)\]", line)
                    word = re.search(r"(\w+)\s*(?:\[\d+\])?$", line.strip()).group(1)
                    kind = ctypes.c_char * int(array.group(2)) if array else TYPES[c_type(line, True)]
                    fields.append((word, kind))
            self.assertEqual(struct._fields_, fields)

    def test_sizes_and_offsets(self):
        compiler = shutil.which("cc") or shutil.which("gcc")
        self.assertTrue(compiler, "no C compiler")
        lines = []
        for name, struct in (("fptc_error", _capi.ErrorInfo), ("fptc_options", _capi.Options)):
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            for field in struct._fields_:
                lines.append(f'printf("{name}.{field[0]} %zu\\n", offsetof({name}, {field[0]}));')
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "sizes")
            source = program.with_suffix(".c")
            source.write_text("#include <fptcache/fptcache.h>\n#include <stdio.h>\n"
                              "int main(void) { " + " ".join(lines) + " return 0; }\n")
            environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
            subprocess.run([compiler, "-I", SOURCE / "include", source, "-o", program], check=True, env=environment)
            printed = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        compiled = dict(line.split() for line in printed.splitlines())
        for name, struct in (("fptc_error", _capi.ErrorInfo), ("fptc_options", _capi.Options)):
            self.assertEqual(int(compiled[name]), ctypes.sizeof(struct))
            self.assertEqual(int(compiled[name]), _capi.SIZES[name])
            for field in struct._fields_:
                self.assertEqual(int(compiled[f"{name}.{field[0]}"]), getattr(struct, field[0]).offset, field[0])

    def test_versions(self):
        import fptcache
        header = re.search(r'FPTC_VERSION_STRING "(.*?)"', HEADER.read_text()).group(1)
        project = (SOURCE / "bindings/python/pyproject.toml").read_text()
        self.assertEqual(_capi.VERSION, header)
        self.assertEqual(fptcache.__version__, header)
        self.assertEqual(re.search(r'^version = "(.*?)"', project, re.MULTILINE).group(1), header)
        self.assertEqual(fptcache.version(), header)

    def test_every_failure_has_an_exception(self):
        for name, status in _capi.STATUS.items():
            if status < 0 or name in ("FPTC_PENDING", "FPTC_UNKNOWN"):
                self.assertIn(name, _errors._CLASSES)
                error = _errors.from_status(name, status, "why", sys_errno=5, http_status=404)
                self.assertIsInstance(error, _errors.ShotgunError)
                self.assertEqual((str(error), error.status, error.name, error.http_status),
                                 ("why", status, name, 404))
        self.assertEqual(set(_errors._CLASSES) - set(_capi.STATUS), set())


class Loading(unittest.TestCase):

    def run_python(self, program, **environment):
        return subprocess.run([sys.executable, "-B", "-c", program], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment})

    def test_a_missing_library_says_what_to_do(self):
        done = self.run_python("import fptcache", FPTCACHE_LIBRARY="/nowhere/libfptcache.so")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ImportError: libfptcache cannot be loaded", done.stdout)
        self.assertIn("FPTCACHE_LIBRARY", done.stdout)

    def test_another_library_is_refused(self):
        with self.assertRaisesRegex(ImportError, "libz.so.1 has no function fptc_version"):
            _capi.load("libz.so.1")

    def test_inside_the_package_goes_before_the_system(self):
        with tempfile.TemporaryDirectory() as folder:
            package = pathlib.Path(folder, "fptcache")
            shutil.copytree(SOURCE / "bindings/python/fptcache", package)
            shutil.copy(os.environ["FPTCACHE_LIBRARY"], package / "libfptcache.so")
            done = self.run_python("import fptcache._capi as c; print(c.library_path())",
                                   FPTCACHE_LIBRARY="", PYTHONPATH=folder)
            self.assertEqual(done.stdout.strip(), str(package.resolve() / "libfptcache.so"))

    def test_nothing_else_is_imported(self):
        done = self.run_python("import sys, fptcache; print(sorted({'shotgun_api3', 'ssl', 'http.client', "
                               "'urllib.request'} & set(sys.modules)))")
        self.assertEqual(done.stdout.strip(), "[]")

    def test_only_the_standard_library(self):
        for path in (SOURCE / "bindings/python/fptcache").glob("*.py"):
            for name in re.findall(r"^(?:import|from) (\w+)", path.read_text(), re.MULTILINE):
                self.assertIn(name, sys.stdlib_module_names if hasattr(sys, "stdlib_module_names") else [name])

    def test_signatures_take_what_the_official_client_takes(self):
        """shotgun_api3 3.10: names and order, written down here from its documentation."""
        import fptcache
        official = {
            "__init__": "base_url script_name api_key convert_datetimes_to_utc http_proxy connect ca_certs login "
                        "password sudo_as_login session_token auth_token",
            "find": "entity_type filters fields order filter_operator limit retired_only page "
                    "include_archived_projects additional_filter_presets",
            "find_one": "entity_type filters fields order filter_operator retired_only "
                        "include_archived_projects additional_filter_presets",
            "create": "entity_type data return_fields",
            "update": "entity_type entity_id data multi_entity_update_modes",
            "delete": "entity_type entity_id",
            "revive": "entity_type entity_id",
        }
        for name, expected in official.items():
            found = inspect.signature(getattr(fptcache.Shotgun, name)).parameters.values()
            positional = [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]
            self.assertEqual(positional, expected.split(), name)


if __name__ == "__main__":
    unittest.main()
