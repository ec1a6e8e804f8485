"""The installed library serves strangers: by CMake package, by pkg-config, and inside their build."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"])
HERE = pathlib.Path(__file__).parent
VERSION = re.search(r"^ +VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text(), re.MULTILINE).group(1)
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command, **extra):
    """Runs a command; its output and whether it succeeded."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FPTC")}
    environment.update(extra)
    done = subprocess.run([str(part) for part in command], env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout


class Consumer(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        first = cls.folder / "first place"
        done, text = run("cmake", "--install", BUILD, "--prefix", first)
        if not done:
            raise AssertionError(text)
        # Moved after installation: nothing may remember where it was.
        cls.prefix = cls.folder / "moved to here"
        first.rename(cls.prefix)
        cls.libdir = next(cls.prefix.glob("lib*/**/libfptcache.so")).parent

    def succeeds(self, *command, **extra):
        done, text = run(*command, **extra)
        self.assertTrue(done, f"{shlex.join(map(str, command))}\n{text}")
        return text

    def fails(self, *command, **extra):
        done, text = run(*command, **extra)
        self.assertFalse(done, f"{shlex.join(map(str, command))} ought to fail\n{text}")
        return text

    def configure(self, name, how, version=""):
        build = self.folder / name
        return build, ["cmake", "-G", "Ninja", "-S", HERE / "project", "-B", build, f"-DFPTC_HOW={how}",
                       f"-DFPTC_VERSION={version}", f"-DFPTC_SOURCE={SOURCE}",
                       f"-DCMAKE_PREFIX_PATH={self.prefix}"]

    def pkg_config(self, *arguments):
        text = self.succeeds("pkg-config", *arguments, "fptcache",
                             PKG_CONFIG_PATH=str(self.libdir / "pkgconfig"))
        return shlex.split(text)

    def compile(self, compiler, source, output, *options):
        """The command that builds a program against the installed package and nothing else."""
        return [compiler, *STRICT, *options, source, "-o", output, *self.pkg_config("--cflags", "--libs")]

    def test_what_is_installed(self):
        names = {path.relative_to(self.prefix).as_posix() for path in self.prefix.rglob("*")}
        lib = self.libdir.relative_to(self.prefix).as_posix()
        for name in ("include/fptcache/fptcache.h", f"{lib}/libfptcache.so", f"{lib}/libfptcache.so.0.1",
                     f"{lib}/libfptcache.so.{VERSION}", f"{lib}/pkgconfig/fptcache.pc",
                     f"{lib}/cmake/fptcache/fptcacheConfig.cmake", "share/doc/fptcache/LICENSE",
                     "bin/fptcache"):
            self.assertIn(name, names)
        self.assertEqual([n for n in names if n.startswith("include/") and n.endswith((".h", ".hpp"))
                          and not n.startswith("include/fptcache/")], [])
        self.assertEqual([n for n in names if n.endswith(".a")], [])

    def test_no_path_of_this_machine(self):
        for path in self.prefix.rglob("*"):
            if path.suffix in (".cmake", ".pc", ".h", ".hpp"):
                for place in (SOURCE, BUILD, self.folder):
                    self.assertNotIn(str(place), path.read_text(), path)

    def test_what_it_links_is_its_own_business(self):
        texts = [path.read_text() for path in self.prefix.rglob("*.cmake")]
        self.assertTrue([text for text in texts if "add_library(fptcache::fptcache SHARED" in text])
        leaks = [word for text in texts for word in
                 re.findall(r"INTERFACE_LINK_\w+|INTERFACE_COMPILE_\w+|find_dependency", text)]
        self.assertEqual(leaks, [])

    def test_command_finds_its_library(self):
        loaded = self.succeeds("ldd", self.prefix / "bin/fptcache")
        self.assertIn(f"=> {self.prefix}/", loaded)

    def test_find_package(self):
        build, configure = self.configure("package", "package", "0.1")
        self.succeeds(*configure)
        self.succeeds("cmake", "--build", build)
        self.assertEqual(self.succeeds(build / "consumer"), VERSION + "\n")

    def test_find_package_refuses_another_minor_version(self):
        _, configure = self.configure("newer", "package", "0.2")
        self.assertIn("compatible", self.fails(*configure))

    def test_add_subdirectory(self):
        build, configure = self.configure("sub", "subdirectory")
        self.succeeds(*configure)
        self.succeeds("cmake", "--build", build, "--target", "consumer", "--parallel", "2")
        self.assertEqual(self.succeeds(build / "consumer"), VERSION + "\n")

    def test_pkg_config(self):
        self.assertEqual(self.pkg_config("--modversion"), [VERSION])
        for compiler, options in (("cc", ["-std=c99"]), ("c++", ["-std=c++17", "-x", "c++"])):
            program = self.folder / f"by {compiler}"
            source = HERE / "main.c"
            if compiler == "c++":  # -x would apply to the libraries as well
                source = self.folder / "main.cpp"
                shutil.copy(HERE / "main.c", source)
                options = options[:1]
            self.succeeds(*self.compile(compiler, source, program, *options))
            text = self.succeeds(program, LD_LIBRARY_PATH=str(self.libdir))
            self.assertEqual(text, VERSION + "\n")

    def test_examples(self):
        examples = sorted((SOURCE / "examples").glob("*.c"))
        self.assertTrue(examples, "examples/ has no C file")
        for example in examples:
            with self.subTest(example.name):
                self.succeeds(*self.compile("cc", example, self.folder / example.stem, "-std=c11"))

    def test_the_inside_is_not_reachable(self):
        source = self.folder / "inside.c"
        source.write_text("#include \"base/sys.h\"\nint main(void) { return 0; }\n")
        self.assertIn("base/sys.h", self.fails(*self.compile("cc", source, self.folder / "inside")))
        source.write_text("long fptc__mono_ms(void);\nint main(void) { return fptc__mono_ms() != 0; }\n")
        self.assertIn("undefined reference", self.fails(*self.compile("cc", source, self.folder / "inside")))
