/* RECALL bodies, notices and receipts: a body that was read is written back to the same bytes; a notice's items rise and are in range. */
#include "gossip/recall.h"
#include "node/recall/recall_text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes input = bytes_of(data, size);
    struct recall recall;
    struct recall_notice notice;
    struct recall_receipt receipt;
    struct buf out = {0};
    if (recall_read(&recall, INT64_MAX, input) == OK) {
        recall_write(&out, &recall);
        if (!bytes_equal(bytes_of_buf(&out), input) || recall_count(&recall) == 0) abort();
    }
    buf_clear(&out);
    if (recall_receipt_read(&receipt, input) == OK) {
        recall_receipt_write(&out, &receipt);
        if (!bytes_equal(bytes_of_buf(&out), input)) abort();
    }
    buf_free(&out);
    if (recall_notice_read(&notice, input) != OK) return 0;
    for (uint64_t i = 0, least = 0; i < notice.item_count; i++) {
        uint64_t item = pack_read_uint(&notice.items);
        if (item < least || item >= BLOCK_ITEMS_MAX) abort();
        least = item + 1;
    }
    return 0;
}
