#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/engine/figures_consumers.h"
#include "node/formats/figures.h"
#include "node/version.h"

#include <stdlib.h>
#include <string.h>

/* The engine's figures, for /metrics and `comity top`. No object is looked at: the policy's exit "metrics" lets none through. Labels come
   from sets of a fixed size: rules, events, roles, the petnames of at most FIGURES_AGENCIES_MAX pinned agencies, and the operator's names of at most
   FIGURES_SUBSCRIPTIONS_MAX subscriptions and HOOKS_MAX hooks. */

#define FIGURES_AGENCIES_MAX 256

/* --- one pass over the logs: of all, and of each agency --- */

struct agency_sums {
    uint64_t behind, missing, linked, nodes, misdeeds;
    bool frozen;
};
struct sums {
    struct agency_sums all;
    uint64_t frozen, pathless, missing_direct, refused, nodes_refused;
    uint64_t own_head;
    struct agency_sums agencies[LIMIT_AGENCIES];
};

static size_t agency_index(const struct engine *engine, const uint8_t *agency_id, size_t hint) {
    size_t count = gossip_agency_count(engine->gossip);
    for (size_t i = 0; i < count; i++) {
        size_t at = (hint + i) % count; /* logs of one agency follow each other */
        if (memcmp(gossip_agency(engine->gossip, at)->id, agency_id, AGENCY_ID_BYTES) == 0) return at;
    }
    return LIMIT_AGENCIES;
}

static void add(struct agency_sums *to, const struct gossip_log_view *log, const struct gossip_peer_view *peer) {
    to->behind += log->head_heard > log->head ? log->head_heard - log->head : 0;
    to->missing += log->missing;
    to->linked += peer->linked;
    to->nodes++;
    to->misdeeds += peer->misdeeds;
    to->frozen |= log->frozen;
}

static void sums_make(const struct engine *engine, struct sums *out) {
    uint64_t now_ms = clock_monotonic_ms();
    size_t hint = 0;
    for (size_t i = 0; i < gossip_log_count(engine->gossip); i++) {
        struct gossip_log_view log;
        struct gossip_peer_view peer;
        gossip_log_view(engine->gossip, i, &log);
        gossip_peer_view(engine->gossip, i, &peer);
        add(&out->all, &log, &peer);
        size_t index = agency_index(engine, log.agency_id, hint);
        if (index < LIMIT_AGENCIES) add(&out->agencies[index], &log, &peer), hint = index;
        out->frozen += log.frozen;
        out->pathless += log.pathless && !log.own && !log.linked;
        out->missing_direct += log.missing_direct;
        out->refused += log.refused;
        out->nodes_refused += now_ms < peer.refused_until_ms;
        if (log.own && peer.self) out->own_head = log.head_durable;
    }
}

/* --- families --- */

static void gauge(struct figures *out, const char *name, const char *help, uint64_t value) {
    figures_one(out, FIGURE_GAUGE, name, help, value);
}

static void counter(struct figures *out, const char *name, const char *help, uint64_t value) {
    figures_one(out, FIGURE_COUNTER, name, help, value);
}

static void node_put(struct engine *engine, struct figures *out) {
    const struct agency_node *self = agency_node_find(gossip_agency(engine->gossip, 0), engine->node_id);
    const struct prekey *prekey = gossip_prekey(engine->gossip, engine->node_id);
    const char *why = NULL;
    figures_family(out, FIGURE_GAUGE, "comity_build_info", "The version of this node, as a label.");
    figures_put(out, "version", COMITY_VERSION, 1);
    gauge(out, "comity_publishing", "1 when publications are accepted, into the log or into the outbox.",
          publisher_accepts(engine, &why));
    gauge(out, "comity_log_writable", "1 when what is published goes into the log at once.", publisher_open(engine, &why));
    gauge(out, "comity_showing", "0 while a restored node waits for the recalls since its backup and shows nothing.",
          !engine->replaying);
    gauge(out, "comity_caught_up", "1 when everything that was heard of is here.", gossip_caught_up(engine->gossip));
    gauge(out, "comity_revoked", "1 when this node was revoked by its agency.", self && self->revoked);
    gauge(out, "comity_certificate_expiry_timestamp_seconds", "When this node's certificate ends.",
          self ? self->not_after_ms / 1000 : 0);
    gauge(out, "comity_prekey_expiry_timestamp_seconds", "When partners can no longer seal to this node's newest prekey.",
          prekey ? (prekey->created_ms + PREKEY_SEAL_MS) / 1000 : 0);
    gauge(out, "comity_start_timestamp_seconds", "When the engine started.", engine->started_ms / 1000);
    figures_family(out, FIGURE_COUNTER, "comity_role_restarts_total", "Processes that ended by themselves and were started again.");
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) figures_put(out, "role", role_name(role), engine->tallies.restarts[role]);
}

