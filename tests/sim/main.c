/* The simulator. Without arguments: its stories and gate, as TAP. Otherwise

   sim --seed N | --seeds FROM:COUNT [--profile swarm|safety|liveness|hostile|storage|scale|confidential|all] [--nodes N] [--minutes M]
       [--off FAULT,...] [--ops N,N-N,...] [--jobs N] [--seconds S] [--twice] [--hashes] [--no-shrink] [--tell] [--explain] [--situations] [--list] */
#include "tests/sim/campaign.h"
#include "tests/sim/gate.h"
#include "tests/sim/real.h"
#include "tests/sim/story.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

struct world story_world;

void story_end(struct world *world) {
    check_disks(world);
    assert_story(world);
    world_close(world);
}

int main(int count, char **words) {
    if (sodium_init() < 0) return 1;
    if (count > 1) return campaign_main(count, words);
    int failed = 0;
    if (sim_real_signatures)
        failed += test_delivery() + test_absence() + test_confidential() + test_hostile() + test_fork() + test_survive() +
                  test_trust() + test_many() + test_recall() + test_groups() + test_bounds();
    return failed + gate(words[0]);
}
