/* dealings: what this node has to do with others about single objects: permissions, shares, sightings and requests for information. Each
   file takes the statements of its types into records, and answers the local clients. PROTOCOL.md 5.10, 5.11 */
#ifndef NODE_DEALINGS_H
#define NODE_DEALINGS_H

#include "gossip/inquiry.h"
#include "gossip/pack.h"
#include "gossip/policy.h"
#include "gossip/share.h"
#include "gossip/sighting.h"
#include "node/recall/recalls.h"
#include "node/sharing/records.h"
#include "node/sharing/statement.h"

struct client;
struct engine;
struct frame;
struct shown;

struct dealings {
    struct records permissions, shares, sightings, inquiries;
    struct recall_task withdrawn; /* what was passed on and is to be recalled */
    struct buf withdrawn_rows;    /* numbers of its records, 8 bytes each */
    bool withdrawing;             /* some record says so */
    bool telling;                 /* some sighting of an own object may have to be told to its audience, */
    uint64_t tell_due_ms;         /* not before then */
    uint64_t full;                /* statements that were passed over, because their author's places are taken */
};

enum err dealings_load(struct engine *engine) MUST_USE; /* once the store is open */
void dealings_free(struct engine *engine);

/* Takes the outcome of a change to records: a full table is counted and told, want of memory ends the engine. */
void dealings_kept(struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES], enum err err);

/* permission.c, permission_ask.c */
struct permission_row;
statement_handler permission_take_ask, permission_take_grant, permission_take_denial;
void permission_ask(struct engine *engine, struct client *client, const struct frame *frame);
/* Writes a row over the one at `at`, or (SIZE_MAX) as a new one that `cause` brought. */
void permission_keep(struct engine *engine, struct store_batch *batch, size_t at, const uint8_t cause[static AGENCY_ID_BYTES],
                     const struct permission_row *row);
/* Appends the proof of the author's permission to pass this version of its object on to `reader`. ERR_NOT_FOUND: none was given.
   ERR_EXPIRED, ERR_BUSY: the statement that gives it is not on disk yet, and what prove_item returns. */
enum err permission_proof(struct engine *engine, struct buf *out, const uint8_t leaf[static HASH_BYTES],
                          const uint8_t author[static AGENCY_ID_BYTES], const uint8_t reader[static AGENCY_ID_BYTES]) MUST_USE;
/* The permissions that this author gave to this agency for that reader, as facts of the policy: of one version, or (null) of all its
   objects. Views are borrowed until a record changes. Returns how many. */
size_t permission_facts(const struct engine *engine, struct policy_permission *out, size_t max, const uint8_t *leaf,
                        const uint8_t author[static AGENCY_ID_BYTES], const uint8_t reader[static AGENCY_ID_BYTES]);

/* passing.c: shares */
statement_handler share_take;
/* Does a hidden group, which the object is marked for, let `via` pass it on to this node? */
bool share_admitted(const struct engine *engine, const uint8_t via[static AGENCY_ID_BYTES], const struct item *original);
void share_ask(struct engine *engine, struct client *client, const struct frame *frame);
/* An author took items of a block back: what this node passed on of them is recalled too, and of what stays it is noted where it now
   stands. */
void share_recalled(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES],
                    const struct recall *recall);
void share_pump(struct engine *engine); /* goes on with those recalls */
/* Did its author take back item `index` of block `seq`, or of a block that replaced it? From RECALL entries alone. */
bool share_was_recalled(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint32_t index);
/* The proof of an object that may be shown: made from its block, or the one that came with it. */
enum err share_object_proof(struct engine *engine, const struct shown *shown, struct buf *out, struct proof_facts *facts) MUST_USE;

/* sightings.c, sighting_tell.c */
statement_handler sighting_take, sighting_take_told;
void sighting_ask(struct engine *engine, struct client *client, const struct frame *frame);
uint64_t sighting_mark(struct bytes value); /* of a record: by its object's id */
/* Appends [seen, false positive, expired, agencies, [[agency's name, seen, false positive, expired, opinion or 0]...]]. */
void sighting_totals(struct engine *engine, struct buf *out, const struct shown *shown);
void sightings_pump(struct engine *engine); /* tells audiences what readers said */

/* inquiries.c */
statement_handler inquiry_take, inquiry_take_news;
void inquiry_ask(struct engine *engine, struct client *client, const struct frame *frame);
/* Requests that are past their deadline and neither answered nor refused: for status. */
size_t inquiry_overdue(const struct engine *engine, uint64_t now_ms);

/* For these files: rows of documents, and whom a client names. */
/* The local name, or the id in hexadecimal when it is not pinned. */
void dealings_agency(const struct engine *engine, struct buf *out, const char *key,
                     const uint8_t agency_id[static AGENCY_ID_BYTES]);
/* Answers the document (a map) and DONE. */
void dealings_answer(struct client *client, const struct frame *frame, const struct buf *document);
/* A pinned agency's name, or any agency's id in hexadecimal. Answers the error itself. */
bool dealings_named(struct engine *engine, struct client *client, const struct frame *frame, struct bytes name,
                    uint8_t out[static AGENCY_ID_BYTES]);
/* The newest version of an object, as shown_newest, by the author whose name this is (empty: any). Answers the error itself. */
bool dealings_object(struct engine *engine, struct client *client, const struct frame *frame, struct bytes id, struct bytes author,
                     struct shown *out);
/* The id of agency ids that a client's array names, each once, at most `max`; false: it was answered. */
bool dealings_readers(struct engine *engine, struct client *client, const struct frame *frame, struct pack_reader *reader,
                      uint8_t (*out)[AGENCY_ID_BYTES], size_t max, size_t *count);

#endif
