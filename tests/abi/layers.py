"""Checks the house rules of lib/: who may include and call whom, and through which door.

Usage: layers.py [BUILD_FOLDER]

Reads the sources; with a build folder also the symbols of its object files, which shows calls that
no include betrays. Prints one line per violation; exit status 1 when there is one.

Rules:
  include  a room includes only itself, rooms below it and the public header
  call     a room uses only functions and variables of itself and of rooms below it
  door     a dependency's header and functions are used only in its rooms
  raw      files, clocks, processes and sockets are the system's business of lib/base alone
  banned   calls that nobody makes
  tree     every file is in a room and listed there, its name is unique, no source is above 600 lines
"""

import json
import os
import pathlib
import re
import subprocess
import sys

# Lowest first; rooms of one line are siblings.
LAYERS = [["base"], ["query", "upstream", "store", "share"], ["view"], ["outbox", "follow"], ["api"]]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

# What comes through a door: the headers, the symbols, the rooms.
DOORS = [
    (r"curl/.*", r"curl_\w+", ["upstream"]),
    (r"(cjson/)?cJSON.*", r"cJSON_\w+", ["base"]),
    (r"zlib\.h|zconf\.h",
     r"(deflate|inflate|gz|crc32|adler32|compress|uncompress)(?!_*fptc)\w*|zlibVersion", ["base"]),
    (r"sqlite3(ext)?\.h", r"sqlite3_\w+", ["store", "view"]),
]

# Only lib/base may call these.
RAW = set("""
    open openat creat close read write pread pwrite readv writev preadv pwritev lseek
    rename renameat renameat2 link linkat unlink unlinkat remove symlink symlinkat readlink readlinkat
    fsync fdatasync sync syncfs sync_file_range truncate ftruncate fallocate posix_fallocate
    opendir fdopendir readdir readdir_r closedir scandir ftw nftw glob
    stat fstat lstat fstatat statx statfs fstatfs statvfs fstatvfs access faccessat
    mkdir mkdirat rmdir mkdtemp mkstemp mkostemp tmpfile tmpnam chmod fchmod chown fchown utimensat futimens
    realpath getcwd fopen fdopen freopen fclose fread fwrite fgets fgetc fscanf getline getdelim
    fcntl flock lockf ioctl mmap munmap msync sendfile copy_file_range dup dup2 pipe
    clock_gettime time gettimeofday nanosleep clock_nanosleep usleep sleep
    getrandom getentropy random drand48 getpid getppid gethostname uname sysconf
    socket connect getaddrinfo poll select epoll_wait
""".split())

# Nobody may call these: unsafe, not thread-safe, or an act on the host program that is not ours.
BANNED = set("""
    strcpy strcat sprintf vsprintf strtok atoi atol atoll atof gets rand srand localtime gmtime ctime
    asctime system popen fork vfork execl execv execve execvp exit _exit quick_exit atexit
    signal sigaction sigprocmask chdir fchdir setlocale umask setenv putenv unsetenv
    printf vprintf fprintf vfprintf puts fputs putchar fputc perror strerror
""".split())

# The few calls that are banned above and right in one place: (file, name) -> why.
ALLOWED = {
}

# The environment is read by one function, in the room where options are taken; and TMPDIR, which says where
# local disk is to every program, where that is used.
GETENV_ROOM = "api"
TMPDIR_FILE = "lib/base/localdir.c"

LINES_MAX = 600

COMMENT_OR_TEXT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*(<[^>\n]+>|\"[^\"\n]+\")", re.MULTILINE)
CALL = re.compile(r"(?<![\w.])(?<!->)([A-Za-z_]\w*)\s*\(")
OWN_STATIC = re.compile(r"^static\b[^;{}()]*?\b(\w+)\s*\(", re.MULTILINE)
# libc's other names for the same calls: large files, checked buffers, old stat.
ALIAS = re.compile(r"^(?:__)?(?:isoc\d+_|x)?(\w+?)(?:64|_2|_chk|64_chk|64_2)?$")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(text):
    return COMMENT_OR_TEXT.sub(lambda m: m.group(0) if m.group(0)[0] in "\"'" else blank(m), text)


def without_comments_and_texts(text):
    return COMMENT_OR_TEXT.sub(blank, text)


def may_use(room, other):
    return room == other or LEVEL[other] < LEVEL[room]


def rooms_text(rooms):
    return " and ".join(f"lib/{room}" for room in rooms)