static void links_put(const struct engine *engine, struct figures *out, const struct sums *sums) {
    uint64_t in = 0, outward = 0, splits = 0, memory = 0;
    for (size_t i = 0; i < gossip_link_count(engine->gossip); i++) {
        struct gossip_link_view view;
        gossip_link_view(engine->gossip, i, &view);
        in += view.open && !view.outbound;
        outward += view.open && view.outbound;
        memory += view.charge;
    }
    for (size_t i = 0; i < gossip_agency_count(engine->gossip); i++) splits += gossip_agency_split(engine->gossip, i);
    figures_family(out, FIGURE_GAUGE, "comity_links", "Open links to partners' nodes, by who dialled.");
    figures_put(out, "direction", "in", in);
    figures_put(out, "direction", "out", outward);
    gauge(out, "comity_links_memory_bytes", "Memory charged to links.", memory);
    gauge(out, "comity_agencies_pinned", "Agencies that are trusted here.", gossip_agency_count(engine->gossip) - 1);
    gauge(out, "comity_agencies_split", "Agencies whose root keys signed two chains.", splits);
    gauge(out, "comity_nodes", "Nodes of trusted agencies, this one included.", sums->all.nodes);
    gauge(out, "comity_nodes_linked", "Those with an open link.", sums->all.linked);
    gauge(out, "comity_nodes_refused", "Those that are not let in for what they did.", sums->nodes_refused);
    counter(out, "comity_net_received_bytes_total", "Bytes from the mesh.", engine->net_bytes_in);
    counter(out, "comity_net_sent_bytes_total", "Bytes to the mesh.", engine->net_bytes_out);
    counter(out, "comity_net_strangers_refused_total", "Connections without a trusted key.", engine->net_refused);
    counter(out, "comity_net_cut_total", "Connections cut by the network process for what no honest peer does.", engine->net_cut);
}

static void logs_put(const struct engine *engine, struct figures *out, const struct sums *sums) {
    uint64_t forgotten, since_ms = 0;
    size_t direct = gossip_direct_count(engine->gossip, &forgotten);
    struct gossip_direct_view oldest;
    if (direct > 0) gossip_direct_view(engine->gossip, 0, &oldest), since_ms = clock_monotonic_ms() - oldest.since_ms;
    gauge(out, "comity_logs", "Logs that are carried.", sums->all.nodes);
    gauge(out, "comity_logs_frozen", "Logs in which two entries contradict each other.", sums->frozen);
    gauge(out, "comity_logs_pathless", "Logs to which no link leads.", sums->pathless);
    gauge(out, "comity_own_head", "The number of this node's last durable entry.", sums->own_head);
    gauge(out, "comity_entries_behind", "Entries that peers have and this node has not yet.", sums->all.behind);
    gauge(out, "comity_payloads_missing", "Payloads that are wanted and not here yet.", sums->all.missing);
    gauge(out, "comity_payloads_missing_direct", "Those of them that only their author gives.", sums->missing_direct);
    gauge(out, "comity_payloads_refused", "Payloads not asked for: over the quota of their agency.", sums->refused);
    gauge(out, "comity_direct_pending", "Own direct blocks that some reader has not acknowledged.", direct);
    figures_family(out, FIGURE_GAUGE, "comity_direct_pending_age_seconds", "How long the oldest of them waits.");
    figures_put_decimals(out, since_ms, 3);
}

