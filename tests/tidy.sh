#!/bin/sh
# tidy: the house rules that a compiler does not check. One TAP line a rule; under a broken one, where, and what to use instead.
# Usage: tests/tidy.sh [BUILD], where BUILD (default build) holds crypto.a and gossip.a.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
number=0
broken=0
found=$(mktemp) || exit 2
trap 'rm -f "$found"' EXIT

# Files of the project, new ones included.
files() {
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -co --exclude-standard -- "$@" | while read -r file; do [ -f "$file" ] && echo "$file"; done
    else
        find . -path ./.git -prune -o -path './build*' -prune -o -type f -print | sed 's,^\./,,' | grep -E "$(
            for pattern in "$@"; do printf '%s|' "$pattern"; done | sed 's/|$//; s/\./\\./g; s/\*/.*/g; s/^/(/; s/$/)$/')"
    fi
}

# verdict NAME: the rule holds when $found is empty.
verdict() {
    number=$((number + 1))
    if [ -s "$found" ]; then
        echo "not ok $number - $1"
        sed 's/^/#   /' "$found" | head -n 40
        broken=1
    else
        echo "ok $number - $1"
    fi
}

skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

# --- includes point left only: crypto <- gossip <- node -------------------------------------------------------------------
{
    files 'crypto/*.[ch]' | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include "(gossip|node|tests)/' /dev/null |
        sed 's/$/   (crypto may include crypto only: move the decision to the caller)/'
    files 'gossip/*.[ch]' | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include "(node|tests)/' /dev/null |
        sed 's/$/   (gossip may include crypto and gossip: let it arrive in an event, or leave in an action)/'
    files 'node/*.[ch]' | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include "tests/' /dev/null |
        sed 's/$/   (the product does not include its tests)/'
    files 'node/store/*.[ch]' 'node/formats/*.[ch]' | xargs -r grep -nE '#include "node/(cmd|engine|export|identity|ledger|policy|recall|sharing|subscribe|web)/' /dev/null |
        sed 's/$/   (formats and store stand below the rest of node)/'
} >"$found"
verdict "includes point from node to gossip to crypto"

files '*.c' '*.h' | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include "[^/"]*"' /dev/null |
    sed 's/$/   (include from the root: "crypto\/bytes.h")/' >"$found"
verdict "includes are from the root"

# --- crypto.a and gossip.a reach for nothing of the world -----------------------------------------------------------------
banned='time|clock|clock_gettime|clock_nanosleep|gettimeofday|localtime|localtime_r|nanosleep|sleep|usleep|timer_.*|
socket|socketpair|connect|bind|listen|accept|accept4|send|sendto|sendmsg|recv|recvfrom|recvmsg|poll|select|epoll_.*|getaddrinfo|
open|open64|openat|creat|read|write|pread|pwrite|close|unlink|rename|mkdir|opendir|stat|fstat|ioctl|fcntl|mmap|
fopen|fopen64|fdopen|fread|fwrite|fclose|fgets|fputs|fputc|putc|putchar|puts|printf|fprintf|vprintf|vfprintf|perror|stdout|stderr|stdin|
pthread_.*|thrd_.*|mtx_.*|fork|vfork|exec.*|system|popen|kill|signal|sigaction|raise|exit|_exit|
rand|srand|random|srandom|rand_r|drand48|getrandom|getentropy|getenv|secure_getenv|setenv|syslog|dlopen|strtok|setlocale|zmq_.*|zsock_.*|rocksdb_.*'
banned=$(printf '%s' "$banned" | tr -d '\n')
undefined() { # archive, more banned names
    [ -f "$build/$1" ] || return 0
    nm -A -u "$build/$1" 2>/dev/null | sed -E 's/^[^:]*:([^:]*):[[:space:]]*U /\1 /; s/@.*//; s/ __([a-z0-9_]+)_chk$/ \1/; s/ __isoc99_/ /' |
        awk -v banned="^($banned${2:+|$2})\$" -v archive="$1" '$2 ~ banned {
            printf "%s(%s): %s   (no clock, socket, file, thread, randomness or printing here: take it from an event or a parameter, answer with an action)\n",
                archive, $1, $2 }'
}
if [ -f "$build/crypto.a" ] && [ -f "$build/gossip.a" ]; then
    { undefined crypto.a; undefined gossip.a 'randombytes.*'; } >"$found"
    verdict "crypto.a and gossip.a use no clock, socket, file, thread, randomness or printing"
    if nm "$build/gossip.a" "$build/crypto.a" 2>/dev/null | grep -qE '__asan_|__ubsan_'; then
        skip "gossip.a has no global that can change" "sanitisers add their own"
    else
        # Tables of pointers stand in .data.rel.ro: constant once the program is loaded.
        nm -f sysv "$build/gossip.a" 2>/dev/null | awk -F '|' '
            /^Symbols from/ { sub(/^Symbols from /, ""); sub(/:$/, ""); member = $0 }
            $4 ~ /OBJECT|TLS/ && $7 ~ /^\.(data|bss|tbss|tdata)/ && $7 !~ /^\.data\.rel\.ro/ { gsub(/ /, "", $1)
                printf "%s: %s   (keep it in struct gossip)\n", member, $1 }' >"$found"
        verdict "gossip.a has no global that can change"
    fi
