/* confide: groups, agreements and policies in a world: what each node knows of them, and whom it seals to. What a node seals is decided by
   gossip/ alone (group, policy, audience); what it should be is worked out again beside it, in confide_truth.c, from what was done.
   reliability.md, invariant Confidential */
#ifndef TESTS_SIM_CONFIDE_H
#define TESTS_SIM_CONFIDE_H

#include "gossip/group.h"
#include "gossip/policy.h"
#include "tests/sim/plan.h"

#define CONFIDE_NODES_MAX    32 /* sets of nodes are bits of a word */
#define CONFIDE_CLUBS_MAX    3
#define CONFIDE_VERSIONS_MAX 14 /* of a roster: below all limits of group.h, so that nobody forgets one */
#define CONFIDE_ADMINS       2
#define CONFIDE_NO_CLUB      CONFIDE_CLUBS_MAX

/* One version of a roster, in plain words. */
struct confide_version {
    size_t by, previous;       /* who made it; which one it follows (its own index: none) */
    uint32_t members, removed; /* nodes */
    uint64_t at_ms;
    uint8_t hash[HASH_BYTES];
    struct buf bytes;
};

/* A group of the mesh. Its admins stay. */
struct confide_club {
    size_t admins[CONFIDE_ADMINS];
    enum tlp ceiling;
    uint64_t ends_ms; /* 0: no end */
    bool hidden;
    enum roster_history history;
    struct confide_version versions[CONFIDE_VERSIONS_MAX];
    size_t version_count;
    uint32_t heard[CONFIDE_NODES_MAX];      /* versions, by node */
    struct group *known[CONFIDE_NODES_MAX]; /* null: the node has no roster */
    size_t told[CONFIDE_NODES_MAX];         /* hidden: 1 + the last version of which it was told its own place; 0: never */
    bool told_member[CONFIDE_NODES_MAX];    /* hidden: what it was told */
};

/* What a node's operator wrote down, about each other node. */
struct confide_rules {
    enum tlp label_max[CONFIDE_NODES_MAX]; /* TLP_NONE: no bound */
    uint32_t community, client, police;    /* nodes */
    bool green_to_communities;
    bool named[TLP_RED + 1], agreement[TLP_RED + 1];
};

/* An agreement of two nodes' agencies; a < b. */
struct confide_pact {
    bool made, one_way; /* one way: only what the first sends is covered */
    bool indicators;    /* no other kind is */
    enum tlp label_max;
    uint32_t ended; /* nodes that know that it has ended */
};

struct confide_object {
    size_t author, club;
    enum tlp tlp;
    bool indicator, police; /* H0 */
    uint64_t at_ms, until_ms;
};

/* A block that says something. */
struct confide_said {
    size_t author;
    uint64_t seq, epoch_seq;
    uint8_t id[HASH_BYTES];
    enum confide_kind { CONFIDE_VERSION, CONFIDE_STANDING, CONFIDE_OBJECT, CONFIDE_END } kind;
    size_t club, what; /* a version, an object, the other party of an agreement */
    uint32_t openers, heard;
};

/* An EPOCH entry, and who can open it: tried with the keys of every node. */
struct confide_epoch {
    size_t author;
    uint64_t seq;
    uint8_t id[HASH_BYTES];
    uint32_t openers;
};

struct confide {
    size_t nodes;
    struct confide_club clubs[CONFIDE_CLUBS_MAX];
    size_t club_count;
    struct confide_rules rules[CONFIDE_NODES_MAX];
    struct confide_pact pacts[CONFIDE_NODES_MAX][CONFIDE_NODES_MAX];
    struct confide_object *objects;
    struct confide_said *said;
    struct confide_epoch *epochs;
    size_t object_count, object_capacity, said_count, said_capacity, epoch_count, epoch_capacity;
};

/* How an object would leave: with the author's permission when an admin of a hidden group passes it on. */
struct confide_way {
    bool named, reshared, permitted;
};

/* --- confide.c: what is known, and what is done --- */
void confide_open(struct world *world, uint64_t seed);
void confide_close(struct world *world);
void confide_do(struct world *world, const struct operation *operation);
uint64_t confide_mix(uint64_t word);

/* --- confide_know.c: what nodes hear --- */
void confide_hear(struct world *world, size_t node);
/* The node takes a version and all before it, each as of its author. */
void confide_take(struct world *world, size_t node, struct confide_club *club, size_t version);
/* The place of a node's agency, as `node` knows the group through gossip/. */
enum roster_place confide_place(const struct world *world, size_t node, const struct confide_club *club, size_t who);
bool confide_knows(const struct confide_club *club, size_t node);

/* --- confide_seal.c: who is sealed to --- */
/* The nodes, among `candidates`, to whom the policy lets the object go, and which carriage that asks for. */
uint32_t confide_decide(struct world *world, size_t node, const struct confide_object *object, struct confide_way way,
                        uint32_t candidates, enum carriage *carriage);
/* Seals to those among `readers` who can be sealed to now. The truth must allow `allowed`: whoever else can open it breaks Confidential. */
void confide_say(struct world *world, const struct confide_said *said, uint32_t readers, uint32_t allowed, enum carriage carriage);

/* --- confide_truth.c --- */
/* Who belongs to the group by what the node has heard. */
uint32_t confide_truth_members(const struct confide *confide, const struct confide_club *club, size_t node);
/* Everybody to whom the rules let the node seal the object now. */
uint32_t confide_truth_readers(const struct world *world, size_t node, const struct confide_object *object, struct confide_way way);
/* At the end of a run: does anybody hold a payload and a key who must not? */
void confide_check_end(struct world *world);

#endif
