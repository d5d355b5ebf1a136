#include "node/cmd/ledger_source.h"

#include "crypto/secret.h"
#include "gossip/entry.h"
#include "gossip/pack.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/ledger/ledger.h"
#include "node/cmd/setup.h"

#include <string.h>
#include <unistd.h>

/* --- opening --- */

static enum outcome store_take(struct ledger_source *source, struct keyfile *keys) {
    struct store_options options = {.cache_bytes = 32u << 20, .sync = true, .now_ms = clock_wall_ms()};
    struct buf sealed = {0};
    struct passphrase passphrase = {0};
    char path[DIR_PATH_MAX], why[256] = "";
    uint8_t sign_public[SIGN_PUBLIC_BYTES];
    enum outcome outcome = setup_lock(source->invocation, &source->lock);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_node_key(source->invocation, &sealed, &passphrase, keys);
    passphrase_free(&passphrase);
    buf_free(&sealed);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    sign_public_of_seed(sign_public, keys->sign_seed);
    agency_node_id(source->node_id, keys->agency_id, sign_public);
    memcpy(options.store_key, keys->store_key, sizeof options.store_key);
    enum err err = dir_path(path, source->invocation->dir, DIR_STORE);
    options.path = path;
    if (err == OK) err = store_open(&source->store, &options, why, sizeof why);
    explicit_bzero(options.store_key, sizeof options.store_key);
    if (err == OK) return OUTCOME_SUCCESS;
    return command_fail(source->invocation, OUTCOME_INTERNAL, "the store in %s cannot be opened, so its ledger cannot be read: %s",
                        source->invocation->dir, why[0] ? why : err_text(err));
}

enum outcome ledger_source_open(struct ledger_source *out, const struct invocation *invocation, bool running) {
    *out = (struct ledger_source){.invocation = invocation, .lock = -1};
    out->client.channel.fd = -1;
    enum outcome outcome = setup_own_card(invocation, &out->own);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = running ? OK : control_connect(&out->client.channel, invocation->dir);
    out->client.invocation = invocation;
    if (running || (err != OK && err != ERR_CLOSED)) return client_open(&out->client, invocation);
    if (err == OK) return OUTCOME_SUCCESS;
    out->client.channel.fd = -1;
    struct keyfile *keys = secret_new(sizeof *keys);
    if (!keys) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    outcome = store_take(out, keys);
    secret_free(keys);
    return outcome;
}

void ledger_source_close(struct ledger_source *source) {
    client_close(&source->client);
    if (source->store) store_close(source->store);
    if (source->lock >= 0) close(source->lock);
    card_file_free(&source->own);
    source->store = NULL, source->lock = -1;
}

/* --- from a running node --- */

typedef bool answer_visit(void *context, struct pack_reader *reader);

