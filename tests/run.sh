#!/usr/bin/env bash
# Checks and tests everything, and ends with one line: N passed, N failed, N skipped.
#
#   tests/run.sh [--fast] [--long] [--only LABEL]
#
#   --fast        no clang-tidy and no sanitizer builds (each counted as skipped)
#   --long        the long campaigns and the benchmarks, too
#   --only LABEL  only the ctest tests with this label, in every build
#
# Needs Debian 12 or Ubuntu 24.04; installs what is missing, which needs root or sudo.
# Logs are in build/logs. The exit status is not 0 when something failed.

set -u -o pipefail
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
. tests/packages.sh

fast=no long=OFF only=
while [ $# -gt 0 ]; do
    case $1 in
    --fast) fast=yes ;;
    --long) long=ON ;;
    --only) only=${2:?--only needs a label}; shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown argument $1; see --help" >&2; exit 2 ;;
    esac
    shift
done

logs=$root/build/logs
results=$root/build/results
rm -rf "$logs" "$results"
mkdir -p "$logs" "$results"
steps=$results/steps.txt
touch "$steps"

skip() { # NAME REASON
    echo "== $1: skipped: $2"
    echo "skipped $1: $2" >>"$steps"
}

# Runs one step with its output in a log; shows the log's end when it fails.
step() { # NAME COMMAND...
    local name=$1 log=$logs/${1// /-}.log began=$SECONDS
    shift
    echo "== $name ..."
    if "$@" >"$log" 2>&1 </dev/null; then
        echo "== $name: passed ($((SECONDS - began)) s)"
        echo "passed $name" >>"$steps"
        return 0
    fi
    echo "== $name: FAILED ($((SECONDS - began)) s); the end of ${log#"$root/"}:"
    tail -n 40 "$log" | sed 's/^/   | /'
    echo "failed $name: see ${log#"$root/"}" >>"$steps"
    return 1
}

check_format() {
    find include lib examples tests -name '*.[ch]' -o -name '*.hpp' | sort |
        xargs -r clang-format-14 --dry-run -Werror ||
        { echo "format a file with: clang-format-14 -i FILE" && return 1; }
}

# The analyzer takes nearly all of the time; in short runs it follows a third as many paths of a function.
check_tidy() {
    local nodes=225000 argument=--extra-arg=-Xclang
    [ $long = ON ] || nodes=75000
    find lib -name '*.c' | sort | xargs -r -P2 -n1 clang-tidy-14 --quiet -p build/ci \
        $argument --extra-arg=-analyzer-config $argument --extra-arg=max-nodes=$nodes 2>&1 |
        sed '/ warnings\? generated\.$/d'
}

configure() { # PRESET
    cmake --preset "$1" -DFPTC_LONG=$long
}

# Everything that compiles, one after the other, beside the tests of what is built already: those wait
# more than they compute. Tests come first (nice).
build_all() { # PRESET...
    local preset
    renice -n 5 -p "$BASHPID" >/dev/null
    for preset in "$@"; do
        if step "configure $preset" configure "$preset"; then
            step "build $preset" cmake --build --preset "$preset" -- -k 0
            touch "$logs/$preset.built"
        else
            touch "$logs/$preset.not-configured"
        fi
        if [ "$preset" = ci ] && [ -z "$only" ] && [ $fast = no ]; then
            step clang-tidy check_tidy
        fi
    done
}

await_build() { # PRESET
    while [ ! -e "$logs/$1.built" ]; do
        if [ -e "$logs/$1.not-configured" ] || ! kill -0 "$builder" 2>/dev/null; then
            return 1
        fi
        sleep 0.5
    done
}

# Runs a preset's tests when it is built; what each test did is added up at the end. Three at once for
# two processors: a test that waits leaves its own to another.
run_tests() { # PRESET CTEST-OPTIONS...
    local preset=$1 log=$logs/ctest-$1.log began jobs
    shift
    await_build "$preset" || return
    began=$SECONDS
    jobs=$(($(nproc) + 1))
    if [ -n "$only" ] && [ "$preset" != ci ] &&
        ctest --test-dir "build/$preset" -N "$@" | grep -q '^Total Tests: 0$'; then
        echo "== ctest $preset: has no test with the label $only"
        return
    fi
    echo "== ctest $preset ..."
    if ctest --test-dir "build/$preset" -j$jobs --output-on-failure --no-tests=error "$@" \
        --output-junit "$results/$preset.xml" \
        --test-output-size-passed 100000000 --test-output-size-failed 100000000 \
        </dev/null 2>&1 | tee "$log" | grep --line-buffered -E '^ *[0-9]+/[0-9]+ '; then
        echo "== ctest $preset: passed ($((SECONDS - began)) s)"
    else
        echo "== ctest $preset: FAILED ($((SECONDS - began)) s); the end of ${log#"$root/"}:"
        tail -n 60 "$log" | sed 's/^/   | /'
        if ! grep -q -E 'status="(fail|notrun)"' "$results/$preset.xml"; then
            echo "failed ctest $preset: no test failed, but ctest did" >>"$steps"
        fi
    fi
}

echo "== packages ..."
if ! fptc_need_packages test; then
    echo "failed: packages"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
fptc_need_python build/python
fptc_need_analysis build/python-analysis

presets=(ci)
[ $fast = yes ] || presets+=(asan-ubsan tsan)
build_all "${presets[@]}" &
builder=$!
trap 'kill "$builder" 2>/dev/null' EXIT

if [ -z "$only" ]; then
    step format check_format
    step layers python3 -B tests/abi/layers.py
fi

select=()
if [ -n "$only" ]; then
    select=(-L "^$only\$")
elif [ $long = OFF ]; then
    select=(-LE '^bench$')
    if [ -e tests/bench/CMakeLists.txt ]; then
        skip bench "only with --long"
    fi
fi

run_tests ci "${select[@]}"

if [ $fast = no ]; then
    [ -n "$only" ] || select=(-LE '^bench$')
    run_tests asan-ubsan "${select[@]}"
    run_tests tsan "${select[@]}"
else
    [ -n "$only" ] || skip clang-tidy "--fast"
    skip asan-ubsan "--fast"
    skip tsan "--fast"
fi

wait "$builder"
echo "== all done in $SECONDS s"
python3 -B tests/count.py "$results"
