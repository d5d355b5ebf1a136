/* scope: of which groups objects are shown to one who asks. An object of a group is another matter than its label: who may not see the group
   sees none of its objects, by whatever exit. */
#ifndef NODE_SCOPE_H
#define NODE_SCOPE_H

#include "crypto/hash.h"
#include "gossip/pack.h"
#include "node/web/tokens.h"

#include <string.h>

/* What stands behind "only bool, [group id bin...] or nil" in a question. */
struct scope {
    bool any;  /* of all groups, and of none */
    bool only; /* of nothing but these */
    uint8_t groups[TOKENS_GROUPS_MAX][HASH_BYTES];
    size_t count;
};

static inline void scope_write(struct buf *out, const struct scope *scope) {
    pack_write_bool(out, scope->only);
    if (scope->any)
        pack_write_nil(out);
    else
        pack_write_array(out, (uint32_t)scope->count);
    for (size_t i = 0; !scope->any && i < scope->count; i++) pack_write_bin(out, bytes_of(scope->groups[i], HASH_BYTES));
}

/* False: not well formed. */
static inline bool scope_read(struct scope *out, struct pack_reader *reader) {
    *out = (struct scope){.only = pack_read_bool(reader)};
    out->any = pack_skip_nil(reader);
    if (out->any) return true;
    out->count = pack_read_array(reader);
    if (out->count > TOKENS_GROUPS_MAX) return false;
    for (size_t i = 0; i < out->count; i++) {
        struct bytes id = pack_read_bin(reader);
        if (id.size != HASH_BYTES) return false;
        memcpy(out->groups[i], id.data, HASH_BYTES);
    }
    return true;
}

/* `group` is its id, or empty: of none. */
static inline bool scope_takes(const struct scope *scope, struct bytes group) {
    if (group.size == 0) return !scope->only;
    for (size_t i = 0; i < scope->count; i++)
        if (bytes_equal(group, bytes_of(scope->groups[i], HASH_BYTES))) return true;
    return scope->any;
}

#endif
