/* inquiry: a request for information between agencies, and what became of it. PROTOCOL.md 5.11 */
#ifndef GOSSIP_INQUIRY_H
#define GOSSIP_INQUIRY_H

#include "gossip/entry.h"
#include "gossip/item.h"

#define INQUIRY_TYPE           "comity-request"
#define INQUIRY_STATE_TYPE     "comity-request-state"
#define INQUIRY_ID_BYTES       16
#define INQUIRY_TEXT_BYTES_MAX 8192
#define INQUIRY_WORD_BYTES_MAX 512 /* legal basis, purpose, reason */
#define INQUIRY_OBJECTS_MAX    256 /* that an answer names */

/* X(number, name): of what is asked for, how urgent it is, and how far it has come. Numbers are part of the protocol. */
#define INQUIRY_KINDS(X)                                                                                                           \
    X(1, "sample")                                                                                                                 \
    X(2, "context")                                                                                                                \
    X(3, "historical-information")                                                                                                 \
    X(4, "related-samples")                                                                                                        \
    X(5, "complementary-validation")                                                                                               \
    X(6, "target-information")                                                                                                     \
    X(7, "detection-signature")                                                                                                    \
    X(8, "abuse-contact")                                                                                                          \
    X(9, "more-information")
#define INQUIRY_KIND_LAST 9

enum inquiry_urgency { INQUIRY_NORMAL = 1, INQUIRY_URGENT = 2, INQUIRY_IMMEDIATE = 3 };

/* In the order in which an inquiry goes through them. */
enum inquiry_state {
    INQUIRY_DRAFT = 0, /* written here, not in the log yet */
    INQUIRY_SENT = 1,
    INQUIRY_ACKNOWLEDGED = 2, /* a node of who was asked has it */
    INQUIRY_IN_WORK = 3,
    INQUIRY_PARTLY_ANSWERED = 4,
    INQUIRY_ANSWERED = 5,
    INQUIRY_REFUSED = 6,
    INQUIRY_EXPIRED = 7, /* never said: its deadline is long past */
    INQUIRY_STATES = 8
};

enum inquiry_about { INQUIRY_ABOUT_NOTHING = 0, INQUIRY_ABOUT_OBJECT = 1, INQUIRY_ABOUT_VALUE = 2 };

/* Array of 12: version 1, id bin 16, kind uint, urgency uint, asked uint, deadline uint (ms since 1970), about uint, its id or value str,
   legal basis str, purpose str, text str, asked agency bin 32. */
struct inquiry {
    uint8_t id[INQUIRY_ID_BYTES]; /* random */
    uint8_t asked[AGENCY_ID_BYTES];
    uint8_t kind; /* 1 to INQUIRY_KIND_LAST */
    enum inquiry_urgency urgency;
    uint64_t asked_ms, deadline_ms; /* the second is later */
    enum inquiry_about about;
    struct bytes about_text;           /* empty exactly when it is about nothing */
    struct bytes legal_basis, purpose; /* may be empty */
    struct bytes text;
};

/* What was said about one: array of 6: version 1, id bin 16, state uint, at uint, reason str, object ids array of str. */
struct inquiry_news {
    uint8_t id[INQUIRY_ID_BYTES];
    enum inquiry_state state; /* ACKNOWLEDGED to REFUSED */
    uint64_t at_ms;
    struct bytes reason; /* not empty when refused */
    uint32_t object_count;
    struct bytes objects; /* their ids, each canonical str, one after the other: for inquiry_object_next */
};

/* Null for a number without a name; 0 for a name without a number. */
const char *inquiry_kind_name(uint8_t kind);
uint8_t inquiry_kind_of(struct bytes name);
const char *inquiry_urgency_name(enum inquiry_urgency urgency);
bool inquiry_urgency_of(enum inquiry_urgency *out, struct bytes name);
const char *inquiry_state_name(enum inquiry_state state);

/* May one that stands at `before` be taken on to `after`? What was answered or refused stays so; an answer may follow a partly one. */
bool inquiry_follows(enum inquiry_state before, enum inquiry_state after);

enum err inquiry_encode(struct buf *out, const struct inquiry *inquiry) MUST_USE;
/* Foreign bytes: exactly one canonical text. ERR_FORMAT, ERR_VERSION, ERR_RANGE. Views are borrowed. */
enum err inquiry_decode(struct inquiry *out, struct bytes text) MUST_USE;
enum err inquiry_news_encode(struct buf *out, const struct inquiry_news *news) MUST_USE;
enum err inquiry_news_decode(struct inquiry_news *out, struct bytes text) MUST_USE;
/* The next of the ids in `rest`; false at the end. */
bool inquiry_object_next(struct bytes *rest, struct bytes *id);

#endif
