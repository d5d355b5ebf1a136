/* store: the disclosure ledger's rows. In meta: "ledger/NUMBER" -> head in clear; "secret/ledger/NUMBER" -> sealed { the row
   again 88, salt 32, details }; "ledger-end/NUMBER" -> a signed end. Numbers have 16 hexadecimal digits. */
#include "node/store/store_private.h"

#include "crypto/secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_PREFIX     "ledger/"
#define DETAILS_PREFIX "secret/ledger/"
#define END_PREFIX     "ledger-end/"
#define NAME_BYTES     40
#define WALK_ROWS      1024 /* between two beginnings: behind damage a walk goes on with the next run */

static struct bytes name_of(char out[static NAME_BYTES], const char *prefix, uint64_t number) {
    snprintf(out, NAME_BYTES, "%s%016" PRIx64, prefix, number);
    return bytes_of_text(out);
}

/* --- writing --- */

void store_batch_disclosure(struct store_batch *batch, enum disclosure_kind kind, uint64_t time_ms,
                            const uint8_t salt[static DISCLOSURE_SALT_BYTES], struct bytes details) {
    struct store_disclosure_row *row = calloc(1, sizeof *row);
    if (row == NULL || !disclosure_kind_name(kind) || details.size > DISCLOSURE_DETAILS_BYTES_MAX) {
        store_batch_failed(batch, row == NULL ? ERR_MEMORY : ERR_RANGE);
        free(row);
        return;
    }
    row->kind = kind;
    row->time_ms = time_ms;
    memcpy(row->salt, salt, sizeof row->salt);
    buf_put(&row->details, details);
    if (row->details.failed) store_batch_failed(batch, buf_result(&row->details));
    if (batch->rows_last != NULL)
        batch->rows_last->next = row;
    else
        batch->rows = row;
    batch->rows_last = row;
}

void store_ledger_batch_free(struct store_batch *batch) {
    while (batch->rows != NULL) {
        struct store_disclosure_row *row = batch->rows;
        batch->rows = row->next;
        buf_free(&row->details);
        free(row);
    }
    batch->rows_last = NULL;
}

static void row_put(struct store_batch *batch, const struct store_disclosure_row *waiting) {
    struct store_chain *chain = &batch->store->chain;
    struct disclosure_row row = {.kind = waiting->kind, .number = chain->number + 1, .time_ms = waiting->time_ms};
    uint8_t bytes[DISCLOSURE_ROW_BYTES];
    char name[NAME_BYTES];
    struct buf plain = {0};
    memcpy(row.previous, chain->hash, HASH_BYTES);
    disclosure_commit(row.commitment, waiting->salt, bytes_of_buf(&waiting->details));
    disclosure_row_write(bytes, &row);
    disclosure_row_hash(chain->hash, bytes);
    chain->number = row.number;
    buf_put_raw(&plain, bytes, sizeof bytes);
    buf_put_raw(&plain, waiting->salt, sizeof waiting->salt);
    buf_put(&plain, bytes_of_buf(&waiting->details));
    if (plain.failed) store_batch_failed(batch, buf_result(&plain));
    store_batch_put(batch, ROCKS_META, name_of(name, ROW_PREFIX, row.number), bytes_of(bytes, sizeof bytes), bytes_of(NULL, 0));
    (void)name_of(name, DETAILS_PREFIX, row.number);
    store_batch_meta(batch, name, bytes_of_buf(&plain));
    if (plain.data != NULL) secret_wipe(plain.data, plain.capacity);
    buf_free(&plain);
}

void store_ledger_commit(struct store_batch *batch) {
    for (const struct store_disclosure_row *row = batch->rows; row != NULL; row = row->next) row_put(batch, row);
    store_ledger_batch_free(batch);
}

void store_batch_disclosure_erase(struct store_batch *batch, uint64_t number) {
    char name[NAME_BYTES];
    (void)name_of(name, DETAILS_PREFIX, number);
    store_batch_erase_meta(batch, name);
}

