/* wire: message <-> bytes. A message is one canonical MessagePack array whose first element is its number. PROTOCOL.md 6 */
#ifndef GOSSIP_WIRE_H
#define GOSSIP_WIRE_H

#include "crypto/agency.h"
#include "gossip/limits.h"
#include "gossip/pack.h"

#define WIRE_VERSION            1
#define WIRE_NONCE_BYTES        32
#define WIRE_INSTANCE_BYTES     16
#define WIRE_TAG_BYTES          8
#define WIRE_DIGEST_BYTES       16
#define WIRE_NONCE_VERIFY_BYTES 16
#define WIRE_HEAD_ROW_BYTES     56 /* in VERIFIED: node id 16, head 8, id of that entry 32 */
#define WIRE_SUM_BYTES          4  /* of one bucket in SUMS */
#define WIRE_BUCKETS            64 /* a log's bucket: the first byte of its tag modulo this */
#define WIRE_BUCKETS_ALL        UINT64_MAX

enum message_kind {
    MESSAGE_HELLO = 1,     /* who I am, my nonce */
    MESSAGE_PROOF = 2,     /* signature over both keys and both nonces */
    MESSAGE_TAGS = 3,      /* the agencies I trust, under tags that only this link can read: when TRUST differs */
    MESSAGE_CHAIN = 4,     /* an agency's chain, for one who has a shorter one */
    MESSAGE_DIGEST = 5,    /* heads of our common logs, in 16 bytes */
    MESSAGE_HEADS = 6,     /* heads that changed since I last told you, or all of some buckets */
    MESSAGE_GET = 7,       /* send me entries of this log from here on, up to so many bytes */
    MESSAGE_ENTRIES = 8,   /* consecutive entries; the last one's signature was verified by the sender */
    MESSAGE_WANT = 9,      /* send me these payloads */
    MESSAGE_PAYLOAD = 10,  /* one payload, or "I don't have it" */
    MESSAGE_PUSH = 11,     /* a new entry, with its payload if that is small */
    MESSAGE_HAVE = 12,     /* payloads that I have now */
    MESSAGE_ANNOUNCE = 13, /* new entries that I verified: ask me if nobody brings them */
    MESSAGE_GRAFT = 14,    /* push me these, and new ones from now on */
    MESSAGE_PRUNE = 15,    /* announce new entries to me instead of pushing them */
    MESSAGE_TRUST = 16,    /* all that I trust, in 16 bytes */
    MESSAGE_FORK = 17,     /* the proof that an author signed two entries at one number */
    MESSAGE_VERIFY = 18,   /* sign where all common logs end at you */
    MESSAGE_VERIFIED = 19, /* that, signed */
    MESSAGE_SUMS = 20,     /* heads of our common logs by bucket: tell me those that differ */
    MESSAGE_STREAM = 21    /* entries of several logs, within the credit that HEADS gave */
};

/* What a node says about a payload in PUSH when it does not ride along. */
enum push_payload { PUSH_INLINE = 0, PUSH_HERE = 1, PUSH_AWAITED = 2 };

/* A list of (tag, number) pairs inside a message: checked when decoded, read with wire_pair_next. */
struct wire_pairs {
    uint32_t count;
    struct pack_reader reader;
};

