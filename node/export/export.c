#include "node/export/export.h"

#include "node/export/export_value.h"

#include <stdlib.h>
#include <string.h>

#define FLUSH_BYTES (256 * 1024)

struct export {
    struct export_options options;
    struct export_counts counts;
    struct arena arena;
    struct export_rows rows;
    size_t row_count;         /* to be written */
    struct bytes author_last; /* the arena's copy */
    struct buf out;
    enum err error;
    void *state;
    bool opened;
};

const struct export_format *const export_formats[] = {
    &export_list,
    &export_csv,
    &export_hosts,
    &export_rpz,
    &export_nftables,
    &export_zeek,
    &export_suricata,
    &export_suricata_datasets,
    &export_stix,
    &export_jsonl,
    &export_misp,
    &export_misp_feed,
    NULL,
};

const struct export_format *export_format_find(const char *name) {
    for (size_t i = 0; export_formats[i]; i++)
        if (strcmp(export_formats[i]->name, name) == 0) return export_formats[i];
    return NULL;
}

enum policy_exit export_exit(const struct export_format *format) {
    return format->blocking ? POLICY_BLOCKING : format->row || format->values ? POLICY_LIST : POLICY_STIX;
}

/* It stands in the file as it is: labels of letters, digits, '-' and '_' with a dot between them, and room for names before it. */
bool export_zone_valid(const char *zone) {
    static const char *const KNOWN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t size = strlen(zone);
    if (size == 0 || size > EXPORT_ZONE_BYTES_MAX) return false;
    for (;;) {
        size_t label = strspn(zone, KNOWN);
        if (label == 0 || label > 63) return false;
        if (zone[label] == 0) return true;
        if (zone[label] != '.') return false;
        zone += label + 1;
    }
}

static const struct {
    const char *name, *text;
} reasons[EXPORT_REASON_COUNT] = {
    [EXPORT_FITS] = {"fits", "it was written"},
    [EXPORT_REVOKED] = {"revoked", "its author withdrew it"},
    [EXPORT_UNSOUND] = {"unsound", "its text is not what its author indexed"},
    [EXPORT_CONJUNCTION] = {"conjunction", "its pattern joins values by AND or FOLLOWEDBY: none of them means anything alone"},
    [EXPORT_OBSERVED] = {"observation", "an observation, not an indicator: what was seen is not what to block"},
    [EXPORT_OTHER_TYPE] = {"other-type", "neither an indicator nor an observable"},
    [EXPORT_OTHER_KIND] = {"other-kind", "a kind of value that this format does not carry"},
    [EXPORT_WIDE] = {"wide-network", "a network wider than /8, or /16 of IPv6"},
    [EXPORT_LOCAL] = {"local-address", "an address that is not in public use"},
    [EXPORT_SUFFIX] = {"public-suffix", "a public suffix: it would hit everybody below it"},
    [EXPORT_NOTHING] = {"empty-file", "the hash of an empty file: it would hit every one"},
    [EXPORT_NAME] = {"bad-name", "no host name: a label over 63 octets, over 253 in all, or other characters"},
    [EXPORT_CHARACTERS] = {"bad-characters", "characters that the format cannot carry"},
};

const char *export_reason_name(enum export_reason reason) { return reasons[reason].name; }
const char *export_reason_text(enum export_reason reason) { return reasons[reason].text; }

struct export *export_new(const struct export_options *options) {
    struct export *work = calloc(1, sizeof *work);
    if (!work) return NULL;
    work->options = *options;
    if (!work->options.zone) work->options.zone = "rpz.comity";
    return work;
}

void export_free(struct export *work) {
    if (!work) return;
    arena_free(&work->arena);
    buf_free(&work->out);
    export_rows_free(&work->rows);
    if (work->state && work->options.format->release) work->options.format->release(work->state);
    free(work->state);
    free(work);
}

const struct export_counts *export_counted(const struct export *work) { return &work->counts; }
struct buf *export_out(struct export *work) {
    return &work->out;
}
const struct export_options *export_options_of(const struct export *work) { return &work->options; }
size_t export_row_count(const struct export *work) { return work->row_count; }
void export_written(struct export *work) { work->counts.values++; }
struct bytes export_keep(struct export *work, struct bytes text) {
    return arena_copy(&work->arena, text);
}

void *export_state(struct export *work, size_t size) {
    if (!work->state) work->state = calloc(1, size);
    if (!work->state) work->error = ERR_MEMORY;
    return work->state;
}

void export_leave_out(struct export *work, enum export_reason reason, struct bytes id) {
    if (work->counts.left_out[reason]++ == 0) work->counts.example[reason] = export_keep(work, id);
}

/* --- output --- */

static void flush(struct export *work) {
    if (work->out.failed && work->error == OK) work->error = ERR_MEMORY;
    if (work->error == OK && work->out.size > 0)
        work->error = work->options.sink.write(work->options.sink.context, bytes_of_buf(&work->out));
    buf_clear(&work->out);
}

void export_put_long(struct export *work, struct bytes text) {
    flush(work);
    while (work->error == OK && text.size > 0) {
        size_t size = text.size < FLUSH_BYTES ? text.size : FLUSH_BYTES;
        work->error = work->options.sink.write(work->options.sink.context, bytes_of(text.data, size));
        text = bytes_of(text.data + size, text.size - size);
    }
}

void export_file(struct export *work, const char *name) {
    flush(work);
    if (work->error == OK) work->error = work->options.sink.open(work->options.sink.context, name);
}

