#include "tests/sim/story.h"

#include "gossip/group.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Groups in the mesh: their rosters travel as blocks, lines break, members come and go; each node publishes to the group as it knows it. */

#define NODES  6
#define ADMINS 2
#define SAID   512

/* A block of the world that stands for a version of the roster, or for an object of the group. */
struct said {
    size_t author;
    uint64_t seq;
    struct buf roster; /* empty: an object */
    bool heard[NODES];
    bool shut_out[NODES]; /* whom its author counted as removed, or never in it, when it spoke */
};

static struct group groups[NODES];
static bool knows[NODES];
static struct said said[SAID];
static size_t said_count;
static struct buf first;

static const uint8_t *id_of(const struct world *world, size_t node) { return world->nodes[node].identity.agency_id; }

/* Publishes to those whom `here` counts as members, and (of a roster) to those whom it has just removed. */
static void say(struct world *world, size_t node, struct bytes roster, const struct roster *before) {
    uint32_t readers[NODES];
    size_t count = 0;
    enum err err;
    if (said_count == SAID) return;
    struct said *now = &said[said_count];
    *now = (struct said){.author = node};
    for (uint32_t i = 0; i < NODES; i++) {
        bool member = group_place(&groups[node], id_of(world, i)) == ROSTER_MEMBER;
        bool leaves = before && roster_place(before, id_of(world, i)) == ROSTER_MEMBER;
        now->shut_out[i] = !member && !leaves;
        if (i != node && (member || leaves)) readers[count++] = i;
    }
    if (count == 0) return;
    now->seq = world_publish_to(world, node, readers, count, CARRIAGE_RELAY, 200, &err);
    if (now->seq == 0) return;
    buf_put(&now->roster, roster);
    now->heard[node] = true;
    said_count++;
}

/* As a node does: an admin says again to newcomers what it has signed of the past. */
static void say_past(struct world *world, size_t node, const struct roster *before) {
    const struct group_version *versions[LIMIT_GROUP_VERSIONS];
    uint32_t readers[NODES];
    size_t reader_count = 0;
    enum err err;
    for (uint32_t i = 0; i < NODES; i++) {
        bool member = roster_place(&groups[node].roster, id_of(world, i)) == ROSTER_MEMBER;
        if (i != node && member && roster_place(before, id_of(world, i)) != ROSTER_MEMBER) readers[reader_count++] = i;
    }
    size_t count = reader_count > 0 ? group_signed(&groups[node], id_of(world, node), versions) : 0;
    for (size_t i = 0; i < count && said_count < SAID; i++) {
        struct said *now = &said[said_count];
        *now = (struct said){.author = node};
        now->seq = world_publish_to(world, node, readers, reader_count, CARRIAGE_RELAY, 200, &err);
        if (now->seq == 0) continue;
        buf_put(&now->roster, bytes_of_buf(&versions[i]->bytes));
        now->heard[node] = true;
        said_count++;
    }
}

/* What a node can read by now, it takes; in the order of logs, which is not the order in which things were said. */
static void hear(struct world *world, size_t node) {
    for (size_t i = 0; i < said_count; i++) {
        struct said *each = &said[i];
        if (each->heard[node] || !world_reads(world, node, each->author, each->seq)) continue;
        each->heard[node] = true;
        if (each->shut_out[node]) fail_msg("node %zu reads what node %zu said behind its back", node, each->author);
        if (each->roster.size == 0) continue;
        if (!knows[node]) assert_int_equal(group_open(&groups[node], bytes_of_buf(&first)), OK);
        knows[node] = true;
        struct roster before = groups[node].roster;
        enum err err = group_take(&groups[node], id_of(world, each->author), bytes_of_buf(&each->roster));
        assert_true(err == OK || err == ERR_EXISTS || err == ERR_LIMIT);
        if (err == OK && world_may_publish(world, node)) say_past(world, node, &before);
    }
}

