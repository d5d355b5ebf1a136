/* tokens: who may use the web process: names, hashes of tokens and what each may, as the lines of DIR/web.tokens. Pure.
   A token is 32 random bytes as text; only its hash is kept, so it is shown once. A line is, with tabs between: name, hash, label,
   rights ("r", "w", "rw"), end (milliseconds, 0: none), requests a second, collections ("all,green,group:nightfall" or "*"), recipients
   (names, "*" for all that are pinned, "-" for none), and where it is bound to a client certificate that one's fingerprint (SHA-256,
   hexadecimal). */
#ifndef NODE_TOKENS_H
#define NODE_TOKENS_H

#include "crypto/hash.h"
#include "gossip/label.h"
#include "node/process/fields.h"

#define TOKENS_MAX            1024
#define TOKENS_FILE_BYTES_MAX (1024 * 1024)
#define TOKENS_NAME_BYTES_MAX FIELDS_NAME_BYTES_MAX
#define TOKENS_TEXT_BYTES     48 /* a token's text with its zero */
#define TOKENS_RATE_DEFAULT   50
#define TOKENS_RATE_MAX       1000000
#define TOKENS_RECIPIENTS_MAX 64
#define TOKENS_GROUPS_MAX     16   /* named by one token */
#define TOKENS_SCOPE_MAX      1400 /* bytes of its collections, as a text */
#define TOKENS_FINGERPRINT    32   /* bytes */

/* Collections, by number: everything that may be seen, or the objects of one label. TLP:RED has none. */
#define COLLECTION_ALL   0
#define COLLECTION_COUNT 5                         /* else the number of enum tlp */
const char *collection_alias(unsigned collection); /* "all", "clear", "green", "amber", "amber-strict" */

struct token {
    struct bytes name; /* 1 to 64 of [A-Za-z0-9._-] */
    uint8_t hash[HASH_BYTES];
    enum tlp label_max; /* CLEAR to AMBER_STRICT */
    bool read, write;
    uint64_t expires_ms;     /* 0: no end */
    unsigned rate;           /* requests a second, from 1 */
    unsigned collections;    /* a bit for each of labels, and COLLECTION_ALL */
    struct bytes scope;      /* as it was written: "all,green,group:nightfall", or "*": all, those of groups too */
    struct bytes recipients; /* names with commas between; "*" or "-" */
    bool bound;              /* good only together with the client certificate of this fingerprint, which also is enough alone: */
    uint8_t fingerprint[TOKENS_FINGERPRINT];
};

/* Sorted by name. Views point into `text`, which is owned. */
struct tokens {
    struct token *items;
    size_t count;
    struct buf text;
};

/* Reads a file. ERR_SYNTAX with the number of the bad line, ERR_LIMIT, ERR_MEMORY; release with tokens_free, also after an error. */
enum err tokens_parse(struct tokens *out, struct bytes file, size_t *line) MUST_USE;
void tokens_free(struct tokens *tokens);
void token_write(struct buf *out, const struct token *token); /* one line */

/* Null when nobody has it. */
const struct token *tokens_of_name(const struct tokens *tokens, struct bytes name);
const struct token *tokens_of_hash(const struct tokens *tokens, const uint8_t hash[static HASH_BYTES]);
/* The one that is bound to this certificate. Null also when several are: a certificate alone does not say which. */
const struct token *tokens_of_certificate(const struct tokens *tokens, const uint8_t fingerprint[static TOKENS_FINGERPRINT]);

void token_hash(uint8_t out[static HASH_BYTES], struct bytes text);
/* The text of 32 random bytes. */
void token_text(char out[static TOKENS_TEXT_BYTES], const uint8_t random[static 32]);

/* Into token->collections and token->scope, a view: "all,green,group:nightfall". ERR_NOT_FOUND for a name that no collection has; ERR_LIMIT.
   Whether there is such a group the node knows, when the token is used. */
enum err collections_parse(struct token *token, struct bytes text) MUST_USE;
/* 64 hexadecimal digits, with or without colons between each two. */
bool fingerprint_parse(uint8_t out[static TOKENS_FINGERPRINT], struct bytes text);

/* The labels that a collection shows to this token, as bits of enum tlp; 0: it may not see the collection. */
unsigned token_labels(const struct token *token, unsigned collection);

/* Of all collections that it may see; where it names groups only, of their objects. */
unsigned token_labels_any(const struct token *token);

/* The labels of a group's objects that it may see. */
unsigned token_labels_group(const struct token *token);
/* May it see the objects of all groups; does it name any? */
bool token_groups_all(const struct token *token);
bool token_groups_some(const struct token *token);
/* ... of this one? A token names a group by its name, or by at least 8 digits of its id. */
bool token_group(const struct token *token, struct bytes name, const uint8_t id[static HASH_BYTES]);

#endif
