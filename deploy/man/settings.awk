# The settings of comity.yaml.example as a list for comity.yaml(5): a comment is followed by the settings that it tells of.
function words(text) {
    gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); gsub(/`[^`]*`/, "\\fB&\\fR", text); gsub(/`/, "", text)
    gsub(/[.] /, ".\n", text)
    return text
}
BEGIN { print ".Bl -tag -width Ds" }
/^#/ { sub(/^# ?/, ""); comment = comment (comment == "" ? "" : " ") $0; next }
/^$/ { if (!tagged) comment = ""; else { flush_text(); } comment = ""; tagged = 0; next }
{ line = words($0); gsub(/"/, "\\(dq", line); print ".It Cm " line; tagged = 1 }
function flush_text() { if (comment != "") print words(comment) }
END { if (tagged) flush_text(); print ".El" }
