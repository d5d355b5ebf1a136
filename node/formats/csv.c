#include "node/formats/csv.h"

#include "gossip/pack.h"
#include "node/formats/csvrow.h"
#include "node/formats/generate.h"
#include "node/formats/observable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_BYTES          256
#define SHOWN_BYTES_MAX       60
#define DESCRIPTION_BYTES_MAX 4096
#define LABEL_BYTES_MAX       256

enum column { VALUE, TYPE, TLP, VALID_UNTIL, DESCRIPTION, LABELS, CONFIDENCE, COLUMN_COUNT };

static const char *const column_names[] = {"value", "type", "tlp", "valid_until", "description", "labels", "confidence"};

static const struct heading {
    const char *name;
    enum column column;
} headings[] = {
    {"value", VALUE},
    {"indicator", VALUE},
    {"ioc", VALUE},
    {"observable", VALUE},
    {"type", TYPE},
    {"tlp", TLP},
    {"valid_until", VALID_UNTIL},
    {"description", DESCRIPTION},
    {"comment", DESCRIPTION},
    {"labels", LABELS},
    {"tags", LABELS},
    {"confidence", CONFIDENCE},
};

struct csv {
    const struct intake_options *options;
    struct csvrow row;
    struct buf head; /* the header line, until it is whole */
    bool header_read;
    int columns[COLUMN_COUNT]; /* which field holds it, or -1 */
    size_t column_count;       /* of the header */
    struct intake_place place; /* of the row being read */
    struct arena arena;
    struct generate generate;
    enum err error; /* sticky */
};

struct csv *csv_new(const struct intake_options *options, uint64_t offset_first) {
    struct csv *csv = calloc(1, sizeof *csv);
    if (csv == NULL) return NULL;
    csv->options = options;
    csvrow_init(&csv->row);
    buf_init(&csv->head, CSV_ROW_BYTES_MAX);
    csv->place = (struct intake_place){.byte_offset = offset_first, .line = 1};
    generate_init(&csv->generate, options);
    return csv;
}

void csv_free(struct csv *csv) {
    if (csv == NULL) return;
    csvrow_free(&csv->row);
    buf_free(&csv->head);
    arena_free(&csv->arena);
    generate_free(&csv->generate);
    free(csv);
}

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c; }

static bool equal_any_case(struct bytes text, const char *word) {
    if (text.size != strlen(word)) return false;
    for (size_t i = 0; i < text.size; i++)
        if (lower(text.data[i]) != (uint8_t)word[i]) return false;
    return true;
}

static void shown(char out[static SHOWN_BYTES_MAX + 4], struct bytes text) {
    size_t size = text.size < SHOWN_BYTES_MAX ? text.size : SHOWN_BYTES_MAX;
    for (size_t i = 0; i < size; i++) out[i] = text.data[i] < ' ' || text.data[i] > '~' ? '?' : (char)text.data[i];
    strcpy(out + size, size < text.size ? "..." : "");
}

static bool refuse(struct csv *csv, const char *reason) {
    csv->options->refuse(csv->options->context, &csv->place, NULL, reason);
    return false;
}

static bool refuse_field(struct csv *csv, enum column column, struct bytes value, const char *why) {
    char reason[REASON_BYTES], text[SHOWN_BYTES_MAX + 4];
    shown(text, value);
    snprintf(reason, sizeof reason, "column %s: \"%s\": %s", column_names[column], text, why);
    return refuse(csv, reason);
}

/* The column that a heading names, or -1. */
static int column_of(struct bytes heading) {
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        if (equal_any_case(heading, headings[i].name)) return headings[i].column;
    return -1;
}

/* The delimiter that stands most often outside quotes; 0: none does. */
static char delimiter_of(struct bytes line) {
    size_t commas = 0, semicolons = 0, tabs = 0;
    bool quoted = false;
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] == '"') quoted = !quoted;
        if (quoted) continue;
        commas += line.data[i] == ',';
        semicolons += line.data[i] == ';';
        tabs += line.data[i] == '\t';
    }
    if (commas + semicolons + tabs == 0) return 0;
    return commas >= semicolons && commas >= tabs ? ',' : semicolons >= tabs ? ';' : '\t';
}

static bool header_split(struct csvrow *row, struct bytes line) {
    bool complete;
    char delimiter = delimiter_of(line);
    row->delimiter = delimiter == 0 ? ',' : delimiter;
    csvrow_clear(row);
    (void)csvrow_read(row, line, &complete);
    return csvrow_finish(row) && row->fault == CSVROW_GOOD;
}

bool csv_header_likely(struct bytes line) {
    struct csvrow row;
    bool likely = false;
    if (delimiter_of(line) == 0) return false;
    csvrow_init(&row);
    if (header_split(&row, line))
        for (size_t i = 0; i < row.field_count; i++) likely = likely || column_of(csvrow_field(&row, i)) == VALUE;
    csvrow_free(&row);
    return likely;
}

static enum err header_fail(struct csv *csv, const char *reason) {
    (void)refuse(csv, reason);
    return ERR_SYNTAX;
}