static void begin(struct world *world) {
    struct roster roster = {.version = 1, .time_ms = world_wall_ms(world, 0), .ceiling = TLP_RED, .threshold = 1};
    strcpy(roster.name, "nightfall");
    for (size_t i = 0; i < ADMINS; i++) {
        memcpy(roster.admins[roster.admin_count++], id_of(world, i), AGENCY_ID_BYTES);
        assert_int_equal(roster_add(&roster, id_of(world, i)), OK);
    }
    memcpy(roster.originator, id_of(world, 0), AGENCY_ID_BYTES);
    memcpy(roster.lead, id_of(world, 0), AGENCY_ID_BYTES);
    buf_clear(&first);
    assert_int_equal(roster_encode(&first, &roster), OK);
    assert_int_equal(group_open(&groups[0], bytes_of_buf(&first)), OK);
    knows[0] = true;
    said_count = 0;
    say(world, 0, bytes_of_buf(&first), NULL);
}

/* An admin adds or removes somebody, as it knows the group. */
static void change(struct world *world, size_t node, size_t who) {
    struct roster next, before = groups[node].roster;
    struct buf bytes = {0};
    uint64_t now_ms = world_wall_ms(world, node);
    group_next(&groups[node], &next, now_ms);
    bool member = roster_place(&next, id_of(world, who)) == ROSTER_MEMBER;
    enum err err = member ? roster_remove(&next, id_of(world, who)) : roster_add(&next, id_of(world, who));
    if (err == OK) err = roster_encode(&bytes, &next);
    if (err == OK && group_take(&groups[node], id_of(world, node), bytes_of_buf(&bytes)) == OK) {
        say(world, node, bytes_of_buf(&bytes), &before);
        say_past(world, node, &before);
    }
    buf_free(&bytes);
}

static void disturb(struct world *world, struct random *random) {
    size_t a = random_below(random, NODES), b = random_below(random, NODES);
    if (random_below(random, 2))
        random_below(random, 2) ? world_split(world, 1) : world_heal(world); /* the admins are parted */
    else if (a != b)
        world_cut(world, a, b, random_below(random, 3) != 0);
}

static void step(struct world *world, struct random *random) {
    size_t node = random_below(random, NODES);
    for (size_t i = 0; i < NODES; i++) hear(world, i);
    if (!knows[node] || !world_may_publish(world, node)) return;
    if (node < ADMINS && random_below(random, 2))
        change(world, node, ADMINS + random_below(random, NODES - ADMINS));
    else if (group_place(&groups[node], id_of(world, node)) == ROSTER_MEMBER)
        say(world, node, bytes_of(NULL, 0), NULL);
}

static void end(struct world *world) {
    for (size_t i = 0; i < said_count; i++) buf_free(&said[i].roster);
    for (size_t i = 0; i < NODES; i++) {
        if (knows[i]) group_free(&groups[i]);
        knows[i] = false;
    }
    buf_free(&first);
    story_end(world);
}

/* Members come and go while lines break: nobody ever reads what was said after its author had heard of its removal, and once the mesh is
   whole all who are in it hold one roster, and what is said then reaches exactly them. */
static void members_come_and_go(void **state) {
    struct world *world = &story_world;
    (void)state;
    for (uint8_t seed = 0; seed < 12; seed++) {
        uint8_t key[RANDOM_SEED_BYTES] = {seed};
        struct random random;
        random_init_seed(&random, key);
        world_mesh(world, 900 + seed, NODES);
        world_run(world, 20 * SECONDS);
        begin(world);
        for (size_t i = 0; i < 40; i++) {
            if (random_below(&random, 3) == 0) disturb(world, &random);
            world_run(world, random_below(&random, 4 * SECONDS));
            step(world, &random);
        }
        world_heal(world);
        assert_true(world_run_until(world, check_converged, 5 * MINUTES));
        /* What is said again on hearing is heard, too. */
        for (size_t round = 0; round < 4; round++) {
            for (size_t i = 0; i < NODES; i++) hear(world, i);
            world_run(world, 30 * SECONDS);
        }
        for (size_t i = 0; i < NODES; i++) {
            bool member = group_place(&groups[0], id_of(world, i)) == ROSTER_MEMBER;
            if (member) assert_memory_equal(groups[i].hash, groups[0].hash, HASH_BYTES);
        }
        size_t last = said_count;
        say(world, 1, bytes_of(NULL, 0), NULL);
        world_run(world, 60 * SECONDS);
        for (size_t i = 0; i < NODES && last < said_count; i++)
            assert_int_equal(i == 1 || world_reads(world, i, 1, said[last].seq),
                             group_place(&groups[0], id_of(world, i)) == ROSTER_MEMBER);
        end(world);
    }
}

int test_groups(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(members_come_and_go)};
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
