/* action: all that the core can ask for, carried out in order by the caller. The memory in actions belongs to the core until its
   next step, or to the event that caused them: carry them out before you free what the event pointed to. */
#ifndef GOSSIP_ACTION_H
#define GOSSIP_ACTION_H

#include "gossip/entry.h"
#include "gossip/wire.h"

enum action_kind {
    ACTION_SEND,          /* one message to a link */
    ACTION_CLOSE,         /* cut a link */
    ACTION_DIAL,          /* open a link to a node; EVENT_LINK_UP or EVENT_LINK_DOWN follows */
    ACTION_ALLOW,         /* the set of CURVE keys that may connect changed: ask gossip_allowed */
    ACTION_SIGN,          /* sign a link's proof with the node key */
    ACTION_STORE_ENTRIES, /* entries of one log, consecutive; EVENT_STORED when durable */
    ACTION_STORE_PAYLOAD, /* a payload (and its items, if this node reads it); EVENT_STORED when durable */
    ACTION_LOAD_ENTRIES,
    ACTION_LOAD_PAYLOAD,
    ACTION_SCAN,  /* list BLOCK entries of a log without payload; EVENT_SCANNED */
    ACTION_SPLIT, /* a chain that contradicts an agency's own (in `chain`): keep it beside that one, for EVENT_TRUST at a start */
    ACTION_CHAIN, /* an agency's chain grew: keep it; its log list may be longer */
    ACTION_FORK,  /* a fork was proven: keep the proof, for ever; nothing of that log from `seq` on counts any more */
    ACTION_TRUNCATE, /* drop a log's entries and payloads from a number on; EVENT_STORED when durable */
    ACTION_VERIFIED, /* the answer to EVENT_VERIFY: what a peer signed, beside what we hold */
    ACTION_NOTICE    /* something the operator should see */
};

/* What happened, for the operator and the counters. PROTOCOL.md 8 */
enum notice_kind {
    NOTICE_LINK_OPEN,      /* handshake done */
    NOTICE_LINK_REFUSED,   /* unknown or mismatched peer */
    NOTICE_PEER_MALFORMED, /* cut: malformed message */
    NOTICE_PEER_SIGNATURE, /* cut: bad signature */
    NOTICE_PEER_RATE,      /* cut: over its budget */
    NOTICE_ENTRY_FUTURE,   /* stored and flagged: dated in the future */
    NOTICE_QUOTA,          /* an agency's payloads reached the quota: new ones are not asked for */
    NOTICE_SELF_SUSPECT,   /* most links fell silent at once: this node was stopped, or cut off, for a while */
    NOTICE_SPLIT,          /* two valid ROOTs of one generation: the agency is frozen; the node is one of its nodes */
    NOTICE_FORK            /* two entries at one sequence number: the log is frozen in front of them */
};

/* One common log, as a peer signed it and as we hold it (synced). */
struct verified_row {
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t ours, theirs;
    uint8_t theirs_id[HASH_BYTES];
    bool equal;       /* the same entries */
    bool told;        /* the peer named this log */
    bool frozen;      /* by its fork, here */
    bool looking;     /* what is missing here is not known in full yet */
    uint64_t missing; /* payloads that are meant for us, or carried, and not here */
};

struct action {
    enum action_kind kind;
    union {
        struct {
            uint32_t link;
            struct bytes bytes;
        } send;
        struct {
            uint32_t link;
            const char *reason;
        } close;
        struct {
            uint32_t link;
            const char *endpoint;
            const uint8_t *curve_public;
        } dial;
        struct {
            uint64_t ticket;
            struct sign_subject subject;
        } sign;
        struct {
            uint64_t ticket;
            struct bytes entries;
            const uint8_t *node_id;
            bool own;
            bool all_verified;
        } store_entries;
        /* all_verified: every signature was checked; otherwise only the last one's was */
        struct {
            uint64_t ticket;
            const uint8_t *node_id;
            uint64_t seq;
            bool own;
            struct block_body body;
            struct bytes payload;
        } store_payload;
        struct {
            uint64_t ticket;
            const uint8_t *node_id;
            uint64_t seq;
            size_t bytes_max;
        } load_entries;
        struct {
            uint64_t ticket;
            const uint8_t *node_id;
            uint64_t seq;
        } load_payload;
        struct {
            uint64_t ticket;
            const uint8_t *node_id;
            uint64_t seq;
            size_t rows_max;
        } scan;
        struct {
            const uint8_t *agency_id;
            struct bytes chain;
        } chain;
        struct {
            const uint8_t *node_id;
            uint64_t seq;
            bool own;
            struct bytes proof;
        } fork; /* proof: as EVENT_FORK takes it at the next start; empty: a cut told of it, nothing is to be kept */
        struct {
            uint64_t ticket;
            const uint8_t *node_id;
            uint64_t seq;
        } truncate;
        struct {
            uint64_t number;
            const uint8_t *node_id; /* of the peer */
            uint64_t missing;       /* payloads that the peer lacks */
            const struct verified_row *rows;
            size_t count;
        } verified;
        struct {
            enum notice_kind kind;
            uint32_t link;
            const uint8_t *node_id;
            uint64_t seq;
            enum err why;
        } notice;
    };
};

/* Actions of one step, in order. Zero-initialise; gossip_step clears it; release with actions_free. */
struct actions {
    struct action *list;
    size_t count;
    size_t capacity;
    bool failed; /* memory ran out: the step's effects are incomplete, stop the node */
};

void actions_free(struct actions *actions);

#endif
