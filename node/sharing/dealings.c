#include "node/sharing/dealings.h"

#include "node/engine/engine_core.h"
#include "node/sharing/shown.h"
#include "node/formats/document_put.h"

#include <string.h>

#define SIGHTINGS_MAX      65536
#define SIGHTINGS_EACH_MAX 16384

enum err dealings_load(struct engine *engine) {
    struct dealings *dealings = &engine->dealings;
    dealings->withdrawing = dealings->telling = true; /* it is not known yet */
    enum err err = records_load(&dealings->permissions, engine->store, "secret/permission/", engine->agency_id);
    if (err == OK) err = records_load(&dealings->shares, engine->store, "secret/share/", engine->agency_id);
    /* Readers that block what they are told of see a great deal. */
    dealings->sightings = (struct records){.mark = sighting_mark, .each_max = SIGHTINGS_EACH_MAX, .max = SIGHTINGS_MAX};
    if (err == OK) err = records_load(&dealings->sightings, engine->store, "secret/sighting/", engine->agency_id);
    if (err == OK) err = records_load(&dealings->inquiries, engine->store, "secret/inquiry/", engine->agency_id);
    return err;
}

void dealings_free(struct engine *engine) {
    struct dealings *dealings = &engine->dealings;
    records_free(&dealings->permissions), records_free(&dealings->shares);
    records_free(&dealings->sightings), records_free(&dealings->inquiries);
    recall_task_free(&dealings->withdrawn);
    buf_free(&dealings->withdrawn_rows);
}

void dealings_kept(struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES], enum err err) {
    if (err == OK) return;
    if (err != ERR_FULL) {
        engine_fail(engine, 5, "out of memory for what another agency said");
        return;
    }
    engine->dealings.full++;
    engine_notice(engine, "%s has said more about single objects than is kept of one agency: some of it was passed over",
                  engine_agency_name(engine, agency_id));
}

/* --- documents --- */

void dealings_agency(const struct engine *engine, struct buf *out, const char *key,
                     const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    if (engine_agency(engine, agency_id))
        document_put_text(out, key, engine_agency_name(engine, agency_id));
    else
        document_put_hex(out, key, agency_id, AGENCY_ID_BYTES);
}

void dealings_answer(struct client *client, const struct frame *frame, const struct buf *document) {
    uint8_t empty = 0x90; /* an empty array */
    if (document->failed) {
        server_error(client, frame->tag, ERR_MEMORY, "out of memory");
        return;
    }
    server_answer(client, FRAME_ANSWER_DOCUMENT, frame->tag, bytes_of_buf(document));
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&empty, 1));
}

/* --- whom and what a client names --- */

bool dealings_named(struct engine *engine, struct client *client, const struct frame *frame, struct bytes name,
                    uint8_t out[static AGENCY_ID_BYTES]) {
    if (engine_agency_of_name(engine, name, out)) return true;
    if (name.size == 2 * AGENCY_ID_BYTES && hex_decode(out, AGENCY_ID_BYTES, name)) return true;
    server_error(
        client, frame->tag, ERR_DENIED,
        "'%.*s' is no agency that is pinned here; `comity trust list` shows who is. An agency that is not can be named by the\n"
        "64 digits of its id",
        (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
    return false;
}

bool dealings_object(struct engine *engine, struct client *client, const struct frame *frame, struct bytes id, struct bytes author,
                     struct shown *out) {
    uint8_t author_id[AGENCY_ID_BYTES];
    if (author.size > 0 && !dealings_named(engine, client, frame, author, author_id)) return false;
    enum err err = shown_newest(engine, out, id, author.size > 0 ? author_id : NULL);
    if (err == ERR_EXISTS)
        server_error(client, frame->tag, ERR_DENIED, "several agencies published an object '%.*s': say whose with --from NAME",
                     (int)id.size, (const char *)id.data);
    else if (err == ERR_NOT_FOUND)
        server_error(client, frame->tag, err, "no object '%.*s' is held here", (int)id.size, (const char *)id.data);
    else if (err != OK)
        server_error(client, frame->tag, err, "the object cannot be read: %s", err_text(err));
    return err == OK;
}

bool dealings_readers(struct engine *engine, struct client *client, const struct frame *frame, struct pack_reader *reader,
                      uint8_t (*out)[AGENCY_ID_BYTES], size_t max, size_t *count) {
    uint32_t names = pack_read_array(reader);
    *count = 0;
    for (uint32_t i = 0; i < names && !pack_failed(reader); i++) {
        uint8_t id[AGENCY_ID_BYTES];
        bool doubled = false;
        struct bytes name = pack_read_str(reader);
        if (pack_failed(reader)) break; /* reported by the caller */
        if (!dealings_named(engine, client, frame, name, id)) return false;
        for (size_t j = 0; j < *count; j++) doubled = doubled || memcmp(out[j], id, AGENCY_ID_BYTES) == 0;
        if (doubled) continue;
        if (*count == max) {
            server_error(client, frame->tag, ERR_LIMIT, "more than %zu agencies are named at once", max);
            return false;
        }
        memcpy(out[(*count)++], id, AGENCY_ID_BYTES);
    }
    return true;
}
