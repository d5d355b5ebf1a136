#!/bin/bash
# demo: three agencies share real indicators over an encrypted mesh on this machine; exits 0 only if everything it claims held.
#   make demo                the sample of deploy/demo/sample.json
#   make demo FILE=feed.json your own file: STIX, a list of values, or CSV
#   make demo KEEP=1         leaves the nodes running and says how to talk to them
# A publishes a third of the file to B as TLP:AMBER, a third to B as TLP:RED, and the rest to all as TLP:GREEN. Then B must have
# all of it, C only the green part, and nothing of B's part may stand in C's files in clear.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
comity=$(realpath -m "${COMITY:-$root/build/comity}")
file=${FILE:-$root/deploy/demo/sample.json}
A=cert.north B=police.east C=ministry.west
values_per_label=6
work=$(mktemp -d "${TMPDIR:-/tmp}/comity-demo.XXXXXX")
declare -A pid port
broken=0
said=""

say() { printf '%s\n' "$@"; }
fail() { say "" "FAILED: $*"; exit 1; }
as() { local node=$1 verb=$2; shift 2; "$comity" "$verb" "$@" --dir "$work/$node"; }
fingerprint() { "$comity" card show "$1" --json | jq -r .fingerprint; }
# Progress: one line that changes on a terminal, a line every ten seconds elsewhere.
tell() {
    if [ -t 1 ]; then printf '\r\033[K   %s' "$1, $2 s"; elif [ $(($2 % 10)) = 0 ] && [ "$said" != "$*" ]; then said="$*"; say "   $1, $2 s"; fi
}
told() { if [ -t 1 ]; then printf '\r\033[K'; fi; [ -z "$1" ] || say "   $1"; said=""; }

# Every process below a node, by its number.
family() { local child; echo "$1"; for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do family "$child"; done; }

leave() {
    local code=$?
    trap - EXIT INT TERM
    if [ "$code" = 0 ] && [ -n "${KEEP:-}" ]; then
        say "" "The nodes keep running. Talk to them, for example:"
        for node in $A $B $C; do say "  $comity feed --dir $work/$node"; done
        say "Stop them:  kill ${pid[*]} && rm -r $work"
        exit 0
    fi
    local all=""
    for node in "${!pid[@]}"; do all="$all $(family "${pid[$node]}")"; done
    [ -n "$all" ] && kill "${pid[@]}" 2>/dev/null
    for _ in $(seq 60); do
        local left=""
        for each in $all; do [ -e "/proc/$each" ] && ! grep -q '^State:.Z' "/proc/$each/status" 2>/dev/null && left="$left $each"; done
        [ -n "$left" ] || break
        sleep 0.1
    done
    [ -n "${left:-}" ] && kill -9 $left 2>/dev/null
    wait 2>/dev/null
    if [ "$code" != 0 ]; then
        say "What the nodes said is in $work/*.log; the end of it:"
        for node in $A $B $C; do [ -f "$work/$node.log" ] && tail -n 5 "$work/$node.log" | sed "s/^/  $node: /"; done
        rm -rf "${work:?}/$A" "${work:?}/$B" "${work:?}/$C"
    else
        rm -rf "$work"
    fi
    exit "$code"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local seconds=$1 what=$2 started=$SECONDS; shift 2
    until "$@" >/dev/null 2>&1; do
        for node in "${!pid[@]}"; do kill -0 "${pid[$node]}" 2>/dev/null || fail "the node of $node ended by itself"; done
        [ $((SECONDS - started)) -lt "$seconds" ] || { told ""; fail "not within $seconds s: $what"; }
        tell "waiting: $what" $((SECONDS - started))
        sleep 0.2
    done
    told "$what"
}

port_free() { ! (exec 3<>/dev/tcp/127.0.0.1/"$1") 2>/dev/null; }
port_choose() {
    local try
    for _ in $(seq 100); do
        try=$((20000 + RANDOM % 12000))
        case " ${port[*]:-} " in *" $try "*) continue ;; esac
        port_free "$try" && { echo "$try"; return; }
    done
    fail "no free port"
}

[ -x "$comity" ] || fail "$comity is not built: run make"
[ -r "$file" ] || fail "$file cannot be read"
command -v jq >/dev/null || fail "jq is missing: apt install jq"

