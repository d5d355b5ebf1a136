/* Log entries from peers: sizes add up, and what was parsed is written back to the same bytes. */
#include "gossip/entry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct entry entry, draft;
    struct block_body body;
    struct buf out = {0};
    if (entry_parse(&entry, bytes_of(data, size)) != OK) return 0;
    if (entry.size > size || entry.size != entry.unsigned_bytes.size + SIGN_BYTES) abort();
    struct entry_draft again = {.type = entry.type, .seq = entry.seq, .time_ms = entry.time_ms, .body = entry.body};
    memcpy(again.agency_id, entry.agency_id, sizeof again.agency_id);
    memcpy(again.node_id, entry.node_id, sizeof again.node_id);
    memcpy(again.previous, entry.previous, sizeof again.previous);
    if (entry_write(&out, &again) != OK || !bytes_equal(bytes_of_buf(&out), entry.unsigned_bytes)) abort();
    if (entry_parse_draft(&draft, bytes_of_buf(&out)) != OK || memcmp(draft.id, entry.id, HASH_BYTES) != 0) abort();
    if (entry.type == ENTRY_BLOCK && block_body_read(&body, entry.body) != OK) abort();
    buf_free(&out);
    return 0;
}
