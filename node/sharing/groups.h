/* groups: the groups that this node knows of, and what follows from their rosters: to whom a publication goes, who is refused, what is told
   to whom. PROTOCOL.md 5.7; the decisions stand in gossip/group.h. Part of the engine. */
#ifndef NODE_GROUPS_H
#define NODE_GROUPS_H

#include "gossip/group.h"
#include "gossip/membership.h"
#include "gossip/policy.h"
#include "node/process/frame.h"
#include "node/recall/recalls.h"
#include "node/sharing/statement.h"

#define GROUPS_TYPE       "comity-group"
#define GROUPS_PREFIX     "secret/group/" /* then 16 bytes of the id, in hexadecimal */
#define GROUPS_OF_ONE_MAX 64              /* groups that one other agency has brought */

#define GROUPS_NEWCOMERS_MAX LIMIT_GROUP_MEMBERS /* of one group, whose history is on its way */

struct client;
struct publication;

/* Of a hidden group of which this agency is no admin only what its admins told is known; else the roster. */
struct group_known {
    uint8_t id[HASH_BYTES];
    uint8_t introducer[AGENCY_ID_BYTES]; /* who told of it first */
    struct group *group;                 /* or null */
    struct membership membership;        /* when `group` is null */
    uint8_t told[HASH_BYTES];            /* the version in force that this node told the members about, being one of its signers */
    bool over;                           /* its end was seen, and what follows from it begun */
    uint64_t purge_from,
        purge_cursor;    /* while what went to it is taken back: where the walk began and where it stands; 0: it is not */
    uint64_t purge_late; /* what came meanwhile, from there on, is looked at when the walk is over; 0: nothing */
    bool purged;         /* once since the start: not told again */
    uint8_t newcomers[GROUPS_NEWCOMERS_MAX][AGENCY_ID_BYTES]; /* who are yet to get what this node wrote to the group before them */
    size_t newcomer_count;
    uint64_t pass_cursor;    /* of a hidden group, at its admins: what came before was passed on */
    uint64_t pass_old_until; /* with history: up to here only to members who came later than the object */
    bool history_begun, history_over;
    uint64_t history_cursor, history_until; /* where that walk stands, and where it ends */
    bool history_apart;                     /* some of it may only go to some of them: after the walk for all come walks for each */
    size_t history_alone;                   /* for this one of them, from 1; 0: for all */
};

struct groups {
    struct group_known *list[LIMIT_GROUPS];
    size_t count, over;          /* over: of them, those whose end was seen */
    struct buf marked;           /* the item under way, with its group among its marks */
    uint64_t look_due_ms;        /* when ends are looked for next */
    struct group_known *purging; /* what went to it is being taken back; null: none */
    uint64_t purge_until;        /* what had a number when the walk began */
    struct recall_task purge;    /* own objects of it */
    struct group_known *serving; /* whose newcomers are given its history; null: none */
    struct publication *history; /* to them */
};

enum err groups_load(struct engine *engine) MUST_USE; /* once the store is open */
void groups_free(struct engine *engine);

/* What is the same for both kinds. */
const char *group_name(const struct group_known *known);
enum tlp group_ceiling(const struct group_known *known);
enum roster_phase group_phase(const struct group_known *known, uint64_t now_ms);
/* The place of an agency. Of a hidden group only the own one and the admins' are known: others are ROSTER_NEVER. */
enum roster_place group_standing(const struct engine *engine, const struct group_known *known,
                                 const uint8_t agency_id[static AGENCY_ID_BYTES]);

struct group_known *groups_find(const struct engine *engine, const uint8_t id[static HASH_BYTES]);
/* By name, or by at least 8 digits of its id. ERR_NOT_FOUND; ERR_EXISTS: several have that name, and none or more than one is at work. */
enum err groups_named(const struct engine *engine, struct bytes name, struct group_known **out) MUST_USE;

/* Adds what is known of a group to a batch, under its key. */
enum err group_keep(struct store_batch *batch, const struct group_known *known) MUST_USE;
/* Takes one into the list. ERR_LIMIT. */
enum err groups_add(struct engine *engine, struct group_known *known) MUST_USE;
void group_known_free(struct group_known *known);

/* What policy_decide looks at for one reader: every group known here with the agency's place in it. Borrowed until the next call. */
size_t groups_facts(struct engine *engine, enum policy_exit exit, const uint8_t agency_id[static AGENCY_ID_BYTES],
                    const struct policy_group **out);
/* Does an object of this group come from an agency that had been removed from it by then? Nobody is shown that. */
bool groups_shut_out(const struct engine *engine, struct bytes group_id, const uint8_t author_id[static AGENCY_ID_BYTES],
                     uint64_t arrived_ms);
/* The item as it goes to the publication's group: with the group's id among its marks. `scratch` holds what is returned. An item that cannot be
   marked comes back as it is, and is refused for its form. */
struct bytes groups_mark(const struct publication *publication, struct bytes encoded, struct buf *scratch);

/* group_tell.c: what is said to others */
/* Tells who is concerned of a version that this node has just signed: the admins while it waits for others' signatures; all once it is in
   force. `before` is the roster that it follows. Nothing happens when there is nothing to tell. */
enum err group_tell(struct engine *engine, struct store_batch *batch, struct group_known *known, const struct roster *before,
                    struct bytes version) MUST_USE;
/* Handler of GROUPS_TYPE. */
statement_handler group_hear;
/* Another roster is in force: notices, open publications, history, the end. */
void group_changed(struct engine *engine, struct store_batch *batch, struct group_known *known, const struct roster *before);
/* group_purge.c: goes on with what follows from ends: those that were heard of and those whose time has come. */
void groups_pump(struct engine *engine);
/* An item arrived and is being stored: what belongs to a group that is over is taken out again. */
void groups_arrived(struct engine *engine, struct store_batch *batch, uint64_t cursor, const struct item *item);

/* group_history.c: what went to the group before, for newcomers */
void group_history_add(struct group_known *known, const uint8_t agency_id[static AGENCY_ID_BYTES]);
void group_history_again(struct engine *engine, const struct group_known *known); /* of this group, or (null) of any */
bool group_history_pump(struct engine *engine);                                   /* false: nothing to do */

/* group_pass.c: hidden groups: what members contribute goes to the others through the admins */
bool group_pass_pump(struct engine *engine); /* false: nothing to do now */
/* May this agency pass objects of the group on to this node's agency without a further permission? */
bool groups_passes(const struct engine *engine, struct bytes group_id, const uint8_t via[static AGENCY_ID_BYTES]);
/* Which of the page's items belong to the group, those that were passed on included. False: none. */
bool group_page_marks(const struct page *page, const uint8_t group_id[static HASH_BYTES], struct recall *marked);

/* group_ask.c: FRAME_ASK_GROUP */
void group_ask(struct engine *engine, struct client *client, const struct frame *frame);

#endif