static void agencies_put(const struct engine *engine, struct figures *out, const struct sums *sums) {
    static const struct {
        const char *name, *help;
        enum figure_type type;
        size_t offset;
    } families[] = {
        {"comity_agency_nodes_linked", "Nodes of this agency with an open link.", FIGURE_GAUGE,
         offsetof(struct agency_sums, linked)},
        {"comity_agency_entries_behind", "Entries of this agency that peers have and this node has not yet.", FIGURE_GAUGE,
         offsetof(struct agency_sums, behind)},
        {"comity_agency_payloads_missing", "Payloads of this agency that are wanted and not here yet.", FIGURE_GAUGE,
         offsetof(struct agency_sums, missing)},
        {"comity_agency_misdeeds_total", "What nodes of this agency did that no network fault explains.", FIGURE_COUNTER,
         offsetof(struct agency_sums, misdeeds)},
    };
    size_t count = gossip_agency_count(engine->gossip), told = count < FIGURES_AGENCIES_MAX ? count : FIGURES_AGENCIES_MAX;
    for (size_t family = 0; family < sizeof families / sizeof *families; family++) {
        figures_family(out, families[family].type, families[family].name, families[family].help);
        for (size_t i = 1; i < told; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&sums->agencies[i] + families[family].offset, sizeof value);
            figures_put(out, "agency", engine_agency_name(engine, gossip_agency(engine->gossip, i)->id), value);
        }
    }
    gauge(out, "comity_agencies_untold", "Agencies without figures of their own here: too many are pinned.", count - told);
}

static void store_put(struct engine *engine, struct figures *out) {
    struct store_counts counts;
    struct histogram times;
    uint64_t cursor = 0, added_us = 0, free_bytes = 0, size_bytes = 0;
    uint8_t hash[HASH_BYTES];
    uint64_t rows = store_disclosure_last(engine->store, hash);
    store_counts(engine->store, &counts);
    store_sync_times(engine->store, &times);
    if (store_newest(engine->store, &cursor, &added_us) != OK) added_us = 0;
    gauge(out, "comity_entries", "Entries of logs held.", counts.entries);
    gauge(out, "comity_payloads", "Sealed payloads held.", counts.payloads);
    gauge(out, "comity_payloads_readable", "Those of them that are addressed to this node.", engine->reader.blocks_read);
    gauge(out, "comity_payloads_damaged", "Those addressed to this node that were not as signed.", engine->reader.blocks_bad);
    gauge(out, "comity_payloads_bytes", "Bytes of payloads.", counts.payload_bytes);
    gauge(out, "comity_objects", "Objects that can be read here, statements of nodes among them.", counts.items);
    gauge(out, "comity_store_bytes", "What the store takes on disk.", counts.disk_bytes);
    gauge(out, "comity_store_pages_damaged", "Pages that could not be read while the index was made.", counts.pages_damaged);
    if (store_disk(engine->store, &free_bytes, &size_bytes)) {
        gauge(out, "comity_disk_free_bytes", "Free where the store stands.", free_bytes);
        gauge(out, "comity_disk_size_bytes", "The size of that file system.", size_bytes);
    }
    gauge(out, "comity_store_commits_pending", "Commits that wait for the disk.", store_pending(engine->store));
    figures_family(out, FIGURE_HISTOGRAM, "comity_store_sync_seconds", "How long writing and syncing a group of commits took.");
    figures_put_histogram(out, &times);
    gauge(out, "comity_newest_cursor", "The number of the newest object.", last_cursor(engine));
    gauge(out, "comity_newest_object_timestamp_seconds", "When the newest object arrived.", added_us / 1000000);
    gauge(out, "comity_ledger_rows", "Rows of the disclosure ledger.", rows);
    gauge(out, "comity_ledger_rows_unsigned", "Those behind its last signed end.", rows - engine->ledger.signed_number);
}

static void publishing_put(const struct engine *engine, struct figures *out) {
    const struct tallies *tallies = &engine->tallies;
    counter(out, "comity_objects_published_total", "Objects of local users that were accepted.", tallies->published);
    counter(out, "comity_objects_known_total", "Objects of local users that had been published before.", tallies->known);
    figures_family(out, FIGURE_COUNTER, "comity_objects_refused_total", "Objects of local users that were refused, by the rule.");
    for (unsigned i = 0; i < TALLIES_RULES_MAX && tallies->rules[i].count > 0; i++)
        figures_put(out, "rule", tallies->rules[i].name, tallies->rules[i].count);
    figures_put(out, "rule", "other", tallies->rules_other);
    gauge(out, "comity_outbox_objects", "Objects that wait until the own log can be written.", engine->outbox.items);
    gauge(out, "comity_outbox_bytes", "Their bytes.", engine->outbox.bytes);
}

