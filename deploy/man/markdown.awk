# Markdown, as the manuals of this project use it, as mdoc(7): headings, paragraphs, lists, tables, fenced blocks, `code`, **bold**.
# The first heading is the page's own and is left out. A table is a list: the first cell is
# the tag, the others its text, of three or more columns each with its column's name.
function words(text) {
    gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text)
    while (match(text, /`[^`]+`/)) {
        code_span = substr(text, RSTART + 1, RLENGTH - 2)
        gsub(/\*/, "\002", code_span) # no emphasis in there
        text = substr(text, 1, RSTART - 1) "\\fB" code_span "\\fR" substr(text, RSTART + RLENGTH)
    }
    while (match(text, /\*\*[^*]+\*\*/)) text = substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 2, RLENGTH - 4) "\\fR" substr(text, RSTART + RLENGTH)
    while (match(text, /\*[A-Za-z][^*]*\*/)) text = substr(text, 1, RSTART - 1) "\\fI" substr(text, RSTART + 1, RLENGTH - 2) "\\fR" substr(text, RSTART + RLENGTH)
    while (match(text, /\[[^]]+\]\([^)]+\)/)) { # a link: its words
        link = substr(text, RSTART + 1, RLENGTH - 2); sub(/\]\(.*/, "", link)
        text = substr(text, 1, RSTART - 1) link substr(text, RSTART + RLENGTH)
    }
    gsub(/\002/, "*", text)
    gsub(/[.] /, ".\n", text)
    gsub(/\n[.]/, "\n\\\\\\&.", text)
    if (text ~ /^[.']/) text = "\\&" text
    return text
}
# As the argument of a macro, where a quote would quote.
function argument(text) { text = words(text); gsub(/"/, "\\(dq", text); gsub(/\n/, " ", text); return text }
function flush_text() { if (text != "") print words(text); text = "" }
function leave() { flush_text(); if (list) print ".El"; list = "" }
function enter(kind) { if (list == kind) return; leave(); print ".Bl -" kind " -width Ds"; list = kind; fresh = 0 }
function paragraph() { leave(); if (!fresh) print ".Pp"; fresh = 0 }

/^```/ { if (code) { print ".Ed"; code = 0; blank = 1; fresh = 0 } else { leave(); print ".Bd -literal -offset indent"; code = 1 } next }
code { gsub(/\\/, "\\e"); gsub(/-/, "\\-"); if ($0 ~ /^[.']/) $0 = "\\&" $0; print; next }
/^# / && !started { started = 1; fresh = 1; next }
/^# / { leave(); print ".Sh " argument(toupper(substr($0, 3))); fresh = 1; blank = 0; next }
/^##+ / { leave(); sub(/^#+ /, ""); print ".Ss " argument($0); fresh = 1; blank = 0; next }
/\]\(#/ { next } # a table of contents
/^\|[-| ]+$/ { row = 1; next }
/^\|/ {
    gsub(/\\\|/, "\001") # a bar within a cell
    if (!row && list != "tag") { split($0, head, /[ \t]*\|[ \t]*/); next }
    if (list != "tag") enter("tag")
    flush_text()
    count = split($0, cell, /[ \t]*\|[ \t]*/)
    for (i = 2; i < count; i++) gsub(/\001/, "|", cell[i])
    print ".It " argument(cell[2])
    for (i = 3; i < count; i++) if (cell[i] != "") text = text (text == "" ? "" : "; ") (count > 4 && head[i] != "" ? head[i] ": " : "") cell[i]
    flush_text(); blank = 0
    next
}
{ row = 0; if (list == "tag") leave() }
/^[0-9]+[.] / { enter("enum"); flush_text(); print ".It"; sub(/^[0-9]+[.] /, ""); text = $0; blank = 0; next }
/^- / { enter("bullet"); flush_text(); print ".It"; text = substr($0, 3); blank = 0; next }
/^$/ { flush_text(); blank = 1; next }
/^  / && list { sub(/^ +/, ""); text = text " " $0; next }
{ if (list) { leave(); blank = 1 } if (text == "" && blank) paragraph(); text = text (text == "" ? "" : " ") $0; blank = 0; fresh = 0 }
END { leave() }
