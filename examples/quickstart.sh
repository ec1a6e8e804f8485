#!/usr/bin/env bash
# From a fresh clone to a working cache: builds everything, starts the bundled test site, and shows the
# main job on it. Every count of visits is the site's own, and the script fails when one is wrong.
#
#   examples/quickstart.sh          on Debian 12 or Ubuntu 24.04, as root or with sudo
#   KEEP=1 examples/quickstart.sh   and keep the cache directory for a look at it
#
# Nothing outside build/ and a temporary folder is written, apart from packages that are missing.

set -eu -o pipefail
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. tests/packages.sh

folder=$(mktemp -d)
site_pid=

cleanup() {
    local code=$?
    stop_site
    if [ "${KEEP:-}" = 1 ]; then
        echo "kept: $folder"
    else
        rm -rf "$folder"
    fi
    if [ $code != 0 ]; then
        echo "quickstart: FAILED" >&2
    fi
    exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '\n== %s\n' "$*"; }
fail() {
    echo "quickstart: $*" >&2
    exit 1
}
# Shows a command, wherever its output goes, and runs it.
exec 3>&1
run() {
    printf '%s ' '$' "$@" | sed "s|$folder|TMP|g; s| \$||" >&3
    printf '\n' >&3
    "$@"
}

# --- the site: what a studio has at Autodesk, here as a process of our own ---

port=0
start_site() {
    rm -f "$folder/port"
    python3 -B tests/site/site.py --port "$port" --port-file "$folder/port" --rows 4000 \
        --script-name quickstart --script-key "$key" --state "$folder/site-rows" \
        >"$folder/site.log" 2>&1 &
    site_pid=$!
    while [ ! -s "$folder/port" ]; do
        kill -0 "$site_pid" 2>/dev/null || { cat "$folder/site.log" >&2; fail "the test site did not start"; }
        sleep 0.05
    done
    port=$(cat "$folder/port")
}
stop_site() {
    if [ -n "$site_pid" ]; then
        kill "$site_pid" 2>/dev/null || true
        wait "$site_pid" 2>/dev/null || true
        site_pid=
    fi
}
# The site's own count of requests since the last call, by kind, log-ins left out: "create 1, search 2".
visits() {
    python3 -B - "http://127.0.0.1:$port/_control" <<'PYTHON'
import json, sys, urllib.request
with urllib.request.urlopen(sys.argv[1] + "/requests") as reply:
    kinds = json.load(reply)["by_kind"]
urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/reset-requests", b"{}", method="POST")).close()
print(", ".join(f"{kind} {kinds[kind]}" for kind in sorted(kinds) if kind != "auth") or "none")
PYTHON
}
expect_visits() { # KINDS WHAT
    local found
    found=$(visits)
    [ "$found" = "$1" ] || fail "$2: the site saw '$found' instead of '$1'"
    echo "visits to the site: $found"
}

# --- the steps ---

say "Packages"
fptc_need_packages build

say "Build"
began=$SECONDS
{ cmake --preset release && cmake --build --preset release; } >"$folder/build.log" 2>&1 ||
    { tail -n 30 "$folder/build.log" >&2; fail "the build failed"; }
echo "build/release: libfptcache.so and fptcache, in $((SECONDS - began)) s"
export PATH="$root/build/release:$PATH"
export FPTCACHE_LIBRARY="$root/build/release/libfptcache.so"
export PYTHONPATH="$root/bindings/python" PYTHONDONTWRITEBYTECODE=1

say "A site, and a cache of it"
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && printf '%s\n' "$key" >"$folder/key")
start_site
export FPTCACHE_DIR="$folder/cache"
export FPTCACHE_SCRIPT_NAME=quickstart FPTCACHE_SCRIPT_KEY_FILE="$folder/key"
run fptcache init "$FPTCACHE_DIR" --site "http://127.0.0.1:$port"
expect_visits none "init"

say "Mirror project 101, and the site's types that it links to"
run fptcache mirror add --project 101 --type Shot,Asset,Sequence,Task,Version >/dev/null
run fptcache mirror add --type HumanUser,Step,Status >/dev/null
run fptcache sync
echo "visits to the site: $(visits) (for schemas and rows, once, for everybody)"

say "Ten questions, twice each, from two processes"
cat >"$folder/questions.json" <<'JSON'
[
  ["shots in progress", "Shot", [["project","is",{"type":"Project","id":101}],["sg_status_list","is","ip"]], "code,sg_sequence", "code", 0, 0],
  ["shots of sequences sq00…", "Shot", [["project","is",{"type":"Project","id":101}],["sg_sequence.Sequence.code","starts_with","sq00"]], "code,assets", "code", 0, 0],
  ["ten newest versions", "Version", [["project","is",{"type":"Project","id":101}]], "code,entity,user", "-created_at", 10, 0],
  ["tasks not begun, by step", "Task", [["project","is",{"type":"Project","id":101}],["sg_status_list","in",["wtg","rdy"]]], "content,step,entity", "sg_sort_order", 0, 0],
  ["characters and props", "Asset", [["project","is",{"type":"Project","id":101}],["sg_asset_type","in",["Character","Prop"]]], "code,sg_asset_type", "code", 0, 0],
  ["shots cut in early or late", "Shot", [["project","is",{"type":"Project","id":101}],{"filter_operator":"any","filters":[["sg_cut_in","less_than",1005],["sg_cut_in","greater_than",1050]]}], "code,sg_cut_in", "-sg_cut_in", 20, 0],
  ["all steps", "Step", [], "code,short_name", "code", 0, 0],
  ["shots of project 102", "Shot", [["project","is",{"type":"Project","id":102}]], "code,sg_status_list", "code", 0, 1],
  ["notes of the project", "Note", [["project","is",{"type":"Project","id":101}]], "subject", "id", 0, 2],
  ["published files", "PublishedFile", [["project","is",{"type":"Project","id":101}]], "code", "-id", 25, 2]
]
JSON
echo "The first process is a Python program; in the second column of pairs every asking is a new"
echo "\`fptcache find\`. The last three are of data that is not mirrored: they cost visits once."
cat >"$folder/ask.py" <<'PYTHON'
"""Asks every question four times and counts what the site saw each time."""
import json, os, subprocess, sys, urllib.request
import fptcache

