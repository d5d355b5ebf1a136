/* event: all that can happen to a node. The memory an event points to is the caller's, always, also on an error. */
#ifndef GOSSIP_EVENT_H
#define GOSSIP_EVENT_H

#include "gossip/entry.h"
#include "gossip/wire.h"

enum event_kind {
    EVENT_TICK,           /* time passed: a deadline is due */
    EVENT_LINK_UP,        /* the transport authenticated a peer's CURVE key */
    EVENT_LINK_DOWN,      /* a link is gone, or a dial failed */
    EVENT_LINK_LOSSY,     /* messages to this link were dropped */
    EVENT_SENT,           /* bytes of this link left our process */
    EVENT_MESSAGE,        /* one message of a link */
    EVENT_SIGNED,         /* the answer to ACTION_SIGN */
    EVENT_SIGNER_LOST,    /* and there will be none to those that wait: who signs has started anew */
    EVENT_PUBLISH,        /* an own entry, signed, to be stored and spread */
    EVENT_STORED,         /* the answer to ACTION_STORE_*: durable now */
    EVENT_LOADED_ENTRIES, /* the answer to ACTION_LOAD_ENTRIES */
    EVENT_LOADED_PAYLOAD, /* the answer to ACTION_LOAD_PAYLOAD */
    EVENT_SCANNED,        /* the answer to ACTION_SCAN */
    EVENT_EPOCH,          /* whether an EPOCH entry is addressed to this node */
    EVENT_TRUST,          /* an agency was pinned, or its chain or prekeys became longer by other ways */
    EVENT_DISTRUST,       /* an agency was unpinned */
    EVENT_LOG,            /* at a start, after EVENT_TRUST: where a stored log ends */
    EVENT_FORK,           /* at a start, after EVENT_LOG: a fork proof that was kept */
    EVENT_RECALL,         /* at a start, after EVENT_LOG and before anything is served: a block that was recalled */
    EVENT_DROPPED,        /* payloads of a log were deleted: they expired, or were recalled */
    EVENT_VERIFY,         /* somebody asks whether we hold what an agency's node holds: ACTION_VERIFIED follows, or nothing */
    EVENT_VERIFY_END,     /* and waits no longer */
    EVENT_AUDIENCE        /* who reads an own epoch (made now, or restored at a start) */
};

/* One BLOCK entry whose payload is not here. */
struct scanned {
    uint64_t seq;
    struct block_body body;
};

struct event {
    enum event_kind kind;
    uint64_t now_ms;       /* wall clock, ms since 1970: for dates in entries and certificates */
    uint64_t monotonic_ms; /* never falls: for timers */
    union {
        struct {
            uint32_t link;
            bool outbound;
            uint8_t curve_public[CURVE_KEY_BYTES];
        } link_up;
        struct {
            uint32_t link;
        } link;
        struct {
            uint32_t link;
            uint32_t bytes;
        } sent;
        struct {
            uint32_t link;
            struct bytes bytes;
        } message;
        struct {
            uint64_t ticket;
            const uint8_t *signature;
        } signed_; /* null: refused */
        struct {
            struct bytes entry;
            struct bytes payload;
        } publish; /* payload: empty but for BLOCK */
        struct {
            uint64_t ticket;
            bool refused; /* a payload that cannot be taken at this moment: it is asked for again */
        } stored;
        struct {
            uint64_t ticket;
            struct bytes entries;
            size_t verified_bytes; /* up to the end of the last entry whose signature was checked */
        } loaded_entries;          /* empty: none */
        struct {
            uint64_t ticket;
            bool present;
            struct block_body body;
            struct bytes payload;
        } loaded_payload;
        struct {
            uint64_t ticket;
            const struct scanned *rows;
            size_t count;
            uint64_t next_seq;
        } scanned; /* next 0: the end */
        struct {
            const uint8_t *node_id;
            uint64_t seq;
            bool readable;
        } epoch;
        struct {
            struct bytes chain;
            struct bytes prekeys;
            bool stored; /* what the mesh brought in earlier; otherwise a card, for which an operator vouches */
        } trust;
        struct {
            const uint8_t *agency_id;
        } distrust;
        struct {
            const uint8_t *node_id;
            uint64_t seq;
            const uint8_t *id;
            struct bytes prekey;
            uint64_t payload_bytes;
        } log; /* newest PREKEY body, or empty */
        struct {
            struct bytes proof;
        } fork;
        struct {
            const uint8_t *node_id;
            uint64_t block;
            uint64_t by; /* number of the RECALL entry */
        } recall;
        struct {
            const uint8_t *node_id;
            uint64_t bytes;
        } dropped;
        struct {
            uint64_t number; /* comes back with the answer; not 0 */
            const uint8_t *agency_id;
        } verify;
        struct {
            uint64_t epoch_seq;
            struct bytes readers;
        } audience; /* node ids, one after the other */
    };
};

#endif