class Tree:
    """The folder lib/ of a source tree, and perhaps the objects that were built from it."""

    def __init__(self, root, build=None):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build) if build else None
        self.violations = []
        self.used_exceptions = set()
        self.files = sorted(p for p in (self.root / "lib").rglob("*") if p.suffix in (".c", ".h"))

    def report(self, where, rule, text):
        self.violations.append(f"{where}: {rule}: {text}")

    def allowed(self, name, function):
        self.used_exceptions.add((name, function))
        return (name, function) in ALLOWED

    def check(self):
        self.check_tree()
        for path in self.files:
            name = path.relative_to(self.root).as_posix()
            room = path.relative_to(self.root / "lib").parts[0]
            if room in LEVEL:
                text = path.read_text()
                self.check_includes(name, room, path, without_comments(text))
                self.check_calls(name, room, without_comments_and_texts(text))
        if self.build:
            self.check_symbols()
        for name, function in sorted(set(ALLOWED) - self.used_exceptions):
            self.report(name, "allowed", f"the exception for {function}() is not needed any more")
        return sorted(set(self.violations))

    # --- rules on text ---

    def check_tree(self):
        seen = {}
        for path in self.files:
            name = path.relative_to(self.root).as_posix()
            parts = path.relative_to(self.root / "lib").parts
            if len(parts) != 2 or parts[0] not in LEVEL:
                self.report(name, "tree", f"not in a room of lib/ ({', '.join(LEVEL)})")
            if path.name in seen:
                self.report(name, "tree", f"has the same file name as {seen[path.name]}")
            seen[path.name] = name
            lines = path.read_text().count("\n")
            if lines > LINES_MAX:
                self.report(name, "tree", f"{lines} lines, more than {LINES_MAX}: split it")

    def check_includes(self, name, room, path, text):
        for match in INCLUDE.finditer(text):
            where = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
            header = match.group(1)[1:-1]
            for pattern, _, rooms in DOORS:
                if re.fullmatch(pattern, header) and room not in rooms:
                    self.report(where, "door", f"<{header}> is for {rooms_text(rooms)} only")
            if match.group(1)[0] == "<" or header.startswith("fptcache/"):
                continue
            if (path.parent / header).is_file() and "/" not in header:
                continue
            other = header.split("/")[0]
            if other not in LEVEL:
                self.report(where, "include", f"\"{header}\" is in no room; write \"room/file.h\"")
            elif not may_use(room, other):
                self.report(where, "include", f"lib/{room} may not include \"{header}\" of lib/{other}")

    def check_calls(self, name, room, text):
        own = set(OWN_STATIC.findall(text))
        for match in CALL.finditer(text):
            function = match.group(1)
            if function not in own:
                where = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
                self.judge_call(name, where, room, function)

    def judge_call(self, name, where, room, function):
        if function in BANNED and not self.allowed(name, function):
            self.report(where, "banned", f"{function}()")
        elif function in RAW and room != "base" and not self.allowed(name, function):
            self.report(where, "raw", f"{function}() is for lib/base only")
        elif function in ("getenv", "secure_getenv") and room != GETENV_ROOM and name != TMPDIR_FILE:
            self.report(where, "banned", f"{function}() is for lib/{GETENV_ROOM} only")

    # --- rules on objects ---

    def objects(self):
        """(source name, room, object file) of every source that the build compiles."""
        commands = json.loads((self.build / "compile_commands.json").read_text())
        for entry in commands:
            source = pathlib.Path(entry["directory"], entry["file"]).resolve()
            lib = (self.root / "lib").resolve()
            if lib in source.parents:
                output = entry.get("output") or re.search(r" -o (\S+)", entry["command"]).group(1)
                name = source.relative_to(self.root.resolve()).as_posix()
                yield name, name.split("/")[1], pathlib.Path(entry["directory"], output)

    def check_symbols(self):
        objects = list(self.objects())
        listed = {name for name, _, _ in objects}
        for path in self.files:
            name = path.relative_to(self.root).as_posix()
            if path.suffix == ".c" and name not in listed:
                self.report(name, "tree", "is not listed in its room's CMakeLists.txt")
        for name, _, path in objects:
            if not path.exists():
                self.report(name, "tree", "has no object file: build first")
        objects = [entry for entry in objects if entry[2].exists()]
        symbols = object_symbols([path for _, _, path in objects])
        symbols = {name: symbols[str(path)] for name, _, path in objects}
        home = {symbol: room for name, room, _ in objects for symbol in symbols[name][0]}
        for name, room, _ in objects:
            for symbol in sorted(symbols[name][1]):
                self.judge_symbol(name, room, symbol, home)

    def judge_symbol(self, name, room, symbol, home):
        if symbol in home:
            if not may_use(room, home[symbol]):
                self.report(name, "call", f"lib/{room} may not use {symbol} of lib/{home[symbol]}")
            return
        for _, pattern, rooms in DOORS:
            if re.fullmatch(pattern, symbol) and room not in rooms:
                self.report(name, "door", f"{symbol} is for {rooms_text(rooms)} only")
        self.judge_call(name, name, room, plain_name(symbol))


def plain_name(symbol):
    """The call that a symbol stands for: open for open64, fprintf for __fprintf_chk."""
    if symbol in RAW or symbol in BANNED:
        return symbol
    plain = ALIAS.match(symbol).group(1)
    return plain if plain in RAW or plain in BANNED else symbol


def object_symbols(paths):
    """Of each object file, the global names that it defines, and those that it needs from elsewhere."""
    if not paths:
        return {}
    out = subprocess.run(["nm", "-g", "-A", *paths], check=True, text=True, stdout=subprocess.PIPE).stdout
    found = {str(path): (set(), set()) for path in paths}
    for line in out.splitlines():
        path, _, words = line.rpartition(":")
        kind, symbol = words.split()[-2:]
        found[path][kind in "Uw"].add(symbol)
    return found


def main(arguments):
    root = pathlib.Path(os.environ.get("FPTC_SOURCE_DIR") or pathlib.Path(__file__).parents[2])
    tree = Tree(root, arguments[0] if arguments else None)
    violations = tree.check()
    for line in violations:
        print(line)
    print(f"layers: {len(tree.files)} files, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
