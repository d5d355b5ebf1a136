#!/bin/sh
# Puts promtool, which judges /metrics and deploy/prometheus/, into the folder named as argument, unless the machine has one. It is taken
# out of Debian's package prometheus without installing that: nobody who runs the tests wants a Prometheus to be started on the machine.
# Says why when it cannot; the tests then skip what it would judge.
set -eu
folder=$1
command -v promtool >/dev/null && exit 0
[ -x "$folder/promtool" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 "$work"
fetch() { apt-get download -q prometheus >"$work/log" 2>&1 </dev/null; }
update() {
    if [ "$(id -u)" = 0 ]; then apt-get update -q; elif command -v sudo >/dev/null; then sudo -n apt-get update -q; else false; fi
}
# An old package list is tried again after an update.
fetch || { update >/dev/null 2>&1 </dev/null && fetch; } || { echo "no promtool: $(tail -n 1 "$work/log")" >&2; exit 1; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
cd - >/dev/null
mkdir -p "$folder"
mv "$work/usr/bin/promtool" "$folder/promtool"
