/* hostile: members that misbehave on the real codec: each runs the real core, and a script twists what it says. */
#ifndef TESTS_SIM_HOSTILE_H
#define TESTS_SIM_HOSTILE_H

#include "tests/sim/world.h"

/* name, what it does; reliability.md section 5 */
#define HOSTILES(X)                                                                                                                \
    X(equivocate, "signs two entries at one number and tells each half of the mesh another")                                       \
    X(withhold, "passes on and serves nothing of some authors")                                                                    \
    X(silent, "relays no push")                                                                                                    \
    X(stale, "claims heads that are old")                                                                                          \
    X(invent, "claims heads of 2^62 and of logs that do not exist")                                                                \
    X(flood, "floods HEADS, HAVE, WANT and GET")                                                                                   \
    X(promise, "answers no question")                                                                                              \
    X(slow, "has a line of a few bytes a second")                                                                                  \
    X(replay, "says again what it said")                                                                                           \
    X(malform, "breaks bytes of its messages")                                                                                     \
    X(giant, "sends the largest of everything")                                                                                    \
    X(reconnect, "closes its links again and again")                                                                               \
    X(deaf, "never reads")                                                                                                         \
    X(forge, "sends bad signatures")                                                                                               \
    X(mislabel, "gives right payloads under wrong names")                                                                          \
    X(date, "dates its entries far ahead and far back")                                                                            \
    X(spread, "seals to the wrong audience and serves its payloads to nobody")                                                     \
    X(version, "says HELLO in another version")

#define HOSTILE_ROW(name, text) HOSTILE_##name,
enum hostile_kind { HOSTILES(HOSTILE_ROW) HOSTILE_COUNT };
#undef HOSTILE_ROW

struct hostile {
    enum hostile_kind kind;
    uint32_t salt;
    struct buf said; /* a message of before */
};

const char *hostile_name(enum hostile_kind kind);
const char *hostile_text(enum hostile_kind kind);
void hostile_free(struct hostile *hostile);
void hostile_make(struct world *world, size_t node, enum hostile_kind kind);
/* Twists a message of its core on its way out; false: it does not go out. */
bool hostile_sends(struct world *world, size_t node, struct world_link *link, struct bytes message);
/* What it does on its own, several times a second. */
void hostile_turn(struct world *world, size_t node);

#endif
