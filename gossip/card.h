/* card: what one agency hands another: its chain, and the newest prekey of each node. PROTOCOL.md 3.6 */
#ifndef GOSSIP_CARD_H
#define GOSSIP_CARD_H

#include "gossip/entry.h"

#define CARD_BYTES_MAX (512 * 1024)

/* A verified card. `chain` and `prekeys` are borrowed from the card's decoded bytes. */
struct card {
    struct agency agency;
    struct bytes chain;
    struct bytes prekeys; /* PREKEY entries, one after the other, each signed by its node */
    struct entry prekey_entries[AGENCY_NODES_MAX];
    size_t prekey_count;
};

/* Binary card: "CMTYCARD" version 1 (u8), u32 chain length, chain, u32 prekeys length, prekeys, 32-byte hash_of("comity-card") over
   all before it (against accidents; the parts are signed). */
enum err card_write(struct buf *out, struct bytes chain, struct bytes prekeys) MUST_USE;
/* Parses and verifies everything: chain, signatures, prekeys by nodes that are valid in the chain. `bytes` must outlive `out`. */
enum err card_read(struct card *out, struct bytes bytes) MUST_USE;

/* The text form that people mail: base64 (RFC 4648) lines of 64 between BEGIN and END lines. */
enum err card_armour(struct buf *out, struct bytes binary) MUST_USE;
/* Accepts the text form (text around it is ignored) or the binary one; `binary` receives the decoded bytes. */
enum err card_dearmour(struct buf *binary, struct bytes text) MUST_USE;

#endif