static enum outcome walk(struct ledger_source *source, enum ledger_part part, uint64_t from, uint64_t until, answer_visit *visit,
                         void *context) {
    struct buf body = {0};
    struct frame frame;
    bool going = true;
    pack_write_array(&body, 3);
    pack_write_uint(&body, part);
    pack_write_uint(&body, from);
    pack_write_uint(&body, until);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(&source->client, FRAME_ASK_LEDGER, bytes_of_buf(&body));
    buf_free(&body);
    while (err == OK && (err = client_answer(&source->client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(&source->client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE) return OUTCOME_SUCCESS;
        struct pack_reader reader = pack_reader_of(frame.body);
        if (going) going = visit(context, &reader);
        if (frame.type != FRAME_ANSWER_LEDGER || (going && pack_done(&reader) != OK)) err = ERR_FORMAT;
    }
    return client_lost(&source->client, err);
}

struct visiting {
    ledger_visit_row *row;
    store_visit_head *head;
    ledger_visit_block *block;
    void *context;
    struct disclosure_record record;
};

static bool copy_exactly(void *out, size_t size, struct bytes from) {
    if (from.size == size) memcpy(out, from.data, size);
    return from.size == size;
}

static bool row_answer(void *context, struct pack_reader *reader) {
    struct visiting *visiting = context;
    struct disclosure_record *record = &visiting->record;
    uint32_t fields = pack_read_array(reader);
    uint64_t number = pack_read_uint(reader);
    struct bytes row = pack_read_bin(reader);
    uint64_t row_state = pack_read_uint(reader), details_state = pack_read_uint(reader);
    struct bytes written = pack_read_bin(reader), salt = pack_read_bin(reader), details = pack_read_bin(reader);
    if (pack_failed(reader) || fields != 7 || row_state > DISCLOSURE_DAMAGED || details_state > DISCLOSURE_DAMAGED) return true;
    record->row_state = (enum disclosure_state)row_state;
    record->details_state = (enum disclosure_state)details_state;
    if (!copy_exactly(record->row, sizeof record->row, row) && row_state == DISCLOSURE_GOOD) record->row_state = DISCLOSURE_DAMAGED;
    bool whole =
        copy_exactly(record->written, sizeof record->written, written) && copy_exactly(record->salt, sizeof record->salt, salt);
    if (!whole && details_state == DISCLOSURE_GOOD) record->details_state = DISCLOSURE_DAMAGED;
    buf_clear(&record->details);
    buf_put(&record->details, details);
    return visiting->row(visiting->context, number, record);
}

static bool head_answer(void *context, struct pack_reader *reader) {
    const struct visiting *visiting = context;
    struct disclosure_head head;
    uint32_t fields = pack_read_array(reader);
    struct bytes bytes = pack_read_bin(reader);
    if (pack_failed(reader) || fields != 1) return true;
    if (disclosure_head_read(&head, bytes) != OK) head.number = 0;
    return visiting->head(visiting->context, &head);
}

static bool block_answer(void *context, struct pack_reader *reader) {
    const struct visiting *visiting = context;
    uint32_t fields = pack_read_array(reader);
    uint64_t seq = pack_read_uint(reader);
    struct bytes node = pack_read_bin(reader), root = pack_read_bin(reader);
    if (pack_failed(reader) || fields != 3 || node.size != NODE_ID_BYTES || root.size != HASH_BYTES) return true;
    return visiting->block(visiting->context, seq, node.data, root.data);
}

/* --- from a store --- */

static enum outcome unread(const struct ledger_source *source, enum err err) {
    return command_fail(source->invocation, OUTCOME_INTERNAL, "the ledger in %s cannot be read: %s", source->invocation->dir,
                        err_text(err));
}

static enum outcome rows_stored(struct ledger_source *source, uint64_t from, uint64_t until, struct visiting *visiting) {
    uint8_t hash[HASH_BYTES];
    uint64_t last = store_disclosure_last(source->store, hash);
    enum err err =
        store_disclosures(source->store, from ? from : 1, until && until < last ? until : last, visiting->row, visiting->context);
    return err == OK ? OUTCOME_SUCCESS : unread(source, err);
}

static bool block_stored(void *context, uint64_t seq, bool verified, struct bytes bytes) {
    const struct visiting *visiting = context;
    struct entry entry;
    struct block_body block;
    (void)verified;
    if (entry_parse(&entry, bytes) != OK || entry.type != ENTRY_BLOCK || block_body_read(&block, entry.body) != OK) return true;
    return visiting->block(visiting->context, seq, entry.node_id, block.seal.root);
}

/* --- either --- */

enum outcome ledger_source_rows(struct ledger_source *source, uint64_t from, uint64_t until, ledger_visit_row *visit,
                                void *context) {
    struct visiting visiting = {.row = visit, .context = context};
    enum outcome outcome =
        source->store ? rows_stored(source, from, until, &visiting) : walk(source, LEDGER_ROWS, from, until, row_answer, &visiting);
    buf_free(&visiting.record.details);
    return outcome;
}

enum outcome ledger_source_heads(struct ledger_source *source, store_visit_head *visit, void *context) {
    struct visiting visiting = {.head = visit, .context = context};
    if (!source->store) return walk(source, LEDGER_HEADS, 0, 0, head_answer, &visiting);
    enum err err = store_disclosure_heads(source->store, 0, visit, context);
    return err == OK ? OUTCOME_SUCCESS : unread(source, err);
}

enum outcome ledger_source_blocks(struct ledger_source *source, ledger_visit_block *visit, void *context) {
    struct visiting visiting = {.block = visit, .context = context};
    if (!source->store) return walk(source, LEDGER_BLOCKS, 0, 0, block_answer, &visiting);
    enum err err = store_entries(source->store, source->node_id, 1, block_stored, &visiting);
    return err == OK ? OUTCOME_SUCCESS : unread(source, err);
}
