#include "node/cmd/manual.h"

#include "node/cmd/synopsis.h"

#include <ctype.h>
#include <string.h>

/* --- text that roff takes as it is meant --- */

static void put_char(struct buf *out, char c) {
    switch (c) {
    case '\\': buf_put_text(out, "\\e"); break;
    case '-': buf_put_text(out, "\\-"); break;
    case '~': buf_put_text(out, "\\(ti"); break;
    case '^': buf_put_text(out, "\\(ha"); break;
    case '\'': buf_put_text(out, "\\(aq"); break;
    case '"': buf_put_text(out, "\\(dq"); break;
    default: buf_put_u8(out, (uint8_t)c);
    }
}

/* Words for a paragraph; what stands between backticks is a command, in bold. A dot at the start of a line would be a request. */
static void put_words(struct buf *out, struct bytes text) {
    bool bold = false, start = true;
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (c == '`') {
            buf_put_text(out, bold ? "\\fR" : "\\fB");
            bold = !bold;
            start = false;
            continue;
        }
        if (c == '\n' || c == ' ') {
            bool line = c == '\n' || (i > 0 && strchr(".?!", text.data[i - 1])); /* mdoc: a sentence, a line */
            while (i + 1 < text.size && isspace(text.data[i + 1])) line = line || text.data[++i] == '\n';
            if (!start) buf_put_u8(out, line ? '\n' : ' ');
            start = start || line;
            continue;
        }
        if (start && c == '.') buf_put_text(out, "\\&");
        put_char(out, c);
        start = false;
    }
    buf_put_u8(out, '\n');
}

/* An argument of a macro: quoted, so that blanks and punctuation stay in it. */
static void put_quoted(struct buf *out, const char *text) {
    buf_put_u8(out, '"');
    for (; *text; text++) put_char(out, *text);
    buf_put_u8(out, '"');
}

/* --- the synopsis --- */

static bool in_word(uint8_t c) { return isalnum(c) || c == '-'; }

/* Options and verbs are bold, what a user puts there is italic. */
static void put_form(struct buf *out, struct bytes text) {
    for (size_t i = 0; i < text.size;) {
        size_t end = i;
        while (end < text.size && in_word(text.data[end])) end++;
        bool user = false;
        for (size_t k = i; k < end; k++) user = user || isupper(text.data[k]);
        if (end > i) buf_put_text(out, user ? "\\fI" : "\\fB");
        for (size_t k = i; k < end; k++) put_char(out, (char)text.data[k]);
        if (end > i) buf_put_text(out, "\\fR");
        i = end;
        /* Blanks of the help's own layout are one blank here. */
        for (; i < text.size && !in_word(text.data[i]); i++) {
            bool blank = isspace(text.data[i]);
            if (!blank) put_char(out, (char)text.data[i]);
            if (blank && !(i + 1 < text.size && isspace(text.data[i + 1]))) buf_put_u8(out, ' ');
        }
    }
    buf_put_u8(out, '\n');
}

static void put_synopsis(struct buf *out, const struct command *command) {
    struct synopsis_form form;
    const char *at = command->synopsis;
    bool any = false;
    buf_put_text(out, ".Sh SYNOPSIS\n");
    while (synopsis_next(&form, &at)) {
        if (any) buf_put_text(out, ".br\n");
        buf_put_format(out, "\\fBcomity %s\\fR ", command->name);
        put_form(out, form.text);
        any = true;
    }
    if (!any) buf_put_format(out, "\\fBcomity %s\\fR\n", command->name);
}

/* --- the details: paragraphs, lists of "word   what it is", and, where lines outside a list are indented, a block as it stands --- */

enum shape { SHAPE_TEXT, SHAPE_LIST, SHAPE_BLOCK };

/* The width of the tag that begins a list's item, up to its text; 0: an ordinary line. */
static size_t tag_width(const char *line) {
    size_t word = 0, blanks = 0;
    while (islower((unsigned char)line[word]) || line[word] == '-') word++;
    while (word > 0 && line[word + blanks] == ' ') blanks++;
    return blanks >= 2 && line[word + blanks] != '\n' ? word + blanks : 0;
}

static void put_literal(struct buf *out, struct bytes line) {
    if (line.size > 0 && (line.data[0] == '.' || line.data[0] == '\'')) buf_put_text(out, "\\&");
    for (size_t i = 0; i < line.size; i++) put_char(out, (char)line.data[i]);
    buf_put_u8(out, '\n');
}