/* A decoded message; views are borrowed from the message's bytes. */
struct message {
    enum message_kind kind;
    union {
        struct {
            uint8_t agency_id[AGENCY_ID_BYTES];
            uint8_t node_id[NODE_ID_BYTES];
            uint8_t nonce[WIRE_NONCE_BYTES];
            uint8_t instance[WIRE_INSTANCE_BYTES];
        } hello;
        struct {
            uint8_t signature[SIGN_BYTES];
        } proof;
        struct {
            uint64_t generation;
            struct wire_pairs agencies;
        } tags; /* numbers: records of the agency's chain */
        struct {
            uint8_t agency_id[AGENCY_ID_BYTES];
            struct bytes chain;
        } chain;
        /* generations: the sender's, and the last one it heard of the receiver's */
        struct {
            uint64_t mine, yours;
            uint8_t digest[WIRE_DIGEST_BYTES];
            bool reply;
            uint64_t total; /* of all heads: who is ahead, roughly */
        } digest;
        struct {
            uint64_t mine, yours;
            uint64_t buckets; /* all logs of these buckets are told; 0: only what changed */
            uint64_t credit;  /* bytes of STREAM that the sender takes for them now */
            struct wire_pairs heads;
        } heads; /* numbers: sequence numbers */
        struct {
            uint8_t tag[WIRE_TAG_BYTES];
            uint64_t seq;
            uint64_t bytes_max;
        } get;
        struct {
            uint8_t tag[WIRE_TAG_BYTES];
            uint64_t seq;
            struct bytes entries;
        } entries; /* empty: none to give */
        struct {
            struct wire_pairs payloads;
        } want;
        struct {
            uint8_t tag[WIRE_TAG_BYTES];
            uint64_t seq;
            bool present;
            struct bytes payload;
        } payload;
        struct {
            struct bytes entry;
            enum push_payload state;
            struct bytes payload;
        } push;
        struct {
            struct wire_pairs payloads;
        } have;
        struct {
            struct wire_pairs entries;
        } announce, graft;
        struct {
            uint64_t generation;
            uint8_t sum[WIRE_DIGEST_BYTES];
        } trust;
        struct {
            uint64_t mine, yours;
            uint8_t sums[WIRE_BUCKETS * WIRE_SUM_BYTES];
        } sums;
        struct {
            struct bytes entries;
        } stream;
        struct {
            struct bytes runs[2];
        } fork;
        struct {
            uint8_t nonce[WIRE_NONCE_VERIFY_BYTES];
        } verify;
        struct {
            uint8_t nonce[WIRE_NONCE_VERIFY_BYTES];
            uint64_t missing; /* payloads that the sender wants and does not have */
            struct bytes rows;
            uint8_t signature[SIGN_BYTES];
        } verified;
    };
};

/* One exact canonical message within all limits; otherwise ERR_FORMAT, ERR_VERSION (HELLO of another version), ERR_TOO_BIG. */
enum err wire_decode(struct message *out, struct bytes bytes) MUST_USE;

/* The next pair; false at the end. */
bool wire_pair_next(struct wire_pairs *pairs, uint8_t tag[static WIRE_TAG_BYTES], uint64_t *number);

/* Encoders append to `out`; failures show in out->failed. */
struct wire_pair {
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t number;
};
void wire_hello(struct buf *out, const uint8_t agency_id[static AGENCY_ID_BYTES], const uint8_t node_id[static NODE_ID_BYTES],
                const uint8_t nonce[static WIRE_NONCE_BYTES], const uint8_t instance[static WIRE_INSTANCE_BYTES]);
void wire_proof(struct buf *out, const uint8_t signature[static SIGN_BYTES]);
void wire_tags(struct buf *out, uint64_t generation, const struct wire_pair *agencies, uint32_t count);
void wire_chain(struct buf *out, const uint8_t agency_id[static AGENCY_ID_BYTES], struct bytes chain);
void wire_digest(struct buf *out, uint64_t mine, uint64_t yours, const uint8_t digest[static WIRE_DIGEST_BYTES], bool reply,
                 uint64_t total);
void wire_heads(struct buf *out, uint64_t mine, uint64_t yours, uint64_t buckets, uint64_t credit, const struct wire_pair *heads,
                uint32_t count);
void wire_get(struct buf *out, const uint8_t tag[static WIRE_TAG_BYTES], uint64_t seq, uint64_t bytes_max);
void wire_entries(struct buf *out, const uint8_t tag[static WIRE_TAG_BYTES], uint64_t seq, struct bytes entries);
void wire_want(struct buf *out, const struct wire_pair *payloads, uint32_t count);
void wire_payload(struct buf *out, const uint8_t tag[static WIRE_TAG_BYTES], uint64_t seq, bool present, struct bytes payload);
void wire_push(struct buf *out, struct bytes entry, enum push_payload state, struct bytes payload);
void wire_have(struct buf *out, const struct wire_pair *payloads, uint32_t count);
void wire_announce(struct buf *out, const struct wire_pair *entries, uint32_t count);
void wire_graft(struct buf *out, const struct wire_pair *entries, uint32_t count);
void wire_prune(struct buf *out);
void wire_trust(struct buf *out, uint64_t generation, const uint8_t sum[static WIRE_DIGEST_BYTES]);
void wire_sums(struct buf *out, uint64_t mine, uint64_t yours, const uint8_t sums[static WIRE_BUCKETS * WIRE_SUM_BYTES]);
void wire_stream(struct buf *out, struct bytes entries);
void wire_fork(struct buf *out, struct bytes a, struct bytes b);
void wire_verify(struct buf *out, const uint8_t nonce[static WIRE_NONCE_VERIFY_BYTES]);
void wire_verified(struct buf *out, const uint8_t nonce[static WIRE_NONCE_VERIFY_BYTES], uint64_t missing, struct bytes rows,
                   const uint8_t signature[static SIGN_BYTES]);

#endif
