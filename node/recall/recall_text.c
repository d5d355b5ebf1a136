#include "node/recall/recall_text.h"

#include "gossip/item.h"

#include <string.h>

#define VERSION           1
#define VERSION_PASSED_ON 2 /* of receipts */

void recall_notice_write(struct buf *out, const struct recall_notice *notice, const uint8_t *marked, struct bytes ids,
                         uint32_t id_count) {
    struct cursor walk = cursor_of(ids);
    uint32_t count = 0;
    for (uint32_t i = 0; i < BLOCK_ITEMS_MAX; i++) count += marked[i / 8] >> i % 8 & 1;
    pack_write_array(out, 7);
    pack_write_uint(out, VERSION);
    pack_write_uint(out, notice->block);
    pack_write_uint(out, notice->cause);
    pack_write_uint(out, notice->time_ms);
    pack_write_str(out, notice->reason);
    pack_write_array(out, count);
    for (uint32_t i = 0; i < BLOCK_ITEMS_MAX; i++)
        if (marked[i / 8] >> i % 8 & 1) pack_write_uint(out, i);
    pack_write_array(out, id_count);
    for (uint32_t i = 0; i < id_count; i++) pack_write_str(out, cursor_take(&walk, cursor_u16(&walk)));
}

enum err recall_notice_read(struct recall_notice *out, struct bytes text) {
    struct pack_reader reader = pack_reader_of(text);
    uint64_t least = 0;
    uint32_t fields = pack_read_array(&reader);
    uint64_t version = pack_read_uint(&reader);
    out->block = pack_read_uint(&reader);
    out->cause = (enum recall_cause)pack_read_uint(&reader);
    out->time_ms = pack_read_uint(&reader);
    out->reason = pack_read_str(&reader);
    out->item_count = pack_read_array(&reader);
    out->items = reader;
    if (pack_failed(&reader) || out->item_count > BLOCK_ITEMS_MAX || out->reason.size > RECALL_REASON_BYTES_MAX) return ERR_FORMAT;
    for (uint32_t i = 0; i < out->item_count; i++) {
        uint64_t item = pack_read_uint(&reader);
        if (item < least || item >= BLOCK_ITEMS_MAX) return ERR_FORMAT;
        least = item + 1;
    }
    uint32_t ids = pack_read_array(&reader);
    for (uint32_t i = 0; i < ids && !pack_failed(&reader); i++)
        if (pack_read_str(&reader).size > ITEM_ID_BYTES_MAX) return ERR_FORMAT;
    bool good =
        fields == 7 && version == VERSION && out->block > 0 && out->cause >= RECALL_BY_AUTHOR && out->cause <= RECALL_BY_ERASURE;
    return good && pack_done(&reader) == OK ? OK : ERR_FORMAT;
}

void recall_receipt_write(struct buf *out, const struct recall_receipt *receipt) {
    pack_write_array(out, receipt->passed_on ? 8 : 6);
    pack_write_uint(out, receipt->passed_on ? VERSION_PASSED_ON : VERSION);
    pack_write_bin(out, bytes_of(receipt->node_id, NODE_ID_BYTES));
    pack_write_uint(out, receipt->block);
    pack_write_uint(out, receipt->count);
    pack_write_uint(out, receipt->state);
    pack_write_uint(out, receipt->time_ms);
    if (!receipt->passed_on) return;
    pack_write_bin(out, bytes_of(receipt->via, AGENCY_ID_BYTES));
    pack_write_uint(out, receipt->index);
}

enum err recall_receipt_read(struct recall_receipt *out, struct bytes text) {
    struct pack_reader reader = pack_reader_of(text);
    uint32_t fields = pack_read_array(&reader);
    uint64_t version = pack_read_uint(&reader);
    struct bytes node = pack_read_bin(&reader);
    out->block = pack_read_uint(&reader);
    out->count = pack_read_uint(&reader);
    uint64_t state = pack_read_uint(&reader);
    out->time_ms = pack_read_uint(&reader);
    out->passed_on = version == VERSION_PASSED_ON;
    struct bytes via = out->passed_on ? pack_read_bin(&reader) : bytes_of(NULL, 0);
    uint64_t index = out->passed_on ? pack_read_uint(&reader) : 0;
    if (pack_done(&reader) != OK || node.size != NODE_ID_BYTES) return ERR_FORMAT;
    if (fields != (out->passed_on ? 8 : 6) || (version != VERSION && !out->passed_on)) return ERR_FORMAT;
    if (out->passed_on && (via.size != AGENCY_ID_BYTES || index >= BLOCK_ITEMS_MAX)) return ERR_FORMAT;
    if (out->passed_on) memcpy(out->via, via.data, AGENCY_ID_BYTES);
    out->index = (uint32_t)index;
    if (state != RECALL_WITHDRAWN && state != RECALL_ERASED) return ERR_FORMAT;
    out->state = (enum recall_state)state;
    memcpy(out->node_id, node.data, NODE_ID_BYTES);
    return OK;
}
