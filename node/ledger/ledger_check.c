#include "node/ledger/ledger_check.h"

#include "node/ledger/ledger_details.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ledger_check_init(struct ledger_check *check, const struct agency *agency) {
    *check = (struct ledger_check){.agency = agency, .linked = true};
}

void ledger_check_free(struct ledger_check *check) {
    free(check->blocks), free(check->heads), free(check->erased), free(check->named);
    *check = (struct ledger_check){0};
}

static void fault(struct ledger_check *check, uint64_t number, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void fault(struct ledger_check *check, uint64_t number, const char *name, const char *format, ...) {
    va_list arguments;
    if (check->fault_count++ >= LEDGER_FAULTS_MAX) return;
    struct ledger_fault *told = &check->faults[check->fault_count - 1];
    told->number = number;
    told->check = name;
    va_start(arguments, format);
    vsnprintf(told->text, sizeof told->text, format, arguments);
    va_end(arguments);
}

/* Room for one more in an array that grows; null: no memory. */
static void *more(struct ledger_check *check, void *array, size_t count, size_t *capacity, size_t each) {
    if (count < *capacity) return array;
    size_t wider = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(array, wider * each);
    if (!grown) {
        check->memory_failed = true;
        return NULL;
    }
    *capacity = wider;
    return grown;
}

void ledger_check_block(struct ledger_check *check, uint64_t seq, const uint8_t node_id[static NODE_ID_BYTES],
                        const uint8_t root[static HASH_BYTES]) {
    struct ledger_block *grown = more(check, check->blocks, check->block_count, &check->block_capacity, sizeof *grown);
    if (!grown) return;
    check->blocks = grown;
    struct ledger_block *block = &grown[check->block_count++];
    *block = (struct ledger_block){.seq = seq};
    memcpy(block->root, root, HASH_BYTES);
    memcpy(check->node_id, node_id, NODE_ID_BYTES);
}

void ledger_check_head(struct ledger_check *check, const struct disclosure_head *head) {
    if (head->number == 0) {
        fault(check, 0, "signature", "a signed end of the ledger cannot be read: it is damaged on disk");
        return;
    }
    enum err err = disclosure_head_verify(head, check->agency);
    if (err != OK) {
        fault(check, head->number, "signature", "the signature over the ledger up to row %" PRIu64 " is not good: %s", head->number,
              err == ERR_NOT_FOUND ? "by no node of this agency" : err_text(err));
        return;
    }
    struct disclosure_head *grown = more(check, check->heads, check->head_count, &check->head_capacity, sizeof *grown);
    if (!grown) return;
    check->heads = grown;
    grown[check->head_count++] = *head;
}

/* --- rows --- */

static struct ledger_block *block_find(struct ledger_check *check, uint64_t seq) {
    size_t low = 0, high = check->block_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (check->blocks[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < check->block_count && check->blocks[low].seq == seq ? &check->blocks[low] : NULL;
}

static void out_row(struct ledger_check *check, uint64_t number, struct bytes details) {
    uint64_t seq = ledger_details_uint(details, "seq");
    struct bytes node = ledger_details_bin(details, "node"), root = ledger_details_bin(details, "root");
    if (check->block_count == 0 || !bytes_equal(node, bytes_of(check->node_id, NODE_ID_BYTES))) return;
    if (seq > check->blocks[check->block_count - 1].seq) return; /* written since the log was read */
    struct ledger_block *block = block_find(check, seq);
    if (!block || !bytes_equal(root, bytes_of(block->root, HASH_BYTES)))
        fault(check, number, "entry", "the row tells of entry %" PRIu64 ", and the own log %s", seq,
              block ? "has another content there" : "has no such block");
    else
        block->told = true;
}

static void erase_row(struct ledger_check *check, struct bytes details) {
    struct pack_reader reader;
    if (!ledger_details_find(details, "rows", &reader)) return;
    uint32_t count = pack_read_array(&reader);
    for (uint32_t i = 0; i < count && !pack_failed(&reader); i++) {
        uint64_t *grown = more(check, check->named, check->named_count, &check->named_capacity, sizeof *grown);
        if (!grown) return;
        check->named = grown;
        grown[check->named_count++] = pack_read_uint(&reader);
    }
}

static void details_check(struct ledger_check *check, const struct disclosure_row *row, const struct disclosure_record *record) {
    uint8_t commitment[HASH_BYTES];
    struct bytes details = bytes_of_buf(&record->details);
    if (record->details_state == DISCLOSURE_MISSING) {
        uint64_t *grown = more(check, check->erased, check->erased_count, &check->erased_capacity, sizeof *grown);
        if (!grown) return;
        check->erased = grown;
        grown[check->erased_count++] = row->number;
        return;
    }
    if (record->details_state == DISCLOSURE_DAMAGED) {
        fault(check, row->number, "details", "the row's details cannot be opened: they were changed, or damaged on disk");
        return;
    }
    disclosure_commit(commitment, record->salt, details);
    if (memcmp(commitment, row->commitment, HASH_BYTES) != 0)
        fault(check, row->number, "commitment", "the details are not those that the row commits to");
    if (row->kind == DISCLOSURE_OUT) out_row(check, row->number, details);
    if (row->kind == DISCLOSURE_ERASE) erase_row(check, details);
    if (row->kind == DISCLOSURE_BEGIN && bytes_equal(ledger_details_bin(details, "node"), bytes_of(check->node_id, NODE_ID_BYTES)))
        check->exempt_seq = ledger_details_uint(details, "seq");
}

static void signed_check(struct ledger_check *check, uint64_t number, const uint8_t *hash) {
    while (check->head_at < check->head_count && check->heads[check->head_at].number < number) check->head_at++;
    if (check->head_at == check->head_count || check->heads[check->head_at].number != number) return;
    if (memcmp(check->heads[check->head_at].row_hash, hash, HASH_BYTES) != 0)
        fault(check, number, "signature", "the node signed another row at this number");
}

void ledger_check_row(struct ledger_check *check, uint64_t number, const struct disclosure_record *record) {
    struct disclosure_row row;
    bool linked = check->linked;
    if (check->rows++ == 0) check->first = number;
    check->last = number;
    check->linked = false;
    if (record->row_state != DISCLOSURE_GOOD) {
        fault(check, number, "row",
              record->row_state == DISCLOSURE_MISSING ? "the row is missing" : "the row cannot be read: it is damaged on disk");
        return;
    }
    bool known = record->details_state == DISCLOSURE_GOOD;
    bool changed = known && memcmp(record->row, record->written, DISCLOSURE_ROW_BYTES) != 0;
    /* What stands behind a changed row is judged by what that row was. */
    const uint8_t *bytes = changed ? record->written : record->row;
    enum err err = disclosure_row_read(&row, bytes_of(bytes, DISCLOSURE_ROW_BYTES));
    if (changed)
        fault(check, number, "row", "the row was changed after it was written");
    else if (err != OK)
        fault(check, number, "row", "this is no row: %s", err_text(err));
    else if (row.number != number)
        fault(check, number, "row", "the row says that its number is %" PRIu64, row.number);
    if (!changed && err != OK) return;
    if (linked && (number == 1 || check->first != number) && memcmp(row.previous, check->hash, HASH_BYTES) != 0)
        fault(check, number, "chain", "the row does not follow row %" PRIu64 ": one of the two was changed", number - 1);
    disclosure_row_hash(check->hash, bytes);
    check->linked = true;
    signed_check(check, number, check->hash);
    details_check(check, &row, record);
}

/* --- the end --- */

static int number_compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

enum err ledger_check_end(struct ledger_check *check) {
    if (check->memory_failed) return ERR_MEMORY;
    if (check->named_count > 1) qsort(check->named, check->named_count, sizeof *check->named, number_compare);
    for (size_t i = 0; i < check->erased_count; i++)
        if (!check->named_count ||
            !bsearch(&check->erased[i], check->named, check->named_count, sizeof *check->named, number_compare))
            fault(check, check->erased[i], "details", "the row's details are gone, and no erasure names them");
    for (size_t i = 0; i < check->block_count; i++)
        if (!check->blocks[i].told && check->blocks[i].seq > check->exempt_seq)
            fault(check, 0, "entry", "no row tells of entry %" PRIu64 " of the own log", check->blocks[i].seq);
    if (check->head_count > 0 && check->heads[check->head_count - 1].number > check->last)
        fault(check, check->last + 1, "end", "the rows end here, and the node signed up to row %" PRIu64,
              check->heads[check->head_count - 1].number);
    return OK;
}

uint64_t ledger_check_signed(const struct ledger_check *check) {
    return check->head_count > 0 ? check->heads[check->head_count - 1].number : 0;
}