static enum err header_read(struct csv *csv, struct bytes line) {
    char reason[REASON_BYTES], text[SHOWN_BYTES_MAX + 4];
    if (!pack_utf8_valid(line)) return header_fail(csv, "the header is invalid UTF-8; save the table as UTF-8");
    if (!header_split(&csv->row, line))
        return header_fail(csv, "the header cannot be read: too long, too many columns, or a quote is open");
    for (size_t i = 0; i < COLUMN_COUNT; i++) csv->columns[i] = -1;
    csv->column_count = csv->row.field_count;
    for (size_t i = 0; i < csv->column_count; i++) {
        struct bytes heading = csvrow_field(&csv->row, i);
        int column = column_of(heading);
        shown(text, heading);
        if (column >= 0 && csv->columns[column] >= 0) {
            snprintf(reason, sizeof reason, "the header names two columns for %s (\"%s\"); remove one", column_names[column], text);
            return header_fail(csv, reason);
        }
        if (column >= 0) csv->columns[column] = (int)i;
        if (column >= 0 || csv->options->note == NULL) continue;
        snprintf(reason, sizeof reason, "the column \"%s\" is unknown and left out", text);
        csv->options->note(csv->options->context, &csv->place, reason);
    }
    if (csv->columns[VALUE] >= 0) return OK;
    return header_fail(csv, "the first line names no column value, indicator, ioc or observable; add a header");
}

static struct bytes field(const struct csv *csv, enum column column) {
    return csv->columns[column] < 0 ? bytes_of(NULL, 0) : csvrow_field(&csv->row, (size_t)csv->columns[column]);
}

/* OBSERVABLE_TEXT: the value's form decides. False: no type that is known. */
static bool kind_of_type(struct bytes type, enum observable_kind *kind) {
    static const struct {
        const char *name;
        enum observable_kind kind;
    } types[] = {
        {"ip", OBSERVABLE_TEXT},         {"ip-dst", OBSERVABLE_TEXT},     {"ip-src", OBSERVABLE_TEXT},
        {"address", OBSERVABLE_TEXT},    {"cidr", OBSERVABLE_TEXT},       {"hash", OBSERVABLE_TEXT},
        {"ipv4", OBSERVABLE_IPV4},       {"ipv4-addr", OBSERVABLE_IPV4},  {"ipv6", OBSERVABLE_IPV6},
        {"ipv6-addr", OBSERVABLE_IPV6},  {"domain", OBSERVABLE_DOMAIN},   {"domain-name", OBSERVABLE_DOMAIN},
        {"hostname", OBSERVABLE_DOMAIN}, {"fqdn", OBSERVABLE_DOMAIN},     {"url", OBSERVABLE_URL},
        {"uri", OBSERVABLE_URL},         {"email", OBSERVABLE_EMAIL},     {"email-addr", OBSERVABLE_EMAIL},
        {"email-src", OBSERVABLE_EMAIL}, {"email-dst", OBSERVABLE_EMAIL},
    };
    *kind = OBSERVABLE_TEXT;
    if (type.size == 0) return true;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (equal_any_case(type, types[i].name)) {
            *kind = types[i].kind;
            return true;
        }
    *kind = observable_kind_of_hash(type);
    return *kind != OBSERVABLE_TEXT;
}

static bool observable_read(struct csv *csv, struct observable *out) {
    struct bytes type = field(csv, TYPE), value = field(csv, VALUE);
    enum observable_kind kind;
    const char *reason;
    if (!kind_of_type(type, &kind))
        return refuse_field(csv, TYPE, type, "is none of ipv4, ipv6, domain, url, email, md5, sha1, sha256, sha512");
    enum err error = kind == OBSERVABLE_TEXT
                         ? observable_of_list(out, value, &csv->arena, &reason)
                         : observable_normalise(out, kind, observable_refang(value, &csv->arena), &csv->arena, &reason);
    return error == OK || refuse_field(csv, VALUE, value, reason);
}

static bool confidence_read(struct bytes text, int *out) {
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 3) return false;
        *out = *out * 10 + (text.data[i] - '0');
    }
    return *out <= 100;
}

static bool labels_read(struct csv *csv, struct generate_source *source) {
    struct bytes text = field(csv, LABELS);
    size_t start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != ',' && text.data[i] != ';' && text.data[i] != '|') continue;
        size_t from = start, to = i;
        start = i + 1;
        while (from < to && text.data[from] == ' ') from++;
        while (to > from && text.data[to - 1] == ' ') to--;
        if (from == to) continue;
        if (source->label_count == GENERATE_LABELS_MAX || to - from > LABEL_BYTES_MAX)
            return refuse_field(csv, LABELS, text, "more than 32 labels, or one longer than 256 bytes");
        source->labels[source->label_count++] = bytes_of(text.data + from, to - from);
    }
    return true;
}