control, questions = sys.argv[1] + "/_control", json.load(open(sys.argv[2]))


def visits():
    with urllib.request.urlopen(control + "/requests") as reply:
        kinds = json.load(reply)["by_kind"]
    urllib.request.urlopen(urllib.request.Request(control + "/reset-requests", b"{}", method="POST")).close()
    return sum(number for kind, number in kinds.items() if kind != "auth")


def by_command(name, filters, fields, order, limit):
    done = subprocess.run(["fptcache", "find", name, "--json", "--max-age", "1h", "--filters", json.dumps(filters),
                           "--fields", fields, "--order", order, "--limit", str(limit)],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["rows"]


wrong = 0
print(f"{'':28}{'':>6}   process 1     process 2")
print(f"{'question':28}{'rows':>6}   1st   2nd     1st   2nd")
with fptcache.open(max_age=3600) as cache:
    for title, name, filters, fields, order, limit, expected in questions:
        answers, counts = [], []
        for ask in (lambda: cache.find(name, filters, fields, order, limit).rows,) * 2 + \
                (lambda: by_command(name, filters, fields, order, limit),) * 2:
            visits()
            answers.append(ask())
            counts.append(visits())
        is_right = counts == [expected, 0, 0, 0] and all(rows == answers[0] for rows in answers) and answers[0]
        wrong += not is_right
        print(f"{title:28}{len(answers[0]):>6}   {counts[0]:>3}   {counts[1]:>3}     {counts[2]:>3}   {counts[3]:>3}"
              + ("" if is_right else f"   WRONG: expected {expected} 0 0 0, the same rows each time, and some"))
sys.exit(1 if wrong else 0)
PYTHON
python3 -B "$folder/ask.py" "http://127.0.0.1:$port" "$folder/questions.json" || fail "see the table"

say "Write: to the site and into the cache"
visits >/dev/null
run fptcache create Shot --project 101 --data '{"code":"quick_010","sg_status_list":"wtg"}' --json >"$folder/made"
shot=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["rows"][0]["id"])' "$folder/made")
run fptcache update Shot "$shot" --data '{"sg_status_list":"ip"}' >/dev/null
run fptcache create Shot --project 101 --data '{"code":"quick_020"}' --json >"$folder/made"
second=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["rows"][0]["id"])' "$folder/made")
run fptcache delete Shot "$second"
# FPT answers a create thinly, so the new row is read once.
expect_visits "create 2, delete 1, search 2, update 1" "two creates, an update and a delete"

say "Read it back in other processes"
read_back() {
    fptcache find Shot --project 101 --filters '[["code","starts_with","quick_"]]' \
        --fields code,sg_status_list "$@"
}
read_back --max-age 1h
found=$(read_back --max-age 1h --json | python3 -c 'import json, sys; print([(r["id"], r["code"], r["sg_status_list"]) for r in json.load(sys.stdin)["rows"]])')
[ "$found" = "[($shot, 'quick_010', 'ip')]" ] || fail "the command read back $found"
found=$(python3 -B - "http://127.0.0.1:$port" <<'PYTHON'
import os, sys, fptcache
with fptcache.Shotgun(sys.argv[1], os.environ["FPTCACHE_SCRIPT_NAME"], open(os.environ["FPTCACHE_SCRIPT_KEY_FILE"]).read().strip(),
                      max_age=3600) as sg:
    row = sg.find_one("Shot", [["code", "is", "quick_010"], ["project", "is", {"type": "Project", "id": 101}]],
                      ["sg_status_list", "created_at"])
    print(row["id"], row["sg_status_list"], type(row["created_at"]).__name__)
PYTHON
)
echo "Python: $found"
[ "$found" = "$shot ip datetime" ] || fail "Python read back $found"
expect_visits none "reading back"

say "Stop the site, and go on reading"
stop_site
read_back --mode only-cache
read_back --max-age 0 | tee "$folder/stale"
grep -q STALE "$folder/stale" || fail "an answer without the site is not marked"
code=0
fptcache find Playlist --project 101 2>"$folder/refused" || code=$?
[ $code = 3 ] || fail "a question that nobody has asked before ended with $code instead of 3"
echo "\$ fptcache find Playlist --project 101"
cat "$folder/refused"

say "Start it again"
start_site
visits >/dev/null
run fptcache find Playlist --project 101 --fields code --limit 3

say "Compact"
run fptcache compact
visits >/dev/null
read_back --max-age 1h >/dev/null
expect_visits none "reading after compaction"

say "Status"
run fptcache status

say "The snapshot is plain SQLite: no need of this library to read it"
latest="$FPTCACHE_DIR/partitions/project-101/latest.sqlite"
query="SELECT id, code, sg_status_list FROM Shot WHERE code LIKE 'quick\\_%' ESCAPE '\\'"
run sqlite3 -header -column "file:$latest?immutable=1" "$query"
found=$(sqlite3 "file:$latest?immutable=1" "$query")
[ "$found" = "$shot|quick_010|ip" ] || fail "SQLite found '$found'"

say "Done in $SECONDS s: everything as it should be"