# --- 1. three agencies -----------------------------------------------------------------------------------------------------
say "1. Three agencies, each with keys and a directory of its own"
for node in $A $B $C; do
    port[$node]=$(port_choose)
    as $node init --agency $node --listen "tcp://127.0.0.1:${port[$node]}" --no-passphrase >"$work/$node.init" ||
        fail "init of $node"
    as $node card >"$work/$node.card" || fail "card of $node"
    printf '   %-14s port %s  fingerprint %s\n' "$node" "${port[$node]}" "$(fingerprint "$work/$node.card")"
done

say "2. They pin each other's cards; the fingerprint is what people would compare over the telephone"
wrong=$(fingerprint "$work/$A.card")
if as $B trust add "$work/$C.card" --as $C --fingerprint "$wrong" >"$work/wrong.out" 2>&1; then fail "a wrong fingerprint was accepted"; fi
say "   with a wrong one: $(head -n 1 "$work/wrong.out")"
for node in $A $B $C; do
    # What the owner reads out comes from the owner's own directory, not from the card that was received.
    for other in $A $B $C; do
        [ $node = $other ] && continue
        as $other card >"$work/own.card" || fail "card of $other"
        as $node trust add "$work/$other.card" --as $other --fingerprint "$(fingerprint "$work/own.card")" >/dev/null ||
            fail "$node does not accept the card of $other"
    done
done
say "3. Three nodes start and link"
for node in $A $B $C; do
    "$comity" run --dir "$work/$node" >"$work/$node.log" 2>&1 </dev/null &
    pid[$node]=$!
done
status_ok() { as "$1" status; }
linked() { [ "$(as "$1" status --json | jq .links)" -ge 2 ]; }
for node in $A $B $C; do
    wait_for 30 "$node accepts publications" status_ok $node
    wait_for 60 "$node is linked to both others" linked $node
done

# --- 2. one file, three parts ----------------------------------------------------------------------------------------------
# A relationship goes where its indicator goes; what is no indicator (families, the report) goes to all.
split_stix() {
    jq -c -s --argjson part "$1" '
        [.[] | if type == "array" then .[] elif .objects? then .objects[] else . end] as $all |
        ([$all[] | select(.type == "indicator") | .id] | to_entries | map({key: .value, value: (.key % 3)}) | from_entries) as $of |
        {type: "bundle", id: "bundle--00000000-0000-4000-8000-00000000000\($part)",
         objects: [$all[] | select(($of[.id] // $of[.source_ref? // ""] // 2) == $part)]}' "$file"
}
split_lines() { # a CSV's first line goes into each part
    local head=0
    case $file in *.csv) head=1 ;; esac
    awk -v part="$1" -v head="$head" 'head && NR == 1 { print; next } /^[[:space:]]*(#|$)/ { next } n++ % 3 == part' "$file"
}
values_of() { # what an analyst would search for
    case $kind in
        stix) jq -r '.objects[] | select(.type == "indicator") | .pattern' "$1" | sed -nE "s/^\[[^=]*= ?'([^'\\]+)'\]$/\1/p" ;;
        *) grep -v '^#' "$1" | sed 's/[,;[:space:]].*//; /^$/d' ;;
    esac
}
kind=lines
# A node of its own reads the file as published; here only the first character matters.
case $(tr -d '[:space:]' <"$file" | head -c 1) in '{' | '[') kind=stix ;; esac
for part in 0 1 2; do
    if [ $kind = stix ]; then split_stix $part; else split_lines $part; fi >"$work/part.$part" || fail "$file cannot be split"
done

say "4. $A publishes $(basename "$file") in three parts"
publish() { # part, label, audience...
    local part=$1 label=$2; shift 2
    # Refused objects (exit 3) are shown and do not end the demonstration: real files have some.
    as $A publish "$work/part.$part" --tlp "$label" "$@" --json >"$work/publish.$part" 2>"$work/publish.$part.err"
    local code=$?
    [ $code = 0 ] || [ $code = 3 ] || { cat "$work/publish.$part" "$work/publish.$part.err"; fail "publish ended with $code"; }
    printf '   %-10s to %-14s %s accepted, %s refused\n' "$label" "${2:-all}" "$(jq -s 'map(.accepted // empty) | add' "$work/publish.$part")" \
        "$(jq -s 'map(.refused // empty | if type == "array" then length else . end) | add // 0' "$work/publish.$part")"
}
publish 0 TLP:AMBER --to $B
publish 1 TLP:RED --to $B
publish 2 TLP:GREEN --to-all
accepted() { jq -s 'map(.accepted // empty) | add // 0' "$work/publish.$1"; }
for_b=$(($(accepted 0) + $(accepted 1)))
for_all=$(accepted 2)
[ "$for_b" -gt 0 ] && [ "$for_all" -gt 0 ] || fail "nothing was accepted for B, or for all"

