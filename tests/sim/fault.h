/* fault: the classes of what can go wrong, by the names that --off takes. reliability.md section 4 */
#ifndef TESTS_SIM_FAULT_H
#define TESTS_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define FAULTS(X)                                                                                                                  \
    X(loss, "full queues drop up to 30 % of all messages")                                                                         \
    X(delay, "5 ms to 2 s on every link")                                                                                          \
    X(duplicate, "up to half of all messages come again, up to 5 s later")                                                         \
    X(reset, "connections break and lose what is under way")                                                                       \
    X(cut, "two nodes cannot reach each other, in both directions or in one")                                                      \
    X(partition, "halves, one node alone, one neighbour left, a line that flaps")                                                  \
    X(slow, "lines of a few KB/s")                                                                                                 \
    X(crash, "a node, or half of them, stops and comes back")                                                                      \
    X(step, "a crash between two actions of one step")                                                                             \
    X(recovery, "a crash during the start")                                                                                        \
    X(pause, "a process stands still")                                                                                             \
    X(wipe, "a store is lost whole")                                                                                               \
    X(restore, "an old copy of a whole disk comes back")                                                                           \
    X(unsynced, "some of the writes that were not synced survive a crash")                                                         \
    X(lie, "a disk calls synced what is not")                                                                                      \
    X(eio, "a write fails")                                                                                                        \
    X(space, "no space is left for a minute")                                                                                      \
    X(rot, "bits of records rot")                                                                                                  \
    X(skew, "clocks stand up to ten minutes off")                                                                                  \
    X(jump, "clocks jump by a day")                                                                                                \
    X(memory, "allocations fail")                                                                                                  \
    X(version, "entries of a later version")                                                                                       \
    X(trust, "chains grow, nodes are revoked, agencies unpinned and pinned again")                                                 \
    X(sparse, "not everybody trusts everybody")                                                                                    \
    X(quota, "payloads are held up to a small quota")                                                                              \
    X(hostile, "members misbehave")                                                                                                \
    X(sharing, "groups change, agreements end, and policies decide who reads")

#define FAULT_ROW(name, text) FAULT_##name,
enum fault { FAULTS(FAULT_ROW) FAULT_COUNT };
#undef FAULT_ROW

#define FAULT_NONE FAULT_COUNT

const char *fault_name(enum fault fault);
const char *fault_text(enum fault fault);
/* A list of names with commas between them, as a set of bits; false when one is unknown. */
bool faults_read(uint32_t *out, const char *text);

#endif
