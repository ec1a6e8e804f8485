#!/bin/bash
# run.sh: design.md's questions beside hand-written SQL, as a Markdown table for each size.
#
#     tests/bench/run.sh [--instructions] [--build DIR] [--seconds S] [--data DIR] [ROWS ...]
#
# For each number of rows: builds the data, asks until the next snapshot has the indexes that the questions
# want, makes that snapshot, and measures with 0, 5,000 and 20,000 rows in the overlay. With --instructions
# it counts instructions of a call of both sides (valgrind) as well. --build is an optimised build
# (default build/ci, `cmake --preset ci`). --data keeps the data and finds it there the next time.
set -euo pipefail

build=build/ci seconds=2 data= instructions=0 calls=100
overlays=(0 5000 20000)
while [ $# -gt 0 ]; do
    case $1 in
    --instructions) instructions=1 ;;
    --build) build=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --data) data=$2; shift ;;
    -*) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || set -- 10000 100000 1000000
dataset=$build/tests/bench/bench_dataset queries=$build/tests/bench/bench_queries
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=${data:-$work/data}

# The data of $1 rows with $2 of them in the overlay; what is half made does not bear the name.
make_data() {
    local to=$data/$1-$2

    [ -d "$to" ] && return
    mkdir -p "$data"
    rm -rf "$to.tmp"
    if [ "$2" = 0 ]; then
        "$dataset" "$to.tmp" "$1"
        "$queries" --warm "$to.tmp" "$1"
    else
        cp -r "$data/$1-0" "$to.tmp"
        "$dataset" --change "$2" "$to.tmp" "$1"
    fi
    mv "$to.tmp" "$to"
}

# A line for each question: instructions of a call of function $1.
count() {
    local out=$work/callgrind.$1

    rm -f "$out".*
    valgrind -q --tool=callgrind --collect-atstart=no --toggle-collect="$1" \
        --dump-after=run_question --callgrind-out-file="$out" \
        "$queries" --calls "$calls" "$2" "$3" >/dev/null 2>"$work/valgrind" ||
        { cat "$work/valgrind" >&2; return 1; }
    for part in $(ls -v "$out".[0-9]*); do
        awk -v n="$calls" '/^totals:|^summary:/ { t = $2 } END { printf "%.0f\n", t / n }' "$part"
    done
}

# The table of $1 rows from the lines of each overlay.
print_table() {
    local n

    printf '\n%s rows; medians side by side, ratio to the SQL' "$1"
    printf '\n\n| question |'
    for n in "${overlays[@]}"; do
        printf ' SQL, overlay %s | library | ratio |' "$n"
    done
    printf '\n| --- |'
    for n in "${overlays[@]}"; do printf ' --: | --: | --: |'; done
    printf '\n'
    paste -d'\t' "$work"/lines.* | awk -F'\t' '{
        printf "| %s |", $1
        for (i = 0; i < NF / 4; i++)
            printf " %s | %s | %s |", $(4 * i + 2), $(4 * i + 3), $(4 * i + 4)
        print ""
    }'
}

for rows in "$@"; do
    rm -f "$work"/lines.*
    for n in "${overlays[@]}"; do
        make_data "$rows" "$n"
        lines=$work/lines.$(printf %09d "$n")
        cat "$data/$rows-$n/partitions/project-101/latest.sqlite" >/dev/null # into memory
        "$queries" "$data/$rows-$n" "$rows" "$seconds" |
            awk -F'\t' -v OFS='\t' '{ print $1 ", µs", $5, $6, $7 }' >"$lines"
        [ $instructions = 1 ] || continue
        count ask_raw "$data/$rows-$n" "$rows" >"$work/raw"
        count ask_ours "$data/$rows-$n" "$rows" >"$work/ours"
        cut -f1 "$lines" | sed 's/, µs$/, instructions/' >"$work/names"
        paste "$work/names" "$work/raw" "$work/ours" |
            awk -F'\t' -v OFS='\t' '{ print $0, sprintf("%.2f", $3 / $2) }' >>"$lines"
    done
    print_table "$rows"
done
