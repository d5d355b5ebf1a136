/* stage: one hostile member at work: what it does stands in a table of behaviours, each a start on a fresh link and a step that is
   repeated until somebody ends it. */
#ifndef TESTS_E2E_HOSTILE_STAGE_H
#define TESTS_E2E_HOSTILE_STAGE_H

#include "tests/e2e/hostile/forge.h"

#define STAGE_SOCKETS_MAX 128
#define STAGE_KEYS_MAX    15

struct stage {
    struct member member;
    struct member_link link;
    uint64_t salt, steps;
    const char *const *words; /* what else was said on the command line */
    size_t word_count;
    struct forge_epoch epoch;
    struct buf out, entry, payload;
    int sockets[STAGE_SOCKETS_MAX];
    struct member_key keys[STAGE_KEYS_MAX];
    struct member_link links[2 * STAGE_KEYS_MAX];
};

struct behaviour {
    const char *name;
    const char *what;              /* one clause */
    bool alone;                    /* it makes its own connections */
    unsigned pause_ms;             /* between steps; 0: at full rate */
    bool (*start)(struct stage *); /* on each fresh link; may be null. False: the link is cut */
    bool (*step)(struct stage *);  /* may be null: only listens. False: the link is cut */
};

/* Each table ends with a row without a name. */
extern const struct behaviour behaviours_log[];       /* entries, heads, promises */
extern const struct behaviour behaviours_chain[];     /* membership and keys */
extern const struct behaviour behaviours_message[];   /* the form and the number of messages */
extern const struct behaviour behaviours_transport[]; /* below messages */

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Sends `stage->out` and reads what came; false: the link is cut. */
bool stage_send(struct stage *stage);
/* The tag, on this stage's link, of the log of the only node of a card: 0 is the victim, 1 an honest third. */
void stage_log_tag(const struct stage *stage, size_t card, uint8_t out[static WIRE_TAG_BYTES]);
void stage_own_tag(const struct stage *stage, uint8_t out[static WIRE_TAG_BYTES]);
/* Pushes `entry`; with `payload` inline when it is small enough, else with this state. */
bool stage_push(struct stage *stage, struct bytes entry, enum push_payload state, struct bytes payload);

/* Pushes every entry of our log. */
bool stage_push_all(struct stage *stage);

#endif
