/* Rosters from foreign agencies: one that decodes encodes to the same bytes, and a group takes it, saves and loads. */
#include "gossip/group.h"
#include "gossip/membership.h"

#include <string.h>

static struct roster roster;
static struct group group, loaded;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf again = {0};
    struct bytes input = bytes_of(data, size);
    if (roster_decode(&roster, input) == OK) {
        if (roster_encode(&again, &roster) != OK || !bytes_equal(bytes_of_buf(&again), input)) __builtin_trap();
        if (group_open(&group, input) == OK) {
            struct roster next;
            group_next(&group, &next, 1);
            if (group_take(&group, next.admins[0], input) == OK) __builtin_trap(); /* it is the first already */
            group_free(&group);
        }
    }
    static struct standing standing;
    buf_clear(&again);
    if (standing_decode(&standing, input) == OK &&
        (standing_encode(&again, &standing) != OK || !bytes_equal(bytes_of_buf(&again), input)))
        __builtin_trap();
    static struct membership membership;
    buf_clear(&again);
    if (membership_load(&membership, input) == OK &&
        (membership_save(&again, &membership) != OK || !bytes_equal(bytes_of_buf(&again), input)))
        __builtin_trap();
    if (membership_open(&membership, input) == OK &&
        (membership_begun(&membership) ||
         membership_take(&membership, membership.standing.admins[0], &membership.standing) != ERR_EXISTS))
        __builtin_trap(); /* that one is held already */
    if (group_load(&loaded, input) == OK) group_free(&loaded);
    buf_free(&again);
    return 0;
}
