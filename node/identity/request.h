/* request: a drafted agency record on its way to the keys that sign it, as a file: so that root and ops keys can live off line, and
   several people can sign one record. Pure: no clock, no file. PROTOCOL.md 3.7 */
#ifndef NODE_REQUEST_H
#define NODE_REQUEST_H

#include "gossip/card.h"

#define REQUEST_BYTES_MAX (512 * 1024)

/* A drafted record with the chain that it follows. Everything is owned. */
struct request {
    struct agency agency; /* as the chain describes it */
    struct buf chain;
    struct buf body;
    struct buf prekeys; /* PREKEY entries of a new node, for the card; else empty */
    struct agency_signature signatures[AGENCY_KEYS_MAX];
    size_t signature_count;
};

/* Starts one from a chain; the body is drafted into request->body by the caller. Release with request_free, also after an error. */
enum err request_open(struct request *out, struct bytes chain) MUST_USE;
void request_free(struct request *request);

/* The text form, and back: ERR_FORMAT, ERR_HASH, ERR_TOO_BIG and what agency_parse returns. What comes out has a body that follows
   the chain and well-formed content; its signatures are not looked at. */
enum err request_write(struct buf *out, const struct request *request) MUST_USE;
enum err request_read(struct request *out, struct bytes text) MUST_USE;

/* Adds a signature; one by the same key is replaced. ERR_LIMIT. */
enum err request_sign(struct request *request, const uint8_t seed[static SIGN_SEED_BYTES]) MUST_USE;
/* Takes over the signatures of another copy of the same draft. ERR_CHAIN: it is another. */
enum err request_merge(struct request *request, const struct request *other) MUST_USE;
/* Appends the record to request->chain, and checks that all of it verifies. ERR_SIGNATURE: too few signatures, or by other keys. */
enum err request_seal(struct request *request) MUST_USE;

/* Is it a ROOT, which only root keys sign? */
bool request_is_root(const struct request *request);
/* How many signatures it needs: one of an ops key, or so many of root keys. */
size_t request_threshold(const struct request *request);
/* Lines for people: what will be true when this is signed. */
void request_text(struct buf *out, const struct request *request);

#endif