# --- 3. arrival ------------------------------------------------------------------------------------------------------------
objects_at() { as "$1" feed --json | wc -l; }
holds() { [ "$(objects_at "$1")" -ge "$2" ]; }
carries() { [ "$(as $C status --json | jq "$carried_query")" -ge 1 ]; }
carried_query='.payloads - .payloads_readable'
limit=$((60 + (for_b + for_all) / 1000))
say "5. Arrival"
wait_for $limit "$B has all $((for_b + for_all)) objects" holds $B $((for_b + for_all))
wait_for $limit "$C has the $for_all that are for all" holds $C $for_all
wait_for $limit "$C carries what it cannot read" carries

say "" "6. Who has what"
printf '   %-14s %14s %16s %18s\n' agency "objects read" "blocks readable" "carried, unread"
for node in $A $B $C; do
    as $node status --json >"$work/status" || broken=1
    printf '   %-14s %14s %16s %18s\n' $node "$(objects_at $node)" "$(jq .payloads_readable "$work/status")" "$(jq "$carried_query" "$work/status")"
done
[ "$(objects_at $C)" = "$for_all" ] || { say "   FAILED: $C reads $(objects_at $C) objects, not $for_all"; broken=1; }

# --- 4. who can read it ----------------------------------------------------------------------------------------------------
# Values of B's parts that no part for all mentions.
chosen() {
    values_of "$work/part.$1" | awk 'length >= 7' | sort -u | while read -r value; do
        grep -q -F -i -- "$value" "$work/part.2" || printf '%s\n' "$value"
    done | shuf -n $values_per_label --random-source=<(yes)
}
mapfile -t amber < <(chosen 0)
mapfile -t red < <(chosen 1)
mapfile -t green < <(values_of "$work/part.2" | sort -u | head -n 3)
[ ${#amber[@]} -gt 0 ] && [ ${#red[@]} -gt 0 ] && [ ${#green[@]} -gt 0 ] || fail "no value to look for in $file"

# Text in any case, and a hash also as the bytes that it stands for.
clear_in() {
    grep -r -a -i -F -l -e "$2" "$work/$1" 2>/dev/null | head -n 1
    if [[ $2 =~ ^([0-9a-fA-F]{2}){16,64}$ ]]; then
        LC_ALL=C grep -r -a -P -l -e "$(sed 's/../\\x&/g' <<<"$2")" "$work/$1" 2>/dev/null | head -n 1
    fi
}
found() { if as "$1" search "$2" >/dev/null 2>&1; then echo yes; else [ $? = 1 ] && echo no || echo error; fi; }
row() { # label, value, wanted at B, wanted at C
    local at_b at_c clear shown=$2 mark=""
    at_b=$(found $B "$2") at_c=$(found $C "$2")
    [ ${#shown} -le 46 ] || shown="${shown:0:43}..."
    clear=$(clear_in $C "$2"); clear=${clear:+YES}; clear=${clear:-no}
    [ "$at_b/$at_c/$clear" = "$3/$4/no" ] || { mark="  <-- FAILED"; broken=1; }
    printf '   %-10s %-46s %-7s %-7s %s%s\n' "$1" "$shown" "$at_b" "$at_c" "$clear" "$mark"
}
say "" "7. Who finds it, and does it stand in C's files in clear?"
printf '   %-10s %-46s %-7s %-7s %s\n' label value "B finds" "C finds" "in C's files"
for value in "${amber[@]}"; do row TLP:AMBER "$value" yes no; done
for value in "${red[@]}"; do row TLP:RED "$value" yes no; done
for value in "${green[@]}"; do row TLP:GREEN "$value" yes yes; done
# The search of C's files is worth something only if it finds what does stand there.
grep -r -a -i -F -q -e "$C" "$work/$C" || { say "   FAILED: not even C's own name was found in its files"; broken=1; }

[ "$broken" = 0 ] || fail "not everything held"
say "" "All of it held: B reads what was meant for B, C carries it and cannot read it, and all have what was for all."