/* Goes over to another shape; text begins a paragraph of its own. */
static void shape_change(struct buf *out, enum shape *shape, enum shape next, bool paragraph) {
    static const char *const begins[] = {"", ".Bl -tag -width Ds\n", ".Bd -literal -offset indent\n"};
    static const char *const ends[] = {"", ".El\n", ".Ed\n"};
    if (*shape != next) buf_put_format(out, "%s%s", ends[*shape], begins[next]);
    if (next == SHAPE_TEXT && (*shape != next || paragraph)) buf_put_text(out, ".Pp\n");
    *shape = next;
}

static void put_details(struct buf *out, const char *details) {
    enum shape shape = SHAPE_TEXT;
    bool paragraph = true; /* an empty line was there */
    for (const char *line = details; *line;) {
        const char *end = strchr(line, '\n');
        size_t size = end ? (size_t)(end - line) : strlen(line), tag = tag_width(line);
        if (size > 0) {
            enum shape next = tag > 0                             ? SHAPE_LIST
                              : *line != ' '                      ? SHAPE_TEXT
                              : shape == SHAPE_LIST && !paragraph ? SHAPE_LIST
                                                                  : SHAPE_BLOCK;
            shape_change(out, &shape, next, paragraph);
            if (tag > 0) {
                struct bytes name, left = bytes_of((const uint8_t *)line, tag);
                if (synopsis_word(&name, &left, " ")) buf_put_format(out, ".It Cm %.*s\n", (int)name.size, (const char *)name.data);
            }
            if (next == SHAPE_BLOCK)
                put_literal(out, bytes_of((const uint8_t *)line, size));
            else
                put_words(out, bytes_of((const uint8_t *)line + tag, size - tag));
        }
        paragraph = size == 0;
        line += size + (end != NULL);
    }
    if (shape == SHAPE_LIST) buf_put_text(out, ".El\n");
    if (shape == SHAPE_BLOCK) buf_put_text(out, ".Ed\n");
}

/* --- the options --- */

static void put_option(struct buf *out, const char *name, const char *argument, const char *help) {
    buf_put_format(out, ".It Fl \\-");
    for (; *name; name++) put_char(out, *name);
    if (argument) {
        buf_put_text(out, " Ar ");
        put_quoted(out, argument);
    }
    buf_put_text(out, "\n");
    put_words(out, bytes_of_text(help));
}

static void put_options(struct buf *out, const struct command *command) {
    buf_put_text(out, ".Pp\nIts options are:\n.Bl -tag -width Ds\n");
    for (const struct command_option *option = command->options; option && option->name; option++)
        put_option(out, option->name, option->argument, option->help);
    put_option(out, "dir", "DIR", "the node's directory; else `COMITY_DIR` names it, see comity(1)");
    if (command->prints_json) put_option(out, "json", NULL, "print JSON with stable keys");
    put_option(out, "help", NULL, "print the command's help and do nothing else");
    buf_put_text(out, ".El\n");
}

void manual_list(struct buf *out, const struct command *const *table) {
    for (; *table; table++) {
        buf_put_format(out, ".It Xr comity-%s 1\n", (*table)->name);
        put_words(out, bytes_of_text((*table)->summary));
    }
}

void manual_page(struct buf *out, const struct command *command, const char *date) {
    buf_put_format(out, ".Dd %s\n.Dt COMITY-", date);
    for (const char *at = command->name; *at; at++) buf_put_u8(out, (uint8_t)toupper((unsigned char)*at));
    buf_put_format(out, " 1\n.Os\n.Sh NAME\n.Nm comity-%s\n.Nd ", command->name);
    put_words(out, bytes_of_text(command->summary));
    put_synopsis(out, command);
    buf_put_text(out, ".Sh DESCRIPTION\n");
    struct buf sentence = {0};
    buf_put_format(&sentence, "%c%s.", toupper((unsigned char)*command->summary), command->summary + 1);
    put_words(out, bytes_of_buf(&sentence));
    buf_free(&sentence);
    if (command->details) put_details(out, command->details);
    put_options(out, command);
    buf_put_text(out, ".Sh EXIT STATUS\n"
                      "0 success, 1 not found, 2 usage, 3 refused (some or all), 4 the node does not run, 5 internal;\n"
                      ".Xr comity 1\nsays more.\n");
}
