"""Reads the public header: its functions, their comments, and the export map that follows from it.

Usage: contract.py map            print what lib/fptcache.map must be
       contract.py map --write    and write it
"""

import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("FPTC_SOURCE_DIR") or pathlib.Path(__file__).parents[2])
HEADER = ROOT / "include/fptcache/fptcache.h"
MAP = ROOT / "lib/fptcache.map"

COMMENT_OR_DIRECTIVE = re.compile(r"/\*.*?\*/|//[^\n]*|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*",
                                  re.DOTALL | re.MULTILINE)
FUNCTION = re.compile(r"(?:\A|(?<=[;{}]))([\w\s*]*?)\b(fptc_\w+)\s*\(([^;{}]*)\)\s*"
                      r"(?:__attribute__\s*\(\(.*?\)\)\s*)?;", re.DOTALL)


class Function:
    """One function of the header: name, result, parameter names, and its Doxygen comment."""

    def __init__(self, before, name, parameters, comment):
        words = before.split()
        self.name = name
        self.exported = "FPTC_API" in words
        self.returns = " ".join(w for w in words if not w.startswith("FPTC_"))
        self.parameters = parameter_names(parameters)
        self.comment = comment

    def since(self):
        found = re.search(r"@since\s+(\d+\.\d+)", self.comment)
        return found.group(1) if found else None


def parameter_names(text):
    """Names in a parameter list; a callback written out counts by its own name."""
    names = []
    depth = 0
    part = ""
    for char in text + ",":
        if char == "," and depth == 0:
            callback = re.search(r"\(\s*\*\s*(\w+)\s*\)", part)
            plain = re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)?$", part)
            found = callback or plain
            if found and found.group(1) != "void":
                names.append(found.group(1))
            part = ""
            continue
        depth += {"(": 1, ")": -1}.get(char, 0)
        part += char
    return names


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def functions(text):
    """Every function that the text of a header declares, in order."""
    comments = [m for m in COMMENT_OR_DIRECTIVE.finditer(text) if m.group(0).startswith("/**")]
    code = COMMENT_OR_DIRECTIVE.sub(blank, text)
    code = re.sub(r'extern\s+"C"\s*\{', blank, code)
    found = []
    for match in FUNCTION.finditer(code):
        start = match.start(1) + len(match.group(1)) - len(match.group(1).lstrip())
        comment = ""
        for candidate in comments:
            if candidate.end() <= start and not text[candidate.end():start].strip():
                comment = plain_comment(candidate.group(0))
        found.append(Function(match.group(1), match.group(2), match.group(3), comment))
    return found


def plain_comment(comment):
    """The comment's text without its stars."""
    lines = comment[2:-2].lstrip("*").splitlines()
    return "\n".join(re.sub(r"^\s*\* ?", "", line) for line in lines).strip()


def snippets(text):
    """The usage snippets between @code and @endcode, with their line numbers."""
    result = []
    for comment in re.finditer(r"/\*.*?\*/", text, re.DOTALL):
        line = text.count("\n", 0, comment.start()) + 1
        for found in re.finditer(r"@code[^\n]*\n(.*?)@endcode", comment.group(0), re.DOTALL):
            first = line + comment.group(0).count("\n", 0, found.start(1))
            body = "\n".join(re.sub(r"^\s*\* ?", "", row) for row in found.group(1).splitlines())
            result.append((first, body.rstrip()))
    return result


def version_map(exported):
    """The linker's version script: a node per minor version, each with the functions it added."""
    nodes = {}
    for function in exported:
        since = function.since()
        if since is None:
            raise ValueError(f"{function.name} has no @since in its comment")
        nodes.setdefault(since, []).append(function.name)
    lines = ["# Made from the header by `tests/abi/contract.py map --write`: what is not here is hidden."]
    previous = ""
    for since in sorted(nodes, key=lambda text: [int(part) for part in text.split(".")]):
        lines += [f"FPTCACHE_{since} {{", "global:"]
        lines += [f"    {name};" for name in sorted(nodes[since])]
        if not previous:
            lines += ["local:", "    *;"]
        lines += [f"}}{previous};"]
        previous = f" FPTCACHE_{since}"
    return "\n".join(lines) + "\n"


def main(arguments):
    if arguments not in (["map"], ["map", "--write"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    text = version_map([f for f in functions(HEADER.read_text()) if f.exported])
    if "--write" in arguments:
        MAP.write_text(text)
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
