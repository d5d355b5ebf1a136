/* The simulator's stories and seeds. `sim` runs all; `sim SEED` runs that one seed of the random world and prints its story's end;
   COMITY_SIM_SEEDS=N changes how many seeds are run. */
#include "tests/sim/seeds.h"
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
    if (count > 1) {
        struct seeds_result result = seeds_run(&story_world, strtoull(words[1], NULL, 10));
        printf("seed %s: %s; %llu events, %zu entries, %llu ms to converge\n", words[1], result.broken[0] ? result.broken : "good",
               (unsigned long long)result.events, result.entries, (unsigned long long)result.converge_ms);
        return result.broken[0] != 0;
    }
    return test_delivery() + test_absence() + test_confidential() + test_hostile() + test_fork() + test_trust() + test_many() +
           test_seeds();
}
