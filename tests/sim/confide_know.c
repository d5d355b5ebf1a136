#include "tests/sim/confide.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What nodes hear: a block says nothing to a node until its disk holds it and one of its keys opens the epoch. */

static uint32_t bit(size_t node) { return 1u << node; }

bool confide_knows(const struct confide_club *club, size_t node) { return club->known[node] || club->told[node] > 0; }

/* As a node does with what it has read: the first version opens the group, each later one is taken as its author's. Who is to hear one
   hears those before it with it. */
void confide_take(struct world *world, size_t node, struct confide_club *club, size_t version) {
    const struct confide_version *now = &club->versions[version];
    enum err err;
    if (club->heard[node] & bit(version)) return;
    if (now->previous != version) confide_take(world, node, club, now->previous);
    if (!club->known[node]) {
        club->known[node] = calloc(1, sizeof *club->known[node]);
        assert(club->known[node]);
        err = group_open(club->known[node], bytes_of_buf(&now->bytes));
    } else {
        err = group_take(club->known[node], world->nodes[now->by].identity.agency_id, bytes_of_buf(&now->bytes));
    }
    assert(err == OK || err == ERR_EXISTS);
    club->heard[node] |= bit(version);
    uint32_t before = version == now->previous ? 0 : club->versions[now->previous].members;
    if (node != now->by && (now->removed & before)) world_hit(world, member_removed_seen);
    if (club->known[node]->contested_count > 0) world_hit(world, member_contested);
}

static bool reads(const struct world *world, size_t node, const struct confide_said *said) {
    const uint8_t *author = world->nodes[said->author].identity.node_id;
    const struct ledger_row *row = ledger_find(&world->ledger, said->author, said->seq);
    const struct disk *disk = &world->nodes[node].disk;
    return (said->openers & bit(node)) && row && memcmp(row->id, said->id, HASH_BYTES) == 0 &&
           disk_payload_here(disk, author, said->seq) && disk_entry(disk, author, said->epoch_seq);
}

void confide_hear(struct world *world, size_t node) {
    struct confide *confide = world->confide;
    for (size_t i = 0; i < confide->said_count; i++) {
        struct confide_said *said = &confide->said[i];
        struct confide_club *club = &confide->clubs[said->club];
        if ((said->heard & bit(node)) || !reads(world, node, said)) continue;
        said->heard |= bit(node);
        switch (said->kind) {
        case CONFIDE_VERSION: confide_take(world, node, club, said->what); break;
        case CONFIDE_STANDING:
            if (club->told[node] > said->what) break; /* it was told of a later one */
            club->told[node] = said->what + 1;
            club->told_member[node] = club->versions[said->what].members & bit(node);
            break;
        case CONFIDE_END: {
            size_t a = node < said->author ? node : said->author, b = node < said->author ? said->author : node;
            confide->pacts[a][b].ended |= bit(node);
            break;
        }
        case CONFIDE_OBJECT: break;
        }
    }
}

/* Of a hidden group a member knows the admins and its own place. */
enum roster_place confide_place(const struct world *world, size_t node, const struct confide_club *club, size_t who) {
    if (club->known[node]) return group_place(club->known[node], world->nodes[who].identity.agency_id);
    if (club->told[node] == 0) return ROSTER_NEVER;
    if (who == node) return club->told_member[node] ? ROSTER_MEMBER : ROSTER_REMOVED;
    return who == club->admins[0] || who == club->admins[1] ? ROSTER_MEMBER : ROSTER_NEVER;
}