static bool source_read(struct csv *csv, struct generate_source *source) {
    struct bytes tlp = field(csv, TLP), until = field(csv, VALID_UNTIL), confidence = field(csv, CONFIDENCE);
    if (!observable_read(csv, &source->observable)) return false;
    if (tlp.size > 0 && !tlp_parse(&source->tlp, tlp))
        return refuse_field(csv, TLP, tlp, "is none of clear, green, amber, amber+strict, red");
    if (until.size > 0 && !moment_parse(&source->valid_until_ms, until))
        return refuse_field(csv, VALID_UNTIL, until, "is no valid UTC timestamp (YYYY-MM-DDThh:mm:ssZ)");
    if (until.size > 0 && source->valid_until_ms <= csv->options->now_ms)
        return refuse_field(csv, VALID_UNTIL, until, "has passed already");
    if (confidence.size > 0 && !confidence_read(confidence, &source->confidence))
        return refuse_field(csv, CONFIDENCE, confidence, "is no whole number from 0 to 100");
    source->description = field(csv, DESCRIPTION);
    if (source->description.size > DESCRIPTION_BYTES_MAX)
        return refuse_field(csv, DESCRIPTION, source->description, "is longer than 4096 bytes");
    return labels_read(csv, source);
}

static bool row_sound(struct csv *csv) {
    char reason[REASON_BYTES];
    const struct csvrow *row = &csv->row;
    switch (row->fault) {
    case CSVROW_TOO_LONG: return refuse(csv, "the row is longer than 65536 bytes (is a quote left open?)");
    case CSVROW_TOO_MANY: return refuse(csv, "the row has more than 64 fields");
    case CSVROW_BEHIND_QUOTE: return refuse(csv, "text stands behind a closing quote; write a quote inside a field twice");
    case CSVROW_GOOD: break;
    }
    if (row->field_count != csv->column_count) {
        snprintf(reason, sizeof reason, "the row has %zu fields and the header %zu; quote fields that hold the delimiter",
                 row->field_count, csv->column_count);
        return refuse(csv, reason);
    }
    return pack_utf8_valid(bytes_of_buf(&row->data)) || refuse(csv, "invalid UTF-8; save the table as UTF-8");
}

/* A whole row stands in csv->row. Blank ones and comments count as nothing. */
static void row_end(struct csv *csv) {
    const struct csvrow *row = &csv->row;
    bool empty = row->fault == CSVROW_GOOD && row->field_count <= 1 && csvrow_field(row, 0).size == 0;
    bool comment = row->data.size > 0 && row->data.data[0] == '#';
    if (!empty && !comment) {
        struct generate_source source = {.confidence = GENERATE_NO_CONFIDENCE};
        csv->place.index++;
        arena_reset(&csv->arena);
        if (row_sound(csv) && source_read(csv, &source)) csv->error = generate_indicator(&csv->generate, &source, csv->place);
    }
    csv->place.byte_offset += row->bytes;
    csv->place.line += row->newlines + 1;
    csvrow_clear(&csv->row);
}

/* Collects the header line from the chunk; returns the bytes taken. Lines of comments and blank ones pass. */
static size_t header_feed(struct csv *csv, struct bytes chunk, bool last) {
    const uint8_t *newline = chunk.size == 0 ? NULL : memchr(chunk.data, '\n', chunk.size);
    size_t taken = newline == NULL ? chunk.size : (size_t)(newline - chunk.data);
    buf_put_raw(&csv->head, chunk.data, taken);
    if (csv->head.failed) csv->error = header_fail(csv, "the header is longer than 65536 bytes");
    if (csv->error != OK || (newline == NULL && !last)) return taken;
    struct bytes line = bytes_of_buf(&csv->head);
    while (line.size > 0 && (line.data[line.size - 1] == '\r' || line.data[line.size - 1] == ' ')) line.size--;
    if (line.size > 0 && line.data[0] != '#') {
        csv->error = header_read(csv, line);
        csv->header_read = true;
    }
    csv->place.byte_offset += csv->head.size + 1;
    csv->place.line++;
    buf_clear(&csv->head);
    csvrow_clear(&csv->row);
    return newline == NULL ? taken : taken + 1;
}

enum err csv_feed(struct csv *csv, struct bytes chunk) {
    while (csv->error == OK && chunk.size > 0) {
        bool complete = false;
        size_t taken = csv->header_read ? csvrow_read(&csv->row, chunk, &complete) : header_feed(csv, chunk, false);
        if (complete) row_end(csv);
        chunk = bytes_of(chunk.data + taken, chunk.size - taken);
    }
    return csv->error;
}

enum err csv_finish(struct csv *csv) {
    if (csv->error != OK) return csv->error;
    if (!csv->header_read) {
        (void)header_feed(csv, bytes_of(NULL, 0), true);
        return csv->error;
    }
    if (csv->row.bytes == 0) return OK;
    if (!csvrow_finish(&csv->row)) {
        (void)refuse(csv, "the input ends inside a quoted field; close the quote, or get the whole file");
        return csv->error = ERR_TRUNCATED;
    }
    row_end(csv);
    return csv->error;
}