static void recalls_put(const struct engine *engine, struct figures *out) {
    const struct tallies *tallies = &engine->tallies;
    struct recall_dues dues = recall_due_count(engine);
    counter(out, "comity_recalls_made_total", "Blocks that this node recalled.", tallies->recalls_made);
    counter(out, "comity_recalls_heard_total", "Blocks that others recalled.", tallies->recalls_heard);
    counter(out, "comity_recalls_completed_total", "Own recalls of blocks that every reader has carried out.",
            tallies->recalls_completed);
    counter(out, "comity_blocks_withdrawn_total", "Recalled blocks that nothing here shows any more.", tallies->blocks_withdrawn);
    counter(out, "comity_objects_withdrawn_total", "Objects in them.", tallies->objects_withdrawn);
    counter(out, "comity_blocks_erased_total", "Recalled blocks that are out of all files here.", tallies->blocks_erased);
    gauge(out, "comity_blocks_erasing", "Recalled blocks that are not out of all files here yet.", engine->recalls.count);
    gauge(out, "comity_recalls_waiting", "Own recalled blocks that some reader has not erased.", dues.waiting);
    gauge(out, "comity_recalls_overdue", "Those that wait for more than a day.", dues.overdue);
    gauge(out, "comity_receipts_pending", "Receipts for erasures that are missing.", dues.receipts);
    counter(out, "comity_objects_expired_total", "Objects taken out because their time was over.", engine->recalls.items_expired);
    gauge(out, "comity_requests_overdue", "Requests to or of this node past their deadline.",
          inquiry_overdue(engine, clock_wall_ms()));
}

/* What only other processes say would always be 0 here. */
static bool of_engine(enum log_event event) {
    return event != LOG_NODE_RUNNING && event != LOG_NODE_STOPPING && event != LOG_NODE_FATAL && event != LOG_ROLE_RESTART &&
           event != LOG_NET_FULL && event != LOG_WEB_LOST;
}

static void clients_put(const struct engine *engine, struct figures *out) {
    uint64_t clients = 0, feeds = 0;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        clients += engine->clients[i].used;
        feeds += engine->clients[i].used && engine->clients[i].feed.active && engine->clients[i].feed.follow;
    }
    gauge(out, "comity_sessions", "Local clients that are connected.", clients);
    gauge(out, "comity_sessions_following", "Those that follow the feed.", feeds);
    counter(out, "comity_sessions_opened_total", "Local clients that connected.", engine->tallies.sessions);
    counter(out, "comity_questions_total", "Questions of local clients.", engine->tallies.questions);
    figures_family(out, FIGURE_COUNTER, "comity_events_total", "Lines of the engine's log that have an id, by the id.");
    for (int event = LOG_EVENT_NONE + 1; event < LOG_EVENT_COUNT; event++)
        if (of_engine((enum log_event)event))
            figures_put(out, "event", log_event_id((enum log_event)event), log_event_happened((enum log_event)event));
}

void figures_tell(struct engine *engine, struct client *client, const struct frame *frame) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct figures figures = {0};
    struct buf body = {0};
    struct sums *sums = calloc(1, sizeof *sums);
    if (sums) {
        sums_make(engine, sums);
        node_put(engine, &figures);
        links_put(engine, &figures, sums);
        logs_put(engine, &figures, sums);
        agencies_put(engine, &figures, sums);
        store_put(engine, &figures);
        publishing_put(engine, &figures);
        recalls_put(engine, &figures);
        clients_put(engine, &figures);
        figures_consumers(engine, &figures);
    }
    figures_pack(&body, &figures);
    if (!sums || body.failed) {
        server_error(client, frame->tag, ERR_MEMORY, "out of memory");
    } else {
        server_answer(client, FRAME_ANSWER_FIGURES, frame->tag, bytes_of_buf(&body));
        server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&nothing, 1));
    }
    free(sums);
    buf_free(&figures.rows);
    buf_free(&body);
}
