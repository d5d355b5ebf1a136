/* late_answer: linked into a node of its own, in which the store's word that there is no further page is heard late: what was on its way to the
   disk then is there by now. Who takes that word for the present passes something over. */
#include "node/store/store.h"

#include <time.h>

/* What the linker makes of calls of store_page_from, and the function itself (ld, --wrap). */
enum err __real_store_page_from(struct store *store, uint64_t cursor, struct page *out);
enum err __wrap_store_page_from(struct store *store, uint64_t cursor, struct page *out);

enum err __wrap_store_page_from(struct store *store, uint64_t cursor, struct page *out) {
    const struct timespec late = {.tv_nsec = 100000000};
    enum err err = __real_store_page_from(store, cursor, out);
    if (err == ERR_NOT_FOUND) nanosleep(&late, NULL);
    return err;
}
