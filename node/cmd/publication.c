#include "node/cmd/publication.h"

#include "gossip/pack.h"

#include <stdlib.h>
#include <string.h>

#define ITEM_PREFIX_BYTES 5 /* flags 1, length 4 */

/* What was sent is kept until its answer, so that a refusal finds its object. */
struct batch {
    struct buf items;
    uint32_t offsets[PUBLICATION_BATCH_ITEMS_MAX];
    struct intake_place places[PUBLICATION_BATCH_ITEMS_MAX];
    size_t count;
    uint64_t tag;
};

struct publication {
    struct client *client;
    publication_refused *refused;
    publication_refused *allowed; /* null: nobody asks */
    void *context;
    struct batch *batches; /* a ring: `first` is the oldest on the way, `first + sent` is being filled */
    size_t first, sent;
    struct publication_counts counts;
    enum outcome outcome; /* of a failure that was said already */
    struct item *item;    /* scratch for refusals */
};

struct publication *publication_new(struct client *client, publication_refused *refused, void *context) {
    struct publication *publication = calloc(1, sizeof *publication);
    if (!publication) return NULL;
    *publication = (struct publication){.client = client, .refused = refused, .context = context};
    publication->batches = calloc(PUBLICATION_BATCHES + 1, sizeof *publication->batches);
    publication->item = calloc(1, sizeof *publication->item);
    if (publication->batches && publication->item) return publication;
    publication_free(publication);
    return NULL;
}

void publication_free(struct publication *publication) {
    if (!publication) return;
    for (size_t i = 0; publication->batches && i <= PUBLICATION_BATCHES; i++) buf_free(&publication->batches[i].items);
    free(publication->batches);
    free(publication->item);
    free(publication);
}

void publication_tell_allowed(struct publication *publication, publication_refused *allowed) { publication->allowed = allowed; }

uint64_t publication_answered(const struct publication *publication) {
    return publication->counts.accepted + publication->counts.known + publication->counts.refused;
}

static struct batch *batch_at(struct publication *publication, size_t index) {
    return &publication->batches[(publication->first + index) % (PUBLICATION_BATCHES + 1)];
}

/* --- answers --- */

static struct bytes batch_item(const struct batch *batch, size_t index) {
    struct cursor cursor =
        cursor_of(bytes_of(batch->items.data + batch->offsets[index], batch->items.size - batch->offsets[index]));
    cursor_u8(&cursor);
    return cursor_take(&cursor, cursor_u32(&cursor));
}

static enum err answer_refusals(struct publication *publication, const struct batch *batch, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t count = pack_read_array(&reader);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t fields = pack_read_array(&reader);
        uint64_t index = pack_read_uint(&reader), code = pack_read_uint(&reader);
        struct bytes rule = pack_read_str(&reader), reason = pack_read_str(&reader);
        if (pack_failed(&reader) || fields != 4 || index >= batch->count) return ERR_FORMAT;
        if (code == ERR_EXISTS) continue;
        publication_refused *tell = code == OK ? publication->allowed : publication->refused;
        if (!tell) continue;
        enum err err = item_decode(publication->item, batch_item(batch, index));
        tell(publication->context, &batch->places[index], err == OK ? publication->item->id : bytes_of(NULL, 0), rule, reason);
    }
    return pack_done(&reader);
}

static enum err counts_read(struct publication_counts *counts, struct bytes body, uint32_t fields) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t count = pack_read_array(&reader);
    counts->accepted = pack_read_uint(&reader);
    counts->known = pack_read_uint(&reader);
    counts->refused = pack_read_uint(&reader);
    counts->cursor = fields == 4 ? pack_read_uint(&reader) : 0;
    return count == fields ? pack_done(&reader) : ERR_FORMAT;
}

static enum err failed(struct publication *publication, enum outcome outcome) {
    if (publication->outcome == OUTCOME_SUCCESS) publication->outcome = outcome;
    return ERR_CLOSED;
}

