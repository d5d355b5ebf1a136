/* log_event: the lines of the log that operators watch for, each with an id that never changes and stands in every such line: in
   brackets in front of the text, or as "event" in JSON. deploy/OPERATIONS.md says what to do on each; a test holds the two together.
   An id may be added; one that is there is neither renamed nor given another meaning. */
#ifndef NODE_LOG_EVENT_H
#define NODE_LOG_EVENT_H

#include "node/process/log.h"

/* X(NAME, id, level, what it says) */
#define LOG_EVENTS(X)                                                                                                              \
    /* this node */                                                                                                                \
    X(NODE_RUNNING, "node.running", INFO, "all processes are ready")                                                               \
    X(NODE_STOPPING, "node.stopping", INFO, "a signal asked the node to stop")                                                     \
    X(NODE_FATAL, "node.fatal", FATAL, "a process cannot go on, and the node ends")                                                \
    X(ROLE_RESTART, "role.restart", WARN, "a process ended and is started again")                                                  \
    X(NODE_SILENCED, "node.silenced", INFO, "most links fell silent at once: this node was stopped or cut off")                    \
    X(NODE_REVOKED, "node.revoked", WARN, "this node was revoked by its own agency")                                               \
    X(NODE_REPLAYING, "node.replaying", WARN, "restored from a backup: shows nothing until the recalls since then are here")       \
    X(NODE_REPLAYED, "node.replayed", INFO, "the recalls since the backup are here: objects are shown again")                      \
    X(CERTIFICATE_ENDING, "certificate.ending", WARN, "the node's certificate ends soon and nothing here can renew it")            \
    X(CERTIFICATE_RENEWED, "certificate.renewed", INFO, "the node's certificate was renewed")                                      \
    X(CERTIFICATE_FAILED, "certificate.failed", WARN, "the node's certificate could not be renewed")                               \
    X(PREKEY_NEW, "prekey.new", INFO, "a new prekey was published")                                                                \
    /* links and partners */                                                                                                       \
    X(LINK_UP, "link.up", INFO, "a link to a partner's node opened")                                                               \
    X(LINK_DOWN, "link.down", INFO, "an open link to a partner's node ended")                                                      \
    X(LINK_REFUSED, "link.refused", WARN, "a partner's node was not let in")                                                       \
    X(PEER_CUT, "peer.cut", WARN, "a partner's node did what no honest one does: its link was cut")                                \
    X(NET_FULL, "net.full", WARN, "no more connections, or links, are accepted until some end")                                    \
    X(PEER_QUOTA, "peer.quota", WARN, "a partner reached its payload quota: its new payloads are not fetched")                     \
    X(ENTRY_FUTURE, "entry.future", WARN, "an entry is dated in the future: a clock is wrong, here or there")                      \
    X(LOG_FORKED, "log.forked", WARN, "a partner's node signed two histories: its log is frozen")                                  \
    X(LOG_FORKED_OWN, "log.forked-own", WARN, "this node's key signed two histories: it publishes nothing more")                   \
    X(AGENCY_SPLIT, "agency.split", WARN, "an agency's root keys signed two chains: nothing is sealed to it")                      \
    X(BLOCK_UNREADABLE, "block.unreadable", WARN, "what is addressed to this node cannot be read")                                 \
    /* recall */                                                                                                                   \
    X(RECALL_ASKED, "recall.asked", INFO, "a local user recalled objects of this node")                                            \
    X(RECALL_WITHDRAWN, "recall.withdrawn", INFO, "a recalled block is shown to nobody here any more")                             \
    X(RECALL_ERASED, "recall.erased", INFO, "recalled blocks are out of all files here")                                           \
    X(RECALL_COMPLETE, "recall.complete", INFO, "every reader has erased a block that this node recalled")                         \
    X(RECALL_OVERDUE, "recall.overdue", WARN, "readers have not erased a block a day after this node recalled it")                 \
    X(RECALL_FAILED, "recall.failed", WARN, "a recall, or its receipt, could not be carried out")                                  \
    /* publishing */                                                                                                               \
    X(POLICY_REFUSED, "policy.refused", WARN, "objects of a publication were refused by the policy")                               \
    X(OUTBOX_DROPPED, "outbox.dropped", WARN, "what waited in the outbox lost recipients or objects")                              \
    /* disk */                                                                                                                     \
    X(DISK_LOW, "disk.low", WARN, "the file system of the node's directory is nearly full")                                        \
    X(STORE_FAILED, "store.failed", FATAL, "a write or sync failed: nothing more is acknowledged, and the node ends")              \
    X(STORE_DAMAGED, "store.damaged", WARN, "something stored cannot be read")                                                     \
    /* people */                                                                                                                   \
    X(ADMIN_ACT, "admin.act", INFO, "a local user changed something; the ledger has its row")                                      \
    X(CONTROL_REFUSED, "control.refused", WARN, "a local process was refused at the control socket")                               \
    X(TOKENS_BAD, "tokens.bad", WARN, "the file of tokens cannot be used: no token is accepted")                                   \
    X(WEB_LOST, "web.lost", WARN, "the web process lost the engine, and is started again")                                         \
    X(CLIENTS_BAD, "clients.bad", WARN, "the file of the live feed's clients cannot be used: nobody is let in")                    \
    X(LIVE_LOST, "live.lost", WARN, "the process of the live feed lost the engine, and is started again")                          \
    X(LIVE_LOSSY, "live.lossy", WARN, "the lossy publisher of the live feed is on")                                                \
    X(HOOK_FAILED, "hook.failed", WARN, "a hook's program failed, or its file could not be written; it is tried again")            \
    X(HOOK_WORKS, "hook.works", INFO, "a hook that had failed works again")                                                        \
    X(CONSUMER_ANEW, "consumer.anew", INFO, "what a token, key or hook may have has changed: its consumers begin anew")            \
    X(CONSUMERS_ANEW, "consumers.anew", INFO, "what may be shown has changed: consumers are told to forget what they have")

enum log_event {
    LOG_EVENT_NONE, /* a line for people only */
#define LOG_EVENT_ENUM(name, id, level, text) LOG_##name,
    LOG_EVENTS(LOG_EVENT_ENUM)
#undef LOG_EVENT_ENUM
        LOG_EVENT_COUNT
};

/* "link.up"; null for LOG_EVENT_NONE and beyond the table. */
const char *log_event_id(enum log_event event);
const char *log_event_text(enum log_event event);
enum log_level log_event_level(enum log_event event);

/* What a program wants to know beside the text: "text" when it is not null, else the number. A list ends with a null name. */
struct log_field {
    const char *name; /* of our own: a-z and _ */
    const char *text;
    uint64_t number;
};
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {0}})
#define LOG_TEXT(NAME, VALUE)                                                                                                      \
    { .name = (NAME), .text = (VALUE) }
#define LOG_NUMBER(NAME, VALUE)                                                                                                    \
    { .name = (NAME), .number = (VALUE) }

/* Writes the line at the event's level. The event's number is counted in any case, whatever the level of the log. `fields` may be
   null. */
void log_event(enum log_event event, const struct log_field *fields, const char *format, ...) __attribute__((format(printf, 3, 4)));
void log_event_list(enum log_event event, const struct log_field *fields, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Without a line: it was said so often that one more says nothing. */
void log_event_silent(enum log_event event);

/* How often it happened in this process, from any thread. */
uint64_t log_event_happened(enum log_event event);

#endif
