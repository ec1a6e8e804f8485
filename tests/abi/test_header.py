"""The public header compiles alone, says all it must about each function, and its snippets compile."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import contract

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
LANGUAGES = {"c99": "cc", "c11": "cc", "c17": "cc", "c++17": "c++", "c++20": "c++"}

# A snippet that is not a whole program is compiled as the body of a function with these names.
FRAGMENT = """#include <fptcache/fptcache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void snippet(fptc_cache *cache, fptc_query *query, fptc_write *write, fptc_result *result,
             fptc_options *options, fptc_error *err);
void snippet(fptc_cache *cache, fptc_query *query, fptc_write *write, fptc_result *result,
             fptc_options *options, fptc_error *err)
{
    (void)cache, (void)query, (void)write, (void)result, (void)options, (void)err;
    {
%s
    }
}
"""


def compiles(text, standard):
    """The compiler's complaints about a source text, empty when there are none."""
    with tempfile.TemporaryDirectory() as folder:
        is_cpp = standard.startswith("c++")
        source = pathlib.Path(folder, "x.cpp" if is_cpp else "x.c")
        source.write_text(text)
        done = subprocess.run(
            [LANGUAGES[standard], f"-std={standard}", *STRICT, "-I", contract.ROOT / "include", source],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout if done.returncode else ""


def missing_parts(function, known):
    """What style asks of a function's comment and this one lacks."""
    text = function.comment
    if not text:
        return ["a comment"]
    missing = []
    if not re.match(r"[A-Z][^@]*?\.(\s|$)", text):
        missing.append("a first sentence")
    for name in function.parameters:
        if not re.search(rf"@param\s+{re.escape(name)}\s+[^@\s]", text):
            missing.append(f"@param {name}")
    for name in re.findall(r"@param\s+(\w+)", text):
        if name not in function.parameters:
            missing.append(f"a parameter called {name}")
    result = re.search(r"@return\s+([^@\s][^@]*)", text)
    if function.returns != "void" and not result:
        missing.append("@return")
    elif function.returns == "fptc_status" and "FPTC_" not in result.group(1):
        missing.append("the statuses in @return")
    for part in ("Ownership", "Threads", "Blocking"):
        if not re.search(rf"@par\s+{part}\s+[^@\s]", text):
            missing.append(f"@par {part}")
    if not function.since():
        missing.append("@since")
    see = re.search(r"@see\s+(\w+)", text)
    if not see:
        missing.append("@see")
    elif see.group(1) not in known:
        missing.append(f"a name {see.group(1)}, which @see speaks of")
    return missing


def complaints(header):
    """One line per function and missing part."""
    known = set(re.findall(r"\w+", contract.COMMENT_OR_DIRECTIVE.sub(
        lambda m: m.group(0) if m.group(0).lstrip().startswith("#") else "", header)))
    return [f"{function.name} lacks {part}"
            for function in contract.functions(header)
            for part in missing_parts(function, known)]


class Header(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.text = contract.HEADER.read_text()

    def test_compiles_alone(self):
        for standard, compiler in LANGUAGES.items():
            with self.subTest(standard):
                self.assertIsNotNone(shutil.which(compiler), f"{compiler} is not installed")
                twice = "#include <fptcache/fptcache.h>\n" * 2 + "int main(void) { return 0; }\n"
                if standard.startswith("c++"):
                    twice = twice.replace("(void)", "()")
                self.assertEqual(compiles(twice, standard), "")

    def test_comments_are_whole(self):
        self.assertGreater(len(contract.functions(self.text)), 10)
        self.assertEqual(complaints(self.text), [])

    def test_snippets_compile(self):
        found = contract.snippets(self.text)
        self.assertTrue(found, "the header has no usage snippet")
        for line, body in found:
            source = body if "main(" in body else FRAGMENT % body
            for standard in ("c11", "c++17"):
                with self.subTest(line=line, standard=standard):
                    self.assertEqual(compiles(source, standard), "")

    def test_sizes_that_callers_were_built_with(self):
        text = ("#include <fptcache/fptcache.h>\n"
                "_Static_assert(sizeof(fptc_error) == 512, \"fptc_error\");\n"
                "_Static_assert(sizeof(fptc_status) == 4, \"fptc_status\");\n"
                "int main(void) { fptc_error e = FPTC_ERROR_INIT; fptc_options o = FPTC_OPTIONS_INIT;\n"
                "    return e.status + (o.struct_size != sizeof o); }\n")
        self.assertEqual(compiles(text, "c11"), "")


WHOLE = """/**
 * Does a thing.
 * @param a    one.
 * @param err  may be NULL.
 * @return FPTC_OK.
 * @par Ownership  none.
 * @par Threads    any.
 * @par Blocking   no.
 * @since 0.1
 * @see fptc_f
 */
FPTC_API FPTC_MUST_CHECK fptc_status fptc_f(const char *const *a, fptc_error *err);
"""


class CanFail(unittest.TestCase):
    """The checks above, given a header that breaks them."""

    def test_a_whole_comment_passes(self):
        self.assertEqual(complaints(WHOLE), [])

    def test_each_missing_part_is_named(self):
        cases = {" * Does a thing.\n": "a first sentence", " * @param a    one.\n": "@param a",
                 " * @return FPTC_OK.\n": "@return", " * @par Ownership  none.\n": "@par Ownership",
                 " * @par Threads    any.\n": "@par Threads", " * @par Blocking   no.\n": "@par Blocking",
                 " * @since 0.1\n": "@since", " * @see fptc_f\n": "@see"}
        for line, part in cases.items():
            with self.subTest(part):
                self.assertIn(line, WHOLE)
                self.assertEqual(complaints(WHOLE.replace(line, "")), [f"fptc_f lacks {part}"])
        self.assertEqual(complaints(WHOLE[WHOLE.index("FPTC_API"):]), ["fptc_f lacks a comment"])
        self.assertEqual(complaints(WHOLE.replace("@param a", "@param b")),
                         ["fptc_f lacks @param a", "fptc_f lacks a parameter called b"])
        self.assertEqual(complaints(WHOLE.replace("@see fptc_f", "@see fptc_g")),
                         ["fptc_f lacks a name fptc_g, which @see speaks of"])

    def test_a_broken_source_is_refused(self):
        for standard in LANGUAGES:
            self.assertNotEqual(compiles("#include <fptcache/fptcache.h>\nint f(fptc_cash *);\n",
                                         standard), "")
        self.assertNotEqual(compiles("int f(int unused) { return 0; }\n", "c99"), "")

    def test_a_snippet_is_found_with_its_line(self):
        text = "/**\n * Text.\n * @code\n * int x;\n * @endcode\n */\n"
        self.assertEqual(contract.snippets(text), [(4, "int x;")])
