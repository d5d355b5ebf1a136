#!/bin/sh
# Makes a binary package of what `make install` installs: build.sh FOLDER VERSION MAINTAINER, called by `make deb` with MAKE and
# SOURCE_DATE_EPOCH. The same tree and compiler make the same package, byte for byte. Needs dpkg-dev; nothing of debhelper.
set -eu
umask 022
export LC_ALL=C SOURCE_DATE_EPOCH
folder=$1 version=$2 maintainer=$3
here=deploy/debian
mkdir -p "$folder"
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
architecture=$(dpkg --print-architecture)

$MAKE --no-print-directory install DESTDIR="$(cd "$work" && pwd)/root" PREFIX=/usr ZSHDIR=/usr/share/zsh/vendor-completions >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
# Unit files stand where all packages have them: /lib is /usr/lib on Debian 12, but dpkg knows the file by this name.
mkdir -p "$root/lib"
mv "$root/usr/lib/systemd" "$root/lib/systemd"
strip --remove-section=.comment --remove-section=.note "$root/usr/bin/comity"
doc=$root/usr/share/doc/comity
find "$root/usr/share/man" -type f -exec gzip -9n {} +

cp "$here/copyright" "$doc/copyright"
{
    printf 'comity (%s) unstable; urgency=medium\n\n  * Release %s, as its sources made it.\n\n' "$version" "$version"
    printf ' -- %s  %s\n' "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.gz"
mkdir -p "$root/DEBIAN"

# What the program links, with the versions that its symbols need.
mkdir -p "$work/debian"
printf 'Source: comity\n\nPackage: comity\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O --warnings=1 root/usr/bin/comity 2>shlibs) || { cat "$work/shlibs" >&2; exit 1; }
depends=${depends#shlibs:Depends=}

sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@MAINTAINER@/$maintainer/" -e "s/@DEPENDS@/$depends/" \
    -e "s/@SIZE@/$(du -k -s --apparent-size "$root" | cut -f1)/" "$here/control.in" >"$root/DEBIAN/control"
for script in postinst prerm postrm; do install -m 0755 "$here/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -print | LC_ALL=C sort | sed 's,^\./,,' | xargs -d '\n' md5sum) >"$root/DEBIAN/md5sums"
find "$root" -type d -exec chmod 0755 {} +
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

package=$folder/comity_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$work/package.deb" >/dev/null
mv "$work/package.deb" "$package"
echo "$package"
