/* situation: what must have happened somewhere in a gate run: a fault that never occurs, or a path that is never taken, is noticed. */
#ifndef TESTS_SIM_SITUATION_H
#define TESTS_SIM_SITUATION_H

#include <stdint.h>

/* name, what it says */
#define SITUATIONS(X)                                                                                                              \
    X(message_lost, "a full queue dropped a message, and the transport said so")                                                   \
    X(message_lost_silently, "a message went into a connection that was dead already")                                             \
    X(message_again, "an old message was delivered again")                                                                         \
    X(tail_lost, "a reset lost what was under way")                                                                                \
    X(cut_one_way, "messages passed in one direction only")                                                                        \
    X(partition_healed, "halves of the mesh met again")                                                                            \
    X(node_isolated, "one node was alone")                                                                                         \
    X(link_flapped, "a line went up and down every few seconds")                                                                   \
    X(eclipsed, "a node had one neighbour left")                                                                                   \
    X(line_slow, "a line of a few KB/s")                                                                                           \
    X(dial_refused, "a dial found nobody, or was not welcome")                                                                     \
    X(dial_mutual, "two nodes dialled each other at once")                                                                         \
    X(crash_idle, "a crash between two events")                                                                                    \
    X(crash_in_step, "a crash between two actions of one step")                                                                    \
    X(crash_in_recovery, "a crash during the start")                                                                               \
    X(half_crashed, "half of the nodes were down at once")                                                                         \
    X(paused, "a process stood still and went on")                                                                                 \
    X(wiped, "a store was lost whole")                                                                                             \
    X(own_log_fetched, "a node got entries of its own log back from others")                                                       \
    X(publish_held, "a node did not publish while it did not know where its log ends")                                             \
    X(publish_behind, "a node did not publish while others held more of its log than it did")                                      \
    X(snapshot_restored, "an old copy of a whole disk came back")                                                                  \
    X(write_lost, "a crash lost writes that were not synced")                                                                      \
    X(write_survived, "a crash left a write that was not synced")                                                                  \
    X(disk_lied, "a crash lost writes that the disk had called synced")                                                            \
    X(disk_failed, "a write failed, and the node stopped")                                                                         \
    X(disk_full, "no space was left, and the node stopped")                                                                        \
    X(record_rotted, "bits of a record rotted")                                                                                    \
    X(memory_failed, "an allocation failed, and the node stopped")                                                                 \
    X(clock_skewed, "a clock stood ten minutes off")                                                                               \
    X(clock_jumped, "a clock jumped by a day")                                                                                     \
    X(entry_of_later_version, "an entry of a type of a later version passed through")                                              \
    X(entry_from_future, "an entry dated ahead was taken and flagged")                                                             \
    X(chain_grew, "an agency's chain became longer and spread")                                                                    \
    X(node_revoked, "a node was revoked and cut off")                                                                              \
    X(hostile_revoked, "a misbehaving member was revoked while it misbehaved")                                                     \
    X(agency_unpinned, "an agency was unpinned while its links lived")                                                             \
    X(agency_pinned_older, "and pinned again with an older card")                                                                  \
    X(prekey_rotated, "a new prekey was published")                                                                                \
    X(payload_inline, "a small payload rode along with its entry")                                                                 \
    X(payload_pulled, "a payload was asked for and given")                                                                         \
    X(payload_refused, "a payload was asked for and not given")                                                                    \
    X(payload_direct, "a direct payload reached its reader")                                                                       \
    X(range_fetched, "entries came as a range")                                                                                    \
    X(range_streamed, "entries of several logs came as a stream")                                                                  \
    X(sums_sent, "many logs were compared by sums")                                                                                \
    X(announced, "a new entry was announced instead of pushed")                                                                    \
    X(graft_sent, "an announced entry did not come by itself and was asked for")                                                   \
    X(prune_sent, "a link that brought one copy too many was told so")                                                             \
    X(tags_sent, "two nodes that trust different sets found out what they share")                                                  \
    X(broken_answer, "a promise was broken")                                                                                       \
    X(push_dropped, "a full link got no push")                                                                                     \
    X(quota_hit, "a quota of payloads was reached")                                                                                \
    X(fork_seen, "two entries at one number were seen")                                                                            \
    X(fork_proof, "a proof of a fork came, and its log was frozen")                                                                \
    X(branch_dropped, "a branch of a fork that a cut does not name was dropped")                                                   \
    X(peer_refused, "a misbehaving peer was refused for an hour")                                                                  \
    X(version_refused, "a HELLO of another version came")                                                                          \
    X(head_invented, "a peer claimed a head that does not exist")                                                                  \
    X(stranger_refused, "an unknown key was shown the door")                                                                       \
    X(trust_sparse, "not everybody trusted everybody")                                                                             \
    X(core_tree, "the healed core was no full mesh")                                                                               \
    X(member_removed_seen, "a node heard that another one removed a member")                                                       \
    X(member_contested, "two versions of a roster contradicted each other about a member")                                         \
    X(member_added_with_history, "a newcomer joined a group that gives its history")                                               \
    X(sealed_after_removal_refused, "nothing was sealed to a removed member")                                                      \
    X(third_party_bound, "a member that is no admin was bound by a removal that it heard of")                                      \
    X(group_published, "an object went to members of its group")                                                                   \
    X(group_unknown_refused, "an object of a group that is not known here went nowhere")                                           \
    X(group_ceiling_held, "an object above its group's ceiling went nowhere")                                                      \
    X(group_ended, "an object of a group that is over went nowhere")                                                               \
    X(hidden_passed_on, "an admin of a hidden group passed on what a member said")                                                 \
    X(history_given, "a newcomer got what was said before it")                                                                     \
    X(history_withheld, "a newcomer did not get what was said before it")                                                          \
    X(agreement_ended, "an agreement was ended")                                                                                   \
    X(agreement_refused, "a clause, or the want of an agreement, kept an object back")                                             \
    X(reshare_refused, "an object was not passed on without its author's permission")                                              \
    X(revoked_not_sealed_to, "nothing was sealed to a revoked node")                                                               \
    X(real_signatures, "real signatures were made and checked")

#define SITUATION_ROW(name, text) SITUATION_##name,
enum situation { SITUATIONS(SITUATION_ROW) SITUATION_COUNT };
#undef SITUATION_ROW

struct situations {
    uint64_t counts[SITUATION_COUNT];
};

const char *situation_name(enum situation situation);
const char *situation_text(enum situation situation);
void situations_add(struct situations *sum, const struct situations *more);

#endif
