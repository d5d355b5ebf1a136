/* web_lists: what is held, as plain lists and CSV for firewalls and resolvers that pull: GET /lists/KIND.txt and KIND.csv, where KIND is
   ipv4, domain, url, ... or all. With an ETag, so that who has it already gets nothing, and gzip for who takes it. */
#include "node/process/clock.h"
#include "node/engine/control.h"
#include "node/export/export.h"
#include "node/web/web_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ETAG_MAX 40

struct list_work {
    struct export *export;
    enum err err;
};

static enum err sink_open(void *context, const char *name) {
    (void)context, (void)name;
    return OK;
}

static enum err sink_write(void *context, struct bytes text) {
    struct buf *out = context;
    buf_put(out, text);
    return buf_result(out);
}

static bool on_record(void *context, const struct web_record *record) {
    struct list_work *work = context;
    struct answer answer = {.cursor = record->cursor,
                            .author = record->author,
                            .arrived_ms = record->added_us / 1000,
                            .tlp = record->tlp,
                            .item = *record->item,
                            .conjunction = record->facts.conjunction};
    work->err = export_add(work->export, &answer);
    return work->err == OK;
}

/* "domain.txt": which format and which kinds of values. */
static bool name_read(const char *file, struct export_options *out) {
    const char *dot = strchr(file, '.');
    if (!dot) return false;
    out->format = strcmp(dot, ".txt") == 0 ? &export_list : strcmp(dot, ".csv") == 0 ? &export_csv : NULL;
    size_t size = (size_t)(dot - file);
    if (size == 3 && memcmp(file, "all", 3) == 0) return out->format != NULL;
    for (int kind = 1; kind < OBSERVABLE_KIND_COUNT; kind++) {
        const char *name = observable_kind_name((enum observable_kind)kind);
        if (strlen(name) == size && memcmp(name, file, size) == 0) out->kinds_wanted = EXPORT_KIND(kind);
    }
    return out->format && out->kinds_wanted;
}

static enum err list_make(struct web_request *request, const struct export_options *options) {
    struct list_work work = {.export = export_new(options)};
    struct taxii_filter *filter = calloc(1, sizeof *filter);
    struct web_end end = {.more = true};
    enum err err = work.export && filter ? OK : ERR_MEMORY;
    if (filter) {
        taxii_filter_init(filter);
        filter->exit = options->format->blocking ? POLICY_BLOCKING : POLICY_LIST;
        filter->versions = CONTROL_VERSION_LAST;
        filter->limit = TAXII_LIMIT_MAX;
        filter->who = request->user.name;
    }
    if (err == OK) err = web_scope(request->web, &request->user.token, &filter->scope);
    while (err == OK && end.more) {
        err = web_page(request->web, filter, token_labels_any(&request->user.token), on_record, &work, &end);
        if (err == OK) err = work.err;
        filter->position = end.cursor;
    }
    if (err == OK) err = export_finish(work.export);
    export_free(work.export);
    free(filter);
    return err;
}

static bool gzip(struct buf *body) {
    z_stream stream = {0};
    struct buf packed = {0};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    size_t room = deflateBound(&stream, body->size);
    stream.next_out = buf_grow(&packed, room);
    bool good = stream.next_out != NULL && body->size <= UINT32_MAX && room <= UINT32_MAX;
    stream.avail_out = (uInt)room;
    stream.next_in = body->data;
    stream.avail_in = (uInt)body->size;
    good = good && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    packed.size = stream.total_out;
    deflateEnd(&stream);
    if (good) {
        buf_free(body);
        *body = packed;
    } else {
        buf_free(&packed);
    }
    return good;
}

static enum MHD_Result list_send(struct web_request *request, struct buf *body, bool csv) {
    struct web_answer answer = {.status = MHD_HTTP_OK, .type = csv ? "text/csv; charset=utf-8" : "text/plain; charset=utf-8"};
    const char *known = web_header(request, "If-None-Match"), *encodings = web_header(request, "Accept-Encoding");
    uint8_t hash[HASH_BYTES];
    char etag[ETAG_MAX] = "\"";
    size_t at = 0;
    hash_of(hash, "comity-web-list", bytes_of_buf(body), bytes_of(NULL, 0));
    hex_encode(etag + 1, bytes_of(hash, 16));
    strcat(etag, "\"");
    answer.headers[at++] = "ETag";
    answer.headers[at++] = etag;
    answer.headers[at++] = "Vary";
    answer.headers[at++] = "Authorization, Accept-Encoding";
    if (known && (strstr(known, etag) || strcmp(known, "*") == 0)) {
        answer.status = MHD_HTTP_NOT_MODIFIED;
        buf_free(body);
        atomic_fetch_add(&request->web->lists_same, 1);
    } else if (encodings && strstr(encodings, "gzip") && body->size > 0 && gzip(body)) {
        answer.headers[at++] = "Content-Encoding";
        answer.headers[at++] = "gzip";
    }
    if (answer.status == MHD_HTTP_OK) atomic_fetch_add(&request->web->lists_sent, 1);
    answer.body = *body;
    return web_answer(request, &answer);
}

enum MHD_Result web_list(struct web_request *request, const char *file) {
    struct buf body = {0};
    struct export_options options = {.now_ms = clock_wall_ms(), .sink = {&body, sink_open, sink_write}};
    if (!name_read(file, &options))
        return web_error(
            request, MHD_HTTP_NOT_FOUND,
            "There is no list %.60s; known are all, ipv4, ipv6, domain, url, email, md5, sha1, sha256, sha512 and text, as "
            ".txt and .csv",
            file);
    enum err err = list_make(request, &options);
    if (err == OK) return list_send(request, &body, options.format == &export_csv);
    buf_free(&body);
    return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The list cannot be made at this moment: %s", err_text(err));
}