void store_batch_disclosure_head(struct store_batch *batch, const struct disclosure_head *head) {
    uint8_t bytes[DISCLOSURE_HEAD_BYTES];
    char name[NAME_BYTES];
    disclosure_head_write(bytes, head);
    (void)name_of(name, END_PREFIX, head->number);
    store_batch_meta(batch, name, bytes_of(bytes, sizeof bytes));
}

/* --- reading --- */

/* The chain goes on behind the last row as it stands: what was done to that row shows when the ledger is checked. */
enum err store_ledger_open(struct store *store) {
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(store->rocks.db, store->rocks.read, store->rocks.families[ROCKS_META]);
    char last[NAME_BYTES];
    char *said = NULL;
    size_t key_size = 0, size = 0, prefix = sizeof ROW_PREFIX - 1;
    struct bytes name = name_of(last, ROW_PREFIX, UINT64_MAX);
    rocksdb_iter_seek_for_prev(iterator, last, name.size);
    const char *key = rocksdb_iter_valid(iterator) ? rocksdb_iter_key(iterator, &key_size) : NULL;
    if (key != NULL && key_size == name.size && memcmp(key, ROW_PREFIX, prefix) == 0) {
        const char *row = rocksdb_iter_value(iterator, &size);
        char digits[17] = "";
        memcpy(digits, key + prefix, 16);
        store->chain.number = strtoull(digits, NULL, 16);
        hash_of(store->chain.hash, "comity-ledger-row", bytes_of(row, size), bytes_of(NULL, 0));
    }
    rocksdb_iter_get_error(iterator, &said);
    rocksdb_iter_destroy(iterator);
    return rocks_err(said, NULL);
}

uint64_t store_disclosure_last(const struct store *store, uint8_t hash[static HASH_BYTES]) {
    memcpy(hash, store->chain.hash, HASH_BYTES);
    return store->chain.number;
}

static enum err state_of(enum err error, enum disclosure_state *state) {
    *state = error == OK ? DISCLOSURE_GOOD : error == ERR_NOT_FOUND ? DISCLOSURE_MISSING : DISCLOSURE_DAMAGED;
    return error == ERR_IO || error == ERR_MEMORY ? error : OK;
}

static void row_take(struct disclosure_record *out, struct bytes value) {
    out->row_state = value.size == sizeof out->row ? DISCLOSURE_GOOD : DISCLOSURE_DAMAGED;
    if (out->row_state == DISCLOSURE_GOOD) memcpy(out->row, value.data, sizeof out->row);
}

static void details_split(struct disclosure_record *out, struct bytes sealed) {
    struct cursor cursor = cursor_of(sealed);
    cursor_copy(&cursor, out->written, sizeof out->written);
    cursor_copy(&cursor, out->salt, sizeof out->salt);
    if (cursor.failed) out->details_state = DISCLOSURE_DAMAGED;
    buf_put(&out->details, bytes_of(cursor.at, cursor.left));
}

enum err store_disclosure(struct store *store, uint64_t number, struct disclosure_record *out) {
    char name[NAME_BYTES];
    struct buf value = {0};
    buf_clear(&out->details);
    (void)name_of(name, ROW_PREFIX, number);
    enum err error = state_of(store_meta(store, name, &value), &out->row_state);
    if (error == OK && out->row_state == DISCLOSURE_GOOD) row_take(out, bytes_of_buf(&value));
    buf_clear(&value);
    (void)name_of(name, DETAILS_PREFIX, number);
    if (error == OK) error = state_of(store_meta(store, name, &value), &out->details_state);
    if (error == OK && out->details_state == DISCLOSURE_GOOD) details_split(out, bytes_of_buf(&value));
    if (value.data != NULL) secret_wipe(value.data, value.capacity);
    buf_free(&value);
    return error != OK ? error : buf_result(&out->details);
}

