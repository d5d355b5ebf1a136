#!/bin/sh
# Installs Suricata, which judges the rules that `comity export` writes. Debian 12 has it in its backports only: a package list of its own,
# derived from the machine's own source of Debian and dropped afterwards, leaves the machine's lists as they are. Says why when it cannot.
set -eu
command -v suricata >/dev/null && exit 0
as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "no Suricata: not root, and no sudo" >&2; exit 1; }
    as_root="sudo"
fi
# The first http(s) source of the suite "bookworm", in either form that apt reads.
uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -nE 's/^deb (\[[^]]*\] )?(https?:[^ ]+) bookworm .*/\2/p' | head -n 1)
[ -n "$uri" ] || uri=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '/^URIs:/ { uri = $2 } /^Suites:.*bookworm( |$)/ && uri != "" { print uri; exit }')
[ -n "$uri" ] || { echo "no Suricata: this machine's apt names no source of bookworm" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
mkdir "$folder/lists"
# What is installed together with it comes from bookworm itself.
printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" bookworm "$uri" bookworm-backports >"$folder/sources.list"
options="-o Dir::Etc::sourcelist=$folder/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$folder/lists"
export DEBIAN_FRONTEND=noninteractive
$as_root env DEBIAN_FRONTEND=noninteractive apt-get $options update -q >"$folder/log" 2>&1 </dev/null &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get $options install -y -q --no-install-recommends -t bookworm-backports suricata >>"$folder/log" 2>&1 </dev/null || {
    echo "no Suricata: $(tail -n 1 "$folder/log")" >&2
    exit 1
}