else
    skip "crypto.a and gossip.a use no clock, socket, file, thread, randomness or printing" "not built"
fi

# --- sizes ----------------------------------------------------------------------------------------------------------------
# As clang-format lays code out, a function starts at the margin with a line that ends in "{" and ends with "}" at the margin.
files '*.c' '*.h' | while read -r file; do
    awk -v file="$file" '
        /^[A-Za-z_].*[)] \{$/ { start = FNR; name = $0; next }
        /^[A-Za-z_].*[(]/ && !/;$/ && !/\{$/ { start = FNR; name = $0; next }
        /^\}/ { if (start && FNR - start + 1 > 80) printf "%s:%d: %d lines: %s   (at most 80: branches above, pure leaves below)\n", file, start, FNR - start + 1, substr(name, 1, 60); start = 0 }
        /^[^ }\/#]/ && /;$/ { start = 0 }' "$file"
done >"$found"
verdict "functions fit the screen (80 lines)"

# A table of data (a dictionary) is as long as it is.
files '*.c' '*.h' | grep -v '^crypto/dictionary' | while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || echo "$file:$lines: $lines lines   (at most 600: a second noun is trying to get out)"
done >"$found"
verdict "files end before 600 lines"

# --- contents -------------------------------------------------------------------------------------------------------------
allowed='node gossip crypto tests deploy Makefile README.md LICENSE .ci .git .gitignore .gitattributes .clang-format .github'
for entry in $(files '*' | cut -d/ -f1 | sort -u); do
    case " $allowed " in
        *" $entry "*) ;;
        *) echo "$entry   (the top level holds: $allowed; put it into the folder it belongs to)" ;;
    esac
done >"$found"
verdict "the top level holds what it should"

for folder in node gossip crypto tests deploy; do
    [ -d "$folder" ] || echo "$folder is missing"
done >"$found"
verdict "the folders of the house stand"

# Written in pieces so that this file does not find itself.
unfinished='TO''DO|FIX''ME|XX''X|HA''CK|not yet implemen''ted'
files '*.c' '*.h' '*.py' '*.sh' '*.md' 'Makefile' | xargs -r grep -nE "\b($unfinished)\b" /dev/null |
    sed 's/$/   (finish it, or open an issue)/' >"$found"
verdict "nothing is left for later"

here='/wor''k/|/roo''t/|/hom''e/[a-z]'
files '*.c' '*.h' '*.py' '*.sh' '*.md' 'Makefile' '.ci/*' | xargs -r grep -nE "(^|[^A-Za-z0-9_.])($here)" /dev/null |
    sed 's/$/   (a path of one machine: use a path from the root, or an option)/' >"$found"
verdict "no paths of one machine"

# --- layout ---------------------------------------------------------------------------------------------------------------
if command -v clang-format >/dev/null; then
    files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror 2>&1 | grep 'error:' |
        awk -F: '!seen[$1]++ { print $1 ":" $2 "   (make format)" }' >"$found"
    verdict "layout is clang-format's"
else
    skip "layout is clang-format's" "clang-format is not installed"
fi

echo "1..$number"
exit "$broken"
