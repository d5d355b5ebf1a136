/* answer: one object as the engine hands it out (FRAME_ANSWER_OBJECT), read, judged and printed. The text in it is a stranger's: it
   is checked to be JSON before it is put into a line of ours, and compared with the facts that were indexed beside it. */
#ifndef NODE_ANSWER_H
#define NODE_ANSWER_H

#include "gossip/item.h"
#include "gossip/marks.h"
#include "gossip/pack.h"
#include "gossip/sighting.h"
#include "node/formats/jsonwalk.h"

struct answer {
    uint64_t cursor;
    struct bytes author; /* the operator's name for the agency */
    struct bytes agency_id;
    uint64_t arrived_ms;
    enum tlp tlp;
    struct item item;
    struct bytes via;                   /* the name of who passed it on; empty: its author published it to this node */
    bool counted;                       /* the counts of sightings are known */
    uint64_t sightings[SIGHTING_KINDS]; /* by kind, of all who told */
    uint64_t sighters;                  /* agencies that did */
    struct pack_reader sighter_rows;    /* one for each that is named: array of [name str, count of each kind..., opinion or 0] */
    uint32_t sighter_count;
    enum sightings_to sightings_to; /* as its author marked it */
    bool conjunction;               /* its pattern joins values by AND or FOLLOWEDBY, or negates: no value alone means anything */
    const char *problem;            /* the author's text is not what it should be, and why; null: it is */
};

/* Reads answers one after the other; keep it for all of a command. */
struct answer_reader {
    struct jsonwalk *walk;
    struct answer answer; /* views into the last body */
};

/* ERR_MEMORY. Release with answer_reader_free. */
enum err answer_reader_init(struct answer_reader *reader) MUST_USE;
void answer_reader_free(struct answer_reader *reader);

/* Reads one body into reader->answer; views live as long as it. ERR_FORMAT: not what the engine writes. */
enum err answer_read(struct answer_reader *reader, struct bytes body) MUST_USE;

/* The same of an object that came otherwise: who gave it, when, and the encoded item. Nothing is known of sightings. */
enum err answer_of_item(struct answer_reader *reader, uint64_t cursor, struct bytes author, enum tlp tlp, uint64_t arrived_ms,
                        struct bytes encoded) MUST_USE;

/* Does a pattern join values, or negate, so that no value of it alone means anything? */
bool answer_pattern_joins(struct bytes pattern);

/* "cursor TAB author TAB label TAB object". What is no JSON is given as a JSON string. */
void answer_line(struct buf *out, const struct answer *answer);
/* The object alone, on one line. */
void answer_object(struct buf *out, const struct answer *answer);
/* {"author","agency","tlp","cursor","arrived","object"} and a line end; "via", "sightings" and "problem" too where there are any. */
void answer_json(struct buf *out, const struct answer *answer);
/* A block of lines for people. */
void answer_block(struct buf *out, const struct answer *answer);

#endif
