/* late_answer: linked into a node of its own, in which the store's word that there is no further page, or no such record of what waits, is heard
   late: what was on its way to the disk then is there by now. Who takes that word for the present passes something over. */
#include "node/store/rocks.h"
#include "node/store/store.h"

#include <time.h>

/* Longer than slow_disk.c takes. */
static void be_late(void) {
    const struct timespec late = {.tv_nsec = 400000000};
    nanosleep(&late, NULL);
}

/* What the linker makes of calls of these two, and the functions themselves (ld, --wrap). */
enum err __real_store_page_from(struct store *store, uint64_t cursor, struct page *out);
enum err __wrap_store_page_from(struct store *store, uint64_t cursor, struct page *out);
enum err __real_rocks_get(struct rocks *rocks, enum rocks_family family, struct bytes key, rocksdb_pinnableslice_t **slice,
                          struct bytes *value);
enum err __wrap_rocks_get(struct rocks *rocks, enum rocks_family family, struct bytes key, rocksdb_pinnableslice_t **slice,
                          struct bytes *value);

enum err __wrap_store_page_from(struct store *store, uint64_t cursor, struct page *out) {
    enum err err = __real_store_page_from(store, cursor, out);
    if (err == ERR_NOT_FOUND) be_late();
    return err;
}

/* Publications and statements that wait, and what is known of recalls. */
static bool waits(enum rocks_family family, struct bytes key) {
    static const char *const prefixes[] = {"secret/outbox/", "secret/statement/", "recall/"};
    for (size_t i = 0; family == ROCKS_META && i < sizeof prefixes / sizeof *prefixes; i++) {
        struct bytes prefix = bytes_of_text(prefixes[i]);
        if (key.size > prefix.size && bytes_equal(bytes_of(key.data, prefix.size), prefix)) return true;
    }
    return false;
}

enum err __wrap_rocks_get(struct rocks *rocks, enum rocks_family family, struct bytes key, rocksdb_pinnableslice_t **slice,
                          struct bytes *value) {
    enum err err = __real_rocks_get(rocks, family, key, slice, value);
    if (err == ERR_NOT_FOUND && waits(family, key)) be_late();
    return err;
}
