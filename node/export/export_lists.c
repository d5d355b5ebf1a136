/* The plain formats: one value a line, comma-separated, a hosts file, Zeek's intelligence framework. */
#define _GNU_SOURCE /* memmem, memrchr */
#include "node/export/export.h"
#include "node/export/export_value.h"
#include "node/formats/moment.h"
#include "node/formats/observable.h"

#include <string.h>

/* Who reads the file takes such a line for a remark. */
static bool remark_like(struct export *work, const struct export_row *row) {
    if (row->value.kind < OBSERVABLE_DOMAIN || row->value.value.size == 0 || row->value.value.data[0] != '#') return false;
    if (row->value.kind >= OBSERVABLE_MD5 && row->value.kind <= OBSERVABLE_SHA512) return false;
    export_leave_out(work, EXPORT_CHARACTERS, row->id);
    return true;
}

static void list_row(struct export *work, const struct export_row *row) {
    if (remark_like(work, row)) return;
    observable_text(export_out(work), row->value);
    buf_put_u8(export_out(work), '\n');
}

const struct export_format export_list = {
    .name = "list",
    .summary = "one value a line",
    .kinds = EXPORT_ALL_KINDS & ~EXPORT_KIND(OBSERVABLE_TEXT),
    .blocking = true,
    .unique = true,
    .row = list_row,
};

/* --- CSV, RFC 4180 --- */

static void csv_field(struct buf *out, struct bytes text) {
    bool quoted = false, doubled = false;
    for (size_t i = 0; i < text.size; i++) {
        doubled |= text.data[i] == '"';
        quoted |= text.data[i] == ',' || text.data[i] < ' ';
    }
    quoted |= doubled;
    if (quoted) buf_put_u8(out, '"');
    if (!doubled) buf_put(out, text);
    for (size_t i = 0; doubled && i < text.size; i++) {
        if (text.data[i] == '"') buf_put_u8(out, '"');
        buf_put_u8(out, text.data[i]);
    }
    if (quoted) buf_put_u8(out, '"');
}

static void csv_moment(struct buf *out, uint64_t ms) {
    char text[MOMENT_TEXT_BYTES];
    buf_put_u8(out, ',');
    if (ms == 0) return;
    moment_text(text, ms);
    buf_put_text(out, text);
}

/* Addresses and hashes have no character that would be quoted. */
static void csv_value(struct buf *out, struct observable value) {
    bool text = value.kind == OBSERVABLE_DOMAIN || value.kind == OBSERVABLE_URL || value.kind == OBSERVABLE_EMAIL ||
                value.kind == OBSERVABLE_TEXT;
    text ? csv_field(out, value.value) : observable_text(out, value);
}

static void csv_head(struct export *work) {
    buf_put_text(export_out(work), "value,kind,label,author,id,modified,valid_until,arrived\r\n");
}

static void csv_row(struct export *work, const struct export_row *row) {
    struct buf *out = export_out(work);
    csv_value(out, row->value);
    buf_put_u8(out, ',');
    buf_put_text(out, observable_kind_name(row->value.kind));
    buf_put_u8(out, ',');
    buf_put_text(out, tlp_name(row->tlp));
    buf_put_u8(out, ',');
    csv_field(out, row->author);
    buf_put_u8(out, ',');
    csv_field(out, row->id);
    csv_moment(out, row->modified_ms);
    csv_moment(out, row->valid_until_ms);
    csv_moment(out, row->arrived_ms);
    buf_put_text(out, "\r\n");
}

const struct export_format export_csv = {
    .name = "csv",
    .summary = "comma-separated with a header (RFC 4180): value, kind, label, author, id, times",
    .kinds = EXPORT_ALL_KINDS,
    .head = csv_head,
    .row = csv_row,
};

/* --- hosts --- */

static void hosts_head(struct export *work) { buf_put_text(export_out(work), "# hosts file, made by comity export\n"); }

static void hosts_row(struct export *work, const struct export_row *row) {
    buf_put_text(export_out(work), "0.0.0.0 ");
    buf_put(export_out(work), row->value.value);
    buf_put_u8(export_out(work), '\n');
}

const struct export_format export_hosts = {
    .name = "hosts",
    .summary = "a hosts file that leads names to 0.0.0.0",
    .kinds = EXPORT_KIND(OBSERVABLE_DOMAIN),
    .blocking = true,
    .unique = true,
    .head = hosts_head,
    .row = hosts_row,
};

/* --- Zeek intelligence framework: tab-separated, "-" for nothing --- */

static const char *zeek_type(struct observable value) {
    switch (value.kind) {
    case OBSERVABLE_IPV4: return value.value.data[4] == 32 ? "Intel::ADDR" : "Intel::SUBNET";
    case OBSERVABLE_IPV6: return value.value.data[16] == 128 ? "Intel::ADDR" : "Intel::SUBNET";
    case OBSERVABLE_DOMAIN: return "Intel::DOMAIN";
    case OBSERVABLE_URL: return "Intel::URL";
    case OBSERVABLE_EMAIL: return "Intel::EMAIL";
    default: return "Intel::FILE_HASH";
    }
}

static void zeek_head(struct export *work) {
    buf_put_text(export_out(work), "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n");
}

/* A tab or a line end would make a column or a row of its own. */
static void zeek_text(struct buf *out, struct bytes text) {
    for (size_t i = 0; i < text.size; i++) buf_put_u8(out, text.data[i] < ' ' || text.data[i] == 0x7f ? ' ' : text.data[i]);
}

static void zeek_row(struct export *work, const struct export_row *row) {
    struct buf *out = export_out(work);
    struct bytes host, path;
    if (remark_like(work, row)) return;
    if (row->value.kind == OBSERVABLE_URL) {
        /* Zeek's URLs have no scheme: host and what follows. */
        if (!export_url_parts(row->value.value, &host, &path)) {
            export_leave_out(work, EXPORT_NAME, row->id);
            return;
        }
        const uint8_t *start = (const uint8_t *)memmem(row->value.value.data, row->value.value.size, "://", 3) + 3;
        buf_put(out, bytes_of(start, (size_t)(row->value.value.data + row->value.value.size - start)));
    } else {
        observable_text(out, row->value);
    }
    buf_put_format(out, "\t%s\t", zeek_type(row->value));
    zeek_text(out, row->author);
    buf_put_format(out, "\t%s ", tlp_name(row->tlp));
    zeek_text(out, row->id);
    buf_put_u8(out, '\n');
}

const struct export_format export_zeek = {
    .name = "zeek",
    .summary = "Zeek intelligence framework",
    .kinds = EXPORT_ALL_KINDS & ~EXPORT_KIND(OBSERVABLE_TEXT),
    .blocking = true,
    .unique = true,
    .head = zeek_head,
    .row = zeek_row,
};
