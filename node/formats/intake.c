#include "node/formats/intake.h"

#include "node/formats/csv.h"
#include "node/formats/list.h"
#include "node/formats/misp.h"
#include "node/formats/stix.h"

#include <stdlib.h>
#include <string.h>

/* The format must show within so many bytes; longer openings of comments are those of a list. */
#define HEAD_BYTES_MAX (64 * 1024)
#define BOM            "\xef\xbb\xbf"
#define BOM_BYTES      3

struct intake {
    struct intake_options options;
    enum intake_format format; /* INTAKE_AUTO until it is known */
    struct buf head;           /* the input so far, while the format or a byte order mark is not clear */
    struct stix *stix;
    struct list *list;
    struct csv *csv;
    struct misp *misp;
    enum err error; /* sticky */
};

struct intake *intake_new(const struct intake_options *options) {
    struct intake *intake = calloc(1, sizeof *intake);
    if (intake == NULL) return NULL;
    intake->options = *options;
    buf_init(&intake->head, 0);
    return intake;
}

void intake_free(struct intake *intake) {
    if (intake == NULL) return;
    buf_free(&intake->head);
    stix_free(intake->stix);
    list_free(intake->list);
    csv_free(intake->csv);
    misp_free(intake->misp);
    free(intake);
}

enum intake_format intake_format(const struct intake *intake) { return intake->format; }

const char *intake_format_name(enum intake_format format) {
    static const char *const names[] = {"auto", "stix", "list", "csv", "misp"};
    return (unsigned)format <= INTAKE_FORMAT_LAST ? names[format] : "unknown";
}

/* Looks at the first line that says something. INTAKE_AUTO: more must be seen. */
static enum intake_format detect(struct bytes head, bool last) {
    size_t i = 0;
    while (i < head.size) {
        uint8_t c = head.data[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            i++;
            continue;
        }
        if (c == '{' || c == '[') {
            bool more, misp = misp_likely(bytes_of(head.data + i, head.size - i), &more);
            if (more && !last && head.size < HEAD_BYTES_MAX) return INTAKE_AUTO;
            return misp ? INTAKE_MISP : INTAKE_STIX;
        }
        const uint8_t *newline = memchr(head.data + i, '\n', head.size - i);
        if (newline == NULL && !last && head.size < HEAD_BYTES_MAX) return INTAKE_AUTO;
        size_t end = newline == NULL ? head.size : (size_t)(newline - head.data);
        if (c != '#') return csv_header_likely(bytes_of(head.data + i, end - i)) ? INTAKE_CSV : INTAKE_LIST;
        i = end;
    }
    return last || head.size >= HEAD_BYTES_MAX ? INTAKE_LIST : INTAKE_AUTO;
}

static enum err forward(struct intake *intake, struct bytes chunk) {
    switch (intake->format) {
    case INTAKE_STIX: return stix_feed(intake->stix, chunk);
    case INTAKE_LIST: return list_feed(intake->list, chunk);
    case INTAKE_CSV: return csv_feed(intake->csv, chunk);
    case INTAKE_MISP: return misp_feed(intake->misp, chunk);
    case INTAKE_AUTO: break;
    }
    return ERR_INTERNAL;
}

static bool reader_new(struct intake *intake, uint64_t offset_first) {
    switch (intake->format) {
    case INTAKE_STIX: return (intake->stix = stix_new(&intake->options, offset_first)) != NULL;
    case INTAKE_LIST: return (intake->list = list_new(&intake->options, offset_first)) != NULL;
    case INTAKE_CSV: return (intake->csv = csv_new(&intake->options, offset_first)) != NULL;
    case INTAKE_MISP: return (intake->misp = misp_new(&intake->options, offset_first)) != NULL;
    case INTAKE_AUTO: break;
    }
    return false;
}

static bool started(const struct intake *intake) { return intake->stix || intake->list || intake->csv || intake->misp; }

/* Decides on what stands in `head`, if it can, and hands it on. */
static enum err start(struct intake *intake, bool last) {
    struct bytes head = bytes_of_buf(&intake->head);
    bool whole = head.size >= BOM_BYTES || last;
    if (!whole && memcmp(head.data, BOM, head.size) == 0) return OK;
    uint64_t skipped = head.size >= BOM_BYTES && memcmp(head.data, BOM, BOM_BYTES) == 0 ? BOM_BYTES : 0;
    head = bytes_of(head.data + skipped, head.size - skipped);
    intake->format = intake->options.format != INTAKE_AUTO ? intake->options.format : detect(head, last);
    if (intake->format == INTAKE_AUTO) return OK;
    if (!reader_new(intake, skipped)) return ERR_MEMORY;
    enum err error = forward(intake, head);
    buf_free(&intake->head);
    return error;
}

enum err intake_feed(struct intake *intake, struct bytes chunk) {
    if (intake->error != OK || chunk.size == 0) return intake->error;
    while (!started(intake) && chunk.size > 0 && intake->error == OK) {
        /* Only a piece of the chunk is copied: a chunk may be a whole file. */
        size_t piece = chunk.size < HEAD_BYTES_MAX ? chunk.size : HEAD_BYTES_MAX;
        buf_put_raw(&intake->head, chunk.data, piece);
        chunk = bytes_of(chunk.data + piece, chunk.size - piece);
        intake->error = intake->head.failed ? ERR_MEMORY : start(intake, false);
    }
    if (intake->error == OK && chunk.size > 0) intake->error = forward(intake, chunk);
    return intake->error;
}

enum err intake_finish(struct intake *intake) {
    if (intake->error != OK) return intake->error;
    if (!started(intake)) intake->error = intake->head.size == 0 ? OK : start(intake, true);
    if (intake->error != OK || !started(intake)) return intake->error;
    switch (intake->format) {
    case INTAKE_STIX: return intake->error = stix_finish(intake->stix);
    case INTAKE_LIST: return intake->error = list_finish(intake->list);
    case INTAKE_CSV: return intake->error = csv_finish(intake->csv);
    case INTAKE_MISP: return intake->error = misp_finish(intake->misp);
    case INTAKE_AUTO: break;
    }
    return ERR_INTERNAL;
}
