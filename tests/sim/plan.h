/* plan: what is done to a world, and when: each operation is made from the seed and its own number alone, so that any of them can be
   left out and the others stay. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "tests/sim/fault.h"
#include "tests/sim/world.h"

/* name, class of fault, weight */
#define OPERATIONS(X)                                                                                                              \
    X(publish, FAULT_NONE, 40)                                                                                                     \
    X(publish_large, FAULT_NONE, 8)                                                                                                \
    X(publish_some, FAULT_NONE, 12)                                                                                                \
    X(publish_direct, FAULT_NONE, 12)                                                                                              \
    X(publish_many, FAULT_NONE, 3)                                                                                                 \
    X(statement, FAULT_version, 6)                                                                                                 \
    X(prekey, FAULT_NONE, 1)                                                                                                       \
    X(stranger, FAULT_NONE, 1)                                                                                                     \
    X(loss, FAULT_loss, 4)                                                                                                         \
    X(duplicate, FAULT_duplicate, 4)                                                                                               \
    X(delay, FAULT_delay, 4)                                                                                                       \
    X(slow, FAULT_slow, 3)                                                                                                         \
    X(reset, FAULT_reset, 12)                                                                                                      \
    X(cut, FAULT_cut, 8)                                                                                                           \
    X(cut_way, FAULT_cut, 6)                                                                                                       \
    X(isolate, FAULT_partition, 3)                                                                                                 \
    X(halves, FAULT_partition, 3)                                                                                                  \
    X(flap, FAULT_partition, 2)                                                                                                    \
    X(eclipse, FAULT_partition, 2)                                                                                                 \
    X(crash, FAULT_crash, 8)                                                                                                       \
    X(crash_half, FAULT_crash, 1)                                                                                                  \
    X(crash_step, FAULT_step, 10)                                                                                                  \
    X(crash_start, FAULT_recovery, 4)                                                                                              \
    X(pause, FAULT_pause, 5)                                                                                                       \
    X(wipe, FAULT_wipe, 2)                                                                                                         \
    X(snapshot, FAULT_restore, 4)                                                                                                  \
    X(restore, FAULT_restore, 3)                                                                                                   \
    X(lie, FAULT_lie, 2)                                                                                                           \
    X(eio, FAULT_eio, 3)                                                                                                           \
    X(space, FAULT_space, 2)                                                                                                       \
    X(rot, FAULT_rot, 3)                                                                                                           \
    X(skew, FAULT_skew, 3)                                                                                                         \
    X(jump, FAULT_jump, 2)                                                                                                         \
    X(memory, FAULT_memory, 4)                                                                                                     \
    X(renew, FAULT_trust, 3)                                                                                                       \
    X(node_add, FAULT_trust, 1)                                                                                                    \
    X(revoke, FAULT_trust, 1)                                                                                                      \
    X(unpin, FAULT_trust, 2)                                                                                                       \
    X(club_open, FAULT_sharing, 3)                                                                                                 \
    X(club_change, FAULT_sharing, 16)                                                                                              \
    X(object_publish, FAULT_sharing, 30)                                                                                           \
    X(object_pass, FAULT_sharing, 20)                                                                                              \
    X(pact_end, FAULT_sharing, 2)

#define OPERATION_ROW(name, fault, weight) OPERATION_##name,
enum operation_kind { OPERATIONS(OPERATION_ROW) OPERATION_COUNT };
#undef OPERATION_ROW

struct operation {
    uint64_t at_ms; /* after the beginning of the random phase */
    enum operation_kind kind;
    uint32_t a, b; /* nodes; not the same */
    uint64_t lasts_ms, by;
};

struct plan {
    uint64_t seed, length_ms;
    size_t nodes, count;
    uint32_t faults;         /* classes that are on */
    uint32_t emphasis;       /* classes that come four times as often */
    const uint8_t *left_out; /* one byte an operation; null: none is */
    struct world *world;     /* under way */
    uint64_t turn_ms;        /* how often hostile members act */
    bool over;               /* the random phase ended: what was begun is not continued */
};

/* In what is planned: the end of an operation that lasts; a flapping line's next turn; a hostile member's. */
#define PLAN_END  (1ull << 63)
#define PLAN_FLAP (1ull << 62)
#define PLAN_TURN (1ull << 61)

/* --- plan_do.c --- */
bool plan_do(struct world *world, const struct operation *operation); /* true: it lasts, and plan_undo ends it */
void plan_undo(struct world *world, const struct operation *operation);
/* Of a log that its author forked, an entry of one branch; null when it did not. */
struct ledger_row *plan_branch(const struct world *world, size_t author, uint64_t by);
void plan_flap(struct world *world, uint64_t what);

/* --- plan.c --- */
bool plan_includes(const struct plan *plan, size_t index, const struct operation *operation);
/* Operation `index` of `plan->count`. */
void plan_operation(const struct plan *plan, size_t index, struct operation *out);
/* One line, without its end. */
void plan_describe(const struct operation *operation, char *out, size_t size);
/* Puts all of it into the world's queue; world->context is the plan until plan_end. */
void plan_begin(struct plan *plan, struct world *world);
/* The random phase is over: cuts are healed, lines are good, disks are honest, everybody runs again. */
void plan_end(struct plan *plan);

#endif
