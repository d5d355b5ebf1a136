/* store: from the moments at which items were added to their cursors, and back. Both only rise, so that a search halves. */
#include "node/store/store_private.h"

enum err store_page_head(struct store *store, uint64_t cursor, struct page_head *out) {
    enum err error = pages_head_from(store->pages, cursor, out);
    return error == OK && out->cursor >= store_cursor_uncompleted(store) ? ERR_NOT_FOUND : error;
}

uint64_t store_cursor_end(const struct store *store) { return store_cursor_uncompleted(store); }

enum err store_newest(struct store *store, uint64_t *cursor, uint64_t *added_us) {
    uint64_t end = store_cursor_uncompleted(store);
    struct page_head head;
    *cursor = *added_us = 0;
    if (end <= 1) return OK;
    enum err error = pages_head_from(store->pages, end - 1, &head);
    if (error != OK || head.cursor >= end) return error == ERR_NOT_FOUND ? OK : error;
    *cursor = head.cursor + head.item_count - 1;
    *added_us = head.added_us + head.item_count - 1;
    return OK;
}

enum err store_cursor_at(struct store *store, uint64_t added_us, uint64_t *cursor) {
    uint64_t low = 0, high = store_cursor_uncompleted(store);
    if (high > 0) high--;
    /* Everything at or before `low` was added in time; everything past `high` was not. */
    while (low < high) {
        struct page_head head;
        uint64_t middle = low + (high - low) / 2 + 1;
        enum err error = pages_head_from(store->pages, middle, &head);
        if (error != OK && error != ERR_NOT_FOUND) return error;
        uint64_t last = error == OK ? head.cursor + head.item_count - 1 : UINT64_MAX;
        if (error != OK || head.cursor > high || head.added_us > added_us) {
            high = (error == OK && head.cursor <= middle ? head.cursor : middle) - 1;
        } else if (added_us - head.added_us >= head.item_count - 1u) {
            low = last < high ? last : high;
        } else {
            low = high = head.cursor + (added_us - head.added_us);
        }
    }
    *cursor = low;
    return OK;
}
