/* nftables: two interval sets in a table of their own, replaced in one transaction by `nft -f`. Networks inside wider ones are left
   away, since rows come in order of address and intervals may not overlap. */
#include "node/export/export.h"
#include "node/formats/observable.h"

#include <string.h>

struct state {
    enum observable_kind kind; /* of the set under way */
    uint64_t in_line;
    uint8_t last[17]; /* the network written last */
    bool any;
};

static const char *set_of(enum observable_kind kind) { return kind == OBSERVABLE_IPV4 ? "blocked4" : "blocked6"; }

static void nft_head(struct export *work) {
    buf_put_text(export_out(work),
                 "# made by comity export; load with: nft -f FILE, and drop what is in the sets by rules of your own,\n"
                 "# such as: nft add rule inet comity forward ip daddr @blocked4 drop\n"
                 "add table inet comity\n"
                 "add set inet comity blocked4 { type ipv4_addr; flags interval; }\n"
                 "add set inet comity blocked6 { type ipv6_addr; flags interval; }\n"
                 "flush set inet comity blocked4\n"
                 "flush set inet comity blocked6\n");
}

/* Does the last network hold this one? Rows come in the order of their addresses, so it is the only one that can. */
static bool inside_last(const struct state *state, struct observable value) {
    size_t bytes = value.value.size - 1;
    unsigned bits = state->last[bytes];
    if (!state->any || state->kind != value.kind || value.value.data[bytes] < bits) return false;
    for (unsigned i = 0; i < bits; i += 8) {
        uint8_t mask = (uint8_t)(bits - i < 8 ? 0xff << (8 - (bits - i)) : 0xff);
        if ((state->last[i / 8] ^ value.value.data[i / 8]) & mask) return false;
    }
    return true;
}

static void elements_end(struct export *work, struct state *state) {
    if (state->any) buf_put_text(export_out(work), " }\n");
    state->in_line = 0;
}

static void nft_row(struct export *work, const struct export_row *row) {
    struct state *state = export_state(work, sizeof *state);
    struct buf *out = export_out(work);
    if (!state || inside_last(state, row->value)) return;
    if (state->any && (state->kind != row->value.kind || state->in_line >= 1000)) elements_end(work, state);
    state->kind = row->value.kind;
    if (state->in_line == 0) buf_put_format(out, "add element inet comity %s { ", set_of(state->kind));
    if (state->in_line > 0) buf_put_text(out, ", ");
    observable_text(out, row->value);
    state->in_line++;
    state->any = true;
    memcpy(state->last, row->value.value.data, row->value.value.size);
}

static void nft_tail(struct export *work) {
    struct state *state = export_state(work, sizeof *state);
    if (state) elements_end(work, state);
}

const struct export_format export_nftables = {
    .name = "nftables",
    .summary = "nftables sets of addresses and networks",
    .kinds = EXPORT_ADDRESSES,
    .blocking = true,
    .unique = true,
    .head = nft_head,
    .row = nft_row,
    .tail = nft_tail,
};