/* Takes the next answer of the oldest batch; without `wait`, ERR_NOT_FOUND when none is there. */
static enum err answer_take(struct publication *publication, bool wait) {
    struct batch *batch = batch_at(publication, 0);
    struct publication_counts counts;
    struct frame frame;
    enum err err = client_answer(publication->client, &frame, wait ? -1 : 0);
    if (err == ERR_TIMEOUT) return ERR_NOT_FOUND;
    if (err == OK && frame.tag != batch->tag) err = ERR_FORMAT;
    if (err == OK && frame.type == FRAME_ANSWER_ERROR) return failed(publication, client_refused(publication->client, frame.body));
    if (err == OK && frame.type == FRAME_ANSWER_ITEMS) {
        err = answer_refusals(publication, batch, frame.body);
    } else if (err == OK && frame.type == FRAME_ANSWER_DONE && (err = counts_read(&counts, frame.body, 3)) == OK) {
        publication->counts.accepted += counts.accepted;
        publication->counts.known += counts.known;
        publication->counts.refused += counts.refused;
        publication->first = (publication->first + 1) % (PUBLICATION_BATCHES + 1);
        publication->sent--;
    } else if (err == OK) {
        err = ERR_FORMAT;
    }
    return err == OK ? OK : failed(publication, client_lost(publication->client, err));
}

/* --- sending --- */

static enum err batch_send(struct publication *publication) {
    struct batch *batch = batch_at(publication, publication->sent);
    if (batch->count == 0) return OK;
    enum err err = client_ask(publication->client, FRAME_ASK_ITEMS, bytes_of_buf(&batch->items));
    if (err != OK) return failed(publication, client_lost(publication->client, err));
    batch->tag = publication->client->tag;
    publication->sent++;
    while (publication->sent > 0 && (err = answer_take(publication, publication->sent == PUBLICATION_BATCHES)) == OK) continue;
    if (err != OK && err != ERR_NOT_FOUND) return err;
    batch = batch_at(publication, publication->sent);
    buf_clear(&batch->items);
    batch->count = 0;
    return OK;
}

static enum err batch_append(struct batch *batch, const struct item *item, const struct intake_place *place) {
    size_t start = batch->items.size;
    buf_put_u8(&batch->items,
               (uint8_t)((place->generated ? CONTROL_ITEM_GENERATED : 0) | (place->converted ? CONTROL_ITEM_CONVERTED : 0)));
    buf_put_u32(&batch->items, 0);
    enum err err = item_encode(&batch->items, item);
    if (err == OK) err = buf_result(&batch->items);
    if (err == OK && batch->items.size > FRAME_BODY_BYTES_MAX) err = ERR_TOO_BIG;
    if (err != OK) {
        batch->items.size = start;
        batch->items.failed = batch->items.memory_failed = false;
        return err;
    }
    put_be32(batch->items.data + start + 1, (uint32_t)(batch->items.size - start - ITEM_PREFIX_BYTES));
    batch->offsets[batch->count] = (uint32_t)start;
    batch->places[batch->count] = *place;
    batch->count++;
    return OK;
}

enum err publication_add(struct publication *publication, const struct item *item, const struct intake_place *place) {
    struct batch *batch = batch_at(publication, publication->sent);
    if (publication->outcome != OUTCOME_SUCCESS) return ERR_CLOSED;
    enum err err = batch_append(batch, item, place);
    if (err == ERR_TOO_BIG && batch->count > 0) {
        /* It did not fit behind the others; alone it may. */
        err = batch_send(publication);
        batch = batch_at(publication, publication->sent);
        if (err == OK) err = batch_append(batch, item, place);
    }
    if (err != OK) return err;
    if (batch->items.size < PUBLICATION_BATCH_BYTES && batch->count < PUBLICATION_BATCH_ITEMS_MAX) return OK;
    return batch_send(publication);
}

enum outcome publication_commit(struct publication *publication, struct publication_counts *counts) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct frame frame;
    enum err err = publication->outcome == OUTCOME_SUCCESS ? batch_send(publication) : ERR_CLOSED;
    while (err == OK && publication->sent > 0) err = answer_take(publication, true);
    if (err == OK) {
        err = client_ask(publication->client, FRAME_ASK_COMMIT, bytes_of(&nothing, 1));
        if (err == OK) err = client_answer(publication->client, &frame, -1);
        if (err == OK && frame.type == FRAME_ANSWER_ERROR)
            err = failed(publication, client_refused(publication->client, frame.body));
        else if (err == OK && (frame.type != FRAME_ANSWER_DONE || counts_read(&publication->counts, frame.body, 4) != OK))
            err = ERR_FORMAT;
        if (err != OK && publication->outcome == OUTCOME_SUCCESS) failed(publication, client_lost(publication->client, err));
    }
    *counts = publication->counts;
    return publication->outcome;
}