/* --- many rows --- */

/* One of the two ranges that are walked side by side. */
struct side {
    const char *prefix;
    struct rocks_range range;
    struct bytes key, value;
    bool more;
};

static void side_begin(struct store *store, struct side *side, const char *prefix, uint64_t number) {
    char name[NAME_BYTES];
    struct bytes from = name_of(name, prefix, number);
    side->prefix = prefix;
    rocks_range_begin(&side->range, &store->rocks, ROCKS_META, bytes_of_text(prefix), from);
    side->more = rocks_range_next(&side->range, &side->key, &side->value);
}

/* False: it is not there, or what is there can't be read; which of them, a look-up of its own tells. */
static bool side_at(struct side *side, uint64_t number) {
    char name[NAME_BYTES];
    struct bytes wanted = name_of(name, side->prefix, number);
    while (side->more && bytes_compare(side->key, wanted) < 0)
        side->more = rocks_range_next(&side->range, &side->key, &side->value);
    return side->more && bytes_equal(side->key, wanted);
}

static enum err side_read(struct store *store, struct side sides[static 2], uint64_t number, struct disclosure_record *out) {
    struct buf *plain = &store->scratch;
    if (!side_at(&sides[0], number) || !side_at(&sides[1], number)) return store_disclosure(store, number, out);
    row_take(out, sides[0].value);
    buf_clear(&out->details);
    buf_clear(plain);
    out->details_state = DISCLOSURE_GOOD;
    if (vault_unseal(store->vault, plain, sides[1].key, sides[1].value) != OK)
        out->details_state = DISCLOSURE_DAMAGED;
    else
        details_split(out, bytes_of_buf(plain));
    return plain->failed ? buf_result(plain) : buf_result(&out->details);
}

enum err store_disclosures(struct store *store, uint64_t from, uint64_t until, store_visit_disclosure *visit, void *context) {
    struct disclosure_record record = {0};
    struct side sides[2];
    enum err error = OK;
    bool going = true;
    while (going && error == OK && from <= until) {
        uint64_t end = until - from >= WALK_ROWS ? from + WALK_ROWS : until + 1;
        side_begin(store, &sides[0], ROW_PREFIX, from);
        side_begin(store, &sides[1], DETAILS_PREFIX, from);
        for (; going && error == OK && from < end; from++) {
            error = side_read(store, sides, from, &record);
            if (error == OK) going = visit(context, from, &record);
        }
        for (size_t i = 0; i < 2; i++) {
            enum err ended = rocks_range_end(&sides[i].range);
            /* Damage that ended a walk was met again, and told, by the look-ups. */
            if (error == OK && ended != ERR_CORRUPT) error = ended;
        }
    }
    if (record.details.data != NULL) secret_wipe(record.details.data, record.details.capacity);
    buf_free(&record.details);
    return error;
}

struct heads_walk {
    store_visit_head *visit;
    void *context;
    uint64_t from;
};

static bool head_visit(void *context, const char *key, struct bytes value) {
    const struct heads_walk *walk = context;
    struct disclosure_head head;
    uint64_t number = strtoull(key + sizeof END_PREFIX - 1, NULL, 16);
    if (number < walk->from) return true;
    if (disclosure_head_read(&head, value) != OK || head.number != number) head.number = 0;
    return walk->visit(walk->context, &head);
}

enum err store_disclosure_heads(struct store *store, uint64_t number, store_visit_head *visit, void *context) {
    struct heads_walk walk = {visit, context, number};
    const struct disclosure_head damaged = {0};
    enum err error = store_meta_each(store, END_PREFIX, head_visit, &walk);
    /* What is behind the damage is not reached; the rows may be whole all the same. */
    if (error == ERR_CORRUPT) (void)visit(context, &damaged);
    return error == ERR_CORRUPT ? OK : error;
}
