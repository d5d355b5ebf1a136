#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DIR/trust into the core: all of it at the start, and one name when a command changed it, so that a change takes effect at once
   however many agencies are pinned. */

static struct name_of_agency *name_find(struct engine *engine, const char *name) {
    for (size_t i = 0; i < engine->name_count; i++)
        if (strcmp(engine->names[i].name, name) == 0) return &engine->names[i];
    return NULL;
}

static bool agency_named(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < engine->name_count; i++)
        if (memcmp(engine->names[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0) return true;
    return false;
}

/* Takes the card into the core, and its name into the list. */
static enum err card_take(struct engine *engine, const char *name, const struct card_file *file) {
    struct event event = {.kind = EVENT_TRUST};
    struct name_of_agency *entry = name_find(engine, name);
    if (!entry && engine->name_count == TRUST_FILES_MAX) return ERR_LIMIT;
    event.trust.chain = file->card.chain;
    event.trust.prekeys = file->card.prekeys;
    enum err err = engine_step(engine, &event);
    if (!entry) entry = &engine->names[engine->name_count++];
    memcpy(entry->agency_id, file->card.agency.id, AGENCY_ID_BYTES);
    snprintf(entry->name, sizeof entry->name, "%s", name);
    return err;
}

/* Who is pinned anew begins with the card that is pinned then. */
static void chains_forget(struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    char hex[2 * CHAIN_NAME_BYTES + 1], name[64];
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return;
    hex_encode(hex, bytes_of(agency_id, CHAIN_NAME_BYTES));
    snprintf(name, sizeof name, "chain/%s", hex);
    store_batch_meta_delete(batch, name);
    snprintf(name, sizeof name, "rival/%s", hex);
    store_batch_meta_delete(batch, name);
    store_commit(engine->store, batch, 0);
}

/* An agency that no name stands for any more is forgotten: its links are closed in the same step. */
static void distrust(struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    uint8_t id[AGENCY_ID_BYTES];
    struct event event = {.kind = EVENT_DISTRUST};
    memcpy(id, agency_id, sizeof id);
    event.distrust.agency_id = id;
    if (agency_named(engine, id)) return;
    engine_must_step(engine, &event);
    chains_forget(engine, id);
}

/* --- all --- */

static bool trust_visit_card(void *context, const char *name, enum err error, const struct card_file *file) {
    struct engine *engine = context;
    if (error != OK) {
        engine_notice(engine, "the pinned card of '%s' cannot be used: %s", name, err_text(error));
        return true;
    }
    enum err err = card_take(engine, name, file);
    /* A card that is shorter than what the mesh brought in meanwhile is fine; one that contradicts it is not. */
    if (err != OK) engine_notice(engine, "the pinned card of '%s' was not taken: %s", name, err_text(err));
    return err != ERR_LIMIT;
}

size_t trust_load_all(struct engine *engine) {
    if (!engine->names) return 0;
    engine->name_count = 0;
    enum err err = trust_files_each(engine->settings.dir, trust_visit_card, engine);
    if (err != OK) {
        engine_notice(engine, "the trust folder cannot be read: %s", err_text(err));
        return engine->name_count;
    }
    for (size_t i = gossip_agency_count(engine->gossip); i-- > 1;) distrust(engine, gossip_agency(engine->gossip, i)->id);
    return engine->name_count;
}

/* --- one --- */

enum err trust_load_one(struct engine *engine, const char *name) {
    struct card_file file;
    uint8_t before[AGENCY_ID_BYTES] = {0};
    struct name_of_agency *entry = name_find(engine, name);
    bool named = entry != NULL;
    if (named) memcpy(before, entry->agency_id, sizeof before);
    enum err err = trust_file_read(&file, engine->settings.dir, name);
    if (err == OK) {
        err = card_take(engine, name, &file);
    } else if (err == ERR_NOT_FOUND) {
        if (entry) *entry = engine->names[--engine->name_count];
        err = OK;
    }
    if (named) distrust(engine, before);
    card_file_free(&file);
    return err;
}

/* --- what the mesh brought --- */

void trust_card_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    static const uint8_t nothing = 0x90;
    struct pack_reader reader = pack_reader_of(frame->body);
    uint32_t fields = pack_read_array(&reader);
    struct bytes name = pack_read_str(&reader), chain = {0};
    struct buf body = {0};
    if (pack_done(&reader) != OK || fields != 1) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    for (size_t i = 0; i < engine->name_count; i++) {
        if (!bytes_equal_text(name, engine->names[i].name)) continue;
        for (size_t k = 0; k < gossip_agency_count(engine->gossip); k++)
            if (memcmp(gossip_agency(engine->gossip, k)->id, engine->names[i].agency_id, AGENCY_ID_BYTES) == 0)
                chain = gossip_agency_chain(engine->gossip, k);
    }
    if (chain.size == 0) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "the running node has no such agency pinned");
        return;
    }
    pack_write_array(&body, 1);
    pack_write_bin(&body, chain);
    server_answer(client, FRAME_ANSWER_CARD, frame->tag, bytes_of_buf(&body));
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&nothing, 1));
    buf_free(&body);
}

/* --- by name --- */

const char *engine_agency_name(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    if (memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) return engine->own_name;
    for (size_t i = 0; i < engine->name_count; i++)
        if (memcmp(engine->names[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0) return engine->names[i].name;
    return "(no longer pinned)";
}

const struct agency *engine_agency(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < gossip_agency_count(engine->gossip); i++)
        if (memcmp(gossip_agency(engine->gossip, i)->id, agency_id, AGENCY_ID_BYTES) == 0) return gossip_agency(engine->gossip, i);
    return NULL;
}

bool engine_agency_of_name(const struct engine *engine, struct bytes name, uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < engine->name_count; i++) {
        if (!bytes_equal_text(name, engine->names[i].name)) continue;
        memcpy(agency_id, engine->names[i].agency_id, AGENCY_ID_BYTES);
        return true;
    }
    if (!bytes_equal_text(name, engine->own_name)) return false;
    memcpy(agency_id, engine->agency_id, AGENCY_ID_BYTES);
    return true;
}