static void begin(struct export *work) {
    if (work->opened) return;
    work->opened = true;
    if (!work->options.format->folder) export_file(work, NULL);
    if (work->options.format->head) work->options.format->head(work);
    if (work->options.format->dated) flush(work);
}

/* --- taking objects --- */

static bool carries_values(struct bytes type) {
    static const char *const types[] = {"indicator", "ipv4-addr",  "ipv6-addr", "domain-name",
                                        "url",       "email-addr", "file",      "observed-data"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (bytes_equal_text(type, types[i])) return true;
    return false;
}

static enum export_reason object_judge(const struct export_format *format, const struct answer *answer) {
    if (answer->problem) return EXPORT_UNSOUND;
    if (!format->row && !format->values) return EXPORT_FITS;
    if (answer->item.revoked) return EXPORT_REVOKED;
    if (!carries_values(answer->item.type)) return EXPORT_OTHER_TYPE;
    /* What somebody saw (in MISP: without to_ids) is no call to block it. */
    if (format->blocking && bytes_equal_text(answer->item.type, "observed-data")) return EXPORT_OBSERVED;
    return format->blocking && answer->conjunction ? EXPORT_CONJUNCTION : EXPORT_FITS;
}

bool export_object_fits(const struct export_options *options, const struct answer *answer) {
    return object_judge(options->format, answer) == EXPORT_FITS;
}

/* Was this kind not asked for? */
static bool value_passed_over(const struct export_options *options, struct observable value) {
    unsigned kind = EXPORT_KIND(value.kind);
    return (options->format->kinds & kind) && options->kinds_wanted && !(options->kinds_wanted & kind);
}

static enum export_reason value_judge(const struct export_format *format, struct observable value) {
    if (!(format->kinds & EXPORT_KIND(value.kind))) return EXPORT_OTHER_KIND;
    return format->blocking ? export_value_judge(value) : EXPORT_FITS;
}

bool export_value_fits(const struct export_options *options, struct observable value) {
    return !value_passed_over(options, value) && value_judge(options->format, value) == EXPORT_FITS;
}

static void values_take(struct export *work, const struct answer *answer) {
    const struct item *item = &answer->item;
    struct export_row row = {.tlp = answer->tlp,
                             .modified_ms = item->modified_ms,
                             .arrived_ms = answer->arrived_ms,
                             .valid_until_ms = item->valid_until_ms};
    for (size_t i = 0; i < item->observable_count && work->error == OK; i++) {
        row.value = item->observables[i];
        if (value_passed_over(&work->options, row.value)) continue;
        enum export_reason reason = value_judge(work->options.format, row.value);
        if (reason != EXPORT_FITS) {
            export_leave_out(work, reason, item->id);
            continue;
        }
        if (row.id.size == 0) row.id = export_keep(work, item->id);
        if (!bytes_equal(work->author_last, answer->author)) work->author_last = export_keep(work, answer->author);
        row.author = work->author_last;
        struct export_row kept = row;
        kept.value.value = export_keep(work, row.value.value);
        if (row.value.value.size != kept.value.value.size) work->error = ERR_MEMORY;
        if (work->error == OK) work->error = export_rows_add(&work->rows, &kept);
    }
}

enum err export_add(struct export *work, const struct answer *answer) {
    begin(work);
    work->counts.objects++;
    enum export_reason reason = object_judge(work->options.format, answer);
    if (reason != EXPORT_FITS) {
        export_leave_out(work, reason, answer->item.id);
    } else if (work->options.format->object) {
        work->options.format->object(work, answer);
        if (!work->options.format->values) work->counts.values++;
    } else {
        values_take(work, answer);
    }
    if (work->out.size >= FLUSH_BYTES) flush(work);
    return work->error;
}

/* --- writing values --- */

static void rows_write(struct export *work, const struct export_source *source) {
    const struct export_format *format = work->options.format;
    struct export_row row, before_it;
    work->row_count = source->count;
    for (bool first = true; work->error == OK && source->next(source->context, &row); first = false) {
        bool twice = format->unique && !first && export_rows_same(&row, &before_it);
        before_it = row;
        if (twice) {
            work->counts.doubles++;
            continue;
        }
        uint64_t before = work->counts.left_out[EXPORT_NAME] + work->counts.left_out[EXPORT_CHARACTERS];
        format->row(work, &row);
        work->counts.values += before == work->counts.left_out[EXPORT_NAME] + work->counts.left_out[EXPORT_CHARACTERS];
        if (work->out.size >= FLUSH_BYTES) flush(work);
    }
}

struct gathered {
    const struct export_rows *rows;
    size_t at;
};

static bool gathered_next(void *context, struct export_row *row) {
    struct gathered *gathered = context;
    if (gathered->at == gathered->rows->count) return false;
    *row = *export_rows_at(gathered->rows, gathered->at++);
    return true;
}

enum err export_write_rows(struct export *work, const struct export_source *source) {
    begin(work);
    rows_write(work, source);
    if (work->options.format->tail) work->options.format->tail(work);
    flush(work);
    return work->error;
}

enum err export_finish(struct export *work) {
    struct gathered gathered = {.rows = &work->rows};
    begin(work);
    if (work->options.format->row && work->error == OK) {
        work->error = export_rows_sort(&work->rows);
        rows_write(work, &(struct export_source){&gathered, work->rows.count, gathered_next});
    }
    if (work->options.format->tail) work->options.format->tail(work);
    flush(work);
    return work->error;
}
