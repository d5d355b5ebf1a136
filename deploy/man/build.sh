#!/bin/sh
# Makes the manual pages: deploy/man/build.sh COMITY FOLDER EPOCH. Pages of commands come from the program's own table, with the
# sections in deploy/man/comity-COMMAND.1.in behind them where there are such; those of files from the files that ship.
set -eu
comity=$1 folder=$2 epoch=$3
here=$(dirname "$0")
deploy=$here/..
date=$(LC_ALL=C date -u -d "@$epoch" '+%B %-d, %Y')
mkdir -p "$folder"
rm -f "$folder"/comity*.[0-9]

# Pages written by hand, with @DATE@ in them; alone on a line, @COMMANDS@ is the list of commands, @SETTINGS@ that of comity.yaml,
# @MARKDOWN FILE@ a manual of this tree.
for page in "$here"/comity.1.in "$here"/*.[578].in; do
    page=$(basename "$page" .in)
    awk -v date="$date" -v comity="$comity" -v deploy="$deploy" -v here="$here" '
        function run(command) { while ((command | getline line) > 0) print line; close(command) }
        /^@COMMANDS@$/ { run("\"" comity "\" --manual"); next }
        /^@SETTINGS@$/ { run("awk -f \"" here "/settings.awk\" \"" deploy "/comity.yaml.example\""); next }
        /^@MARKDOWN .*@$/ { sub(/@$/, ""); run("awk -f \"" here "/markdown.awk\" \"" deploy "/../" $2 "\""); next }
        { gsub(/@DATE@/, date); print }' "$here/$page.in" >"$folder/$page"
done

for command in $("$comity" --manual | sed -n 's/^\.It Xr comity-\([a-z-]*\) 1$/\1/p'); do
    {
        "$comity" --manual "$command" "$date"
        [ ! -f "$here/comity-$command.1.in" ] || cat "$here/comity-$command.1.in"
        # What a page names beside itself, in the order that mdoc wants: by section, then by name.
        also=$(sed -n 's/^\.\\" also: //p' "$here/comity-$command.1.in" 2>/dev/null || true)
        printf '.Sh SEE ALSO\n'
        for name in comity.1 $also; do printf '%s %s\n' "${name##*.}" "${name%.*}"; done | sort -u |
            awk '{ line[NR] = ".Xr " $2 " " $1 } END { for (i = 1; i <= NR; i++) print line[i] (i < NR ? " ," : "") }'
    } >"$folder/comity-$command.1"
done
