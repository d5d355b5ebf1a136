#include "node/cmd/status_page.h"

#include "node/cmd/human.h"
#include "node/formats/document.h"
#include "node/formats/moment.h"
#include "node/process/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DIRECT_LATE_S  3600
#define NAMES_BYTES    160
#define LOGS_SHOWN_MAX 20
#define NOTICES_SHOWN  6
#define SAFE_BYTES     400

/* What one pass over the logs finds. */
struct logs {
    struct buf *out; /* of the second pass */
    size_t count, linked, others, frozen, pathless, refused, incomplete, shown;
    uint64_t behind, missing, own_head;
    char frozen_names[NAMES_BYTES], pathless_names[NAMES_BYTES], refused_names[NAMES_BYTES];
};

struct page {
    struct buf *out;
    struct bytes document;
    struct logs logs;
    size_t wrong;
    uint64_t direct_late;
    size_t notice_skip, notice_at;
    uint64_t notice_ms[16];
};

static const char *safe(char out[static SAFE_BYTES], struct bytes text) {
    log_escape(out, SAFE_BYTES, text);
    return out;
}

static uint64_t number(const struct page *page, const char *key) { return document_number(page->document, key); }

/* --- what is wrong --- */

static void wrong(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct page *page, const char *format, ...) {
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (page->wrong++ == 0) buf_put_text(page->out, "WRONG\n");
    buf_put_format(page->out, "  * %s\n", text);
}

static void node_judge(struct page *page) {
    char why[SAFE_BYTES], ago[HUMAN_BYTES];
    uint64_t days = number(page, "certificate_days"), prekey = number(page, "prekey_days");
    bool writes = document_string(page->document, "publishing_reason").size == 0;
    safe(why, document_string(page->document, "publishing_reason"));
    if (!document_flag(page->document, "publishing")) wrong(page, "publications are refused: %s", why);
    if (document_flag(page->document, "publishing") && !writes)
        wrong(page, "what is published waits in the outbox (%llu objects now): %s", (unsigned long long)number(page, "outbox"),
              why);
    if (document_flag(page->document, "revoked")) wrong(page, "this node was revoked by its agency: `comity node add`");
    if (!document_flag(page->document, "showing"))
        wrong(page, "restored from a backup: nothing is shown until a partner has told of the recalls since then");
    if (days < STATUS_PAGE_WARN_DAYS)
        wrong(page, "the certificate of this node ends in %llu days: `comity node renew`", (unsigned long long)days);
    if (prekey < STATUS_PAGE_WARN_DAYS)
        wrong(page, "partners can seal to this node for %llu days more: it publishes a new prekey as soon as it can write its log",
              (unsigned long long)prekey);
    uint64_t ago_s = number(page, "restart_ago_s");
    human_span(ago, ago_s * 1000);
    if (number(page, "restarts") > 0 && ago_s < STATUS_PAGE_RESTART_S)
        wrong(page,
              "processes ended by themselves %llu times, last %s ago, and were started again: the log says why (role.restart)",
              (unsigned long long)number(page, "restarts"), ago);
}

static void mesh_judge(struct page *page) {
    const struct logs *logs = &page->logs;
    if (number(page, "links") == 0 && logs->others > 0)
        wrong(page, "no link to any of %zu other nodes: is the network up, and the port open? `comity peers`", logs->others);
    if (logs->frozen > 0) wrong(page, "frozen, for two entries contradict each other: %s", logs->frozen_names);
    if (number(page, "agencies_split") > 0)
        wrong(page, "%llu agencies signed two chains that contradict each other: pin a compared card anew",
              (unsigned long long)number(page, "agencies_split"));
    if (number(page, "links") > 0 && logs->pathless > 0) wrong(page, "no link leads to the logs of %s", logs->pathless_names);
    if (logs->refused > 0) wrong(page, "over their payload quota, so that new payloads are not fetched: %s", logs->refused_names);
    if (page->direct_late > 0)
        wrong(page, "%llu direct blocks wait for more than an hour for a reader", (unsigned long long)page->direct_late);
}

static void rest_judge(struct page *page) {
    char space[HUMAN_BYTES];
    uint64_t room = number(page, "disk_free_bytes"), size = number(page, "disk_size_bytes");
    human_size(space, room);
    if (size > 0 && (room < 512ull << 20 || (room < 10ull << 30 && room < size / 20)))
        wrong(page, "%s are free where the store stands: the node ends when the disk is full", space);
    if (number(page, "hooks_failing") > 0)
        wrong(page, "%llu of %llu hooks failed last: `comity hook list`", (unsigned long long)number(page, "hooks_failing"),
              (unsigned long long)number(page, "hooks"));
    if (number(page, "payloads_damaged") > 0)
        wrong(page, "%llu payloads addressed to this node cannot be read: `comity verify --with NAME`",
              (unsigned long long)number(page, "payloads_damaged"));
    if (number(page, "recalls_overdue") > 0)
        wrong(page, "%llu recalled blocks are not erased by all readers after a day: `comity recall status OBJECT-ID`",
              (unsigned long long)number(page, "recalls_overdue"));
    if (number(page, "requests_overdue") > 0)
        wrong(page, "%llu requests are past their deadline: `comity request list`",
              (unsigned long long)number(page, "requests_overdue"));
}

/* --- logs --- */

static void name_add(char names[static NAMES_BYTES], struct bytes name) {
    char text[SAFE_BYTES];
    size_t used = strlen(names);
    safe(text, name);
    /* An agency's nodes follow each other: its name stands once. */
    size_t size = strlen(text);
    if (used >= size && strcmp(names + used - size, text) == 0) return;
    if (used + size + 8 < NAMES_BYTES)
        snprintf(names + used, NAMES_BYTES - used, "%s%s", used ? ", " : "", text);
    else if (used >= 3 && strcmp(names + used - 3, "...") != 0)
        snprintf(names + used, NAMES_BYTES - used, ", ...");
}

/* Whoever is linked with the author has a path, though in the first moments nobody has said yet who carries what. */
static bool no_path(struct bytes log) { return document_flag(log, "no_path") && !document_flag(log, "linked"); }

static bool incomplete(struct bytes log) {
    return document_flag(log, "frozen") || document_number(log, "behind") > 0 || document_number(log, "missing") > 0 ||
           document_number(log, "refused") > 0 || no_path(log);
}

static void log_count(void *context, struct bytes log) {
    struct logs *logs = context;
    struct bytes name = document_string(log, "agency");
    bool own = document_flag(log, "own"), frozen = document_flag(log, "frozen"), pathless = no_path(log);
    logs->count++;
    logs->linked += document_flag(log, "linked");
    logs->others += !own;
    logs->behind += document_number(log, "behind");
    logs->missing += document_number(log, "missing");
    logs->frozen += frozen;
    logs->pathless += pathless;
    logs->refused += document_number(log, "refused") > 0;
    logs->incomplete += incomplete(log);
    if (own) logs->own_head = document_number(log, "head");
    if (frozen) name_add(logs->frozen_names, name);
    if (pathless) name_add(logs->pathless_names, name);
    if (document_number(log, "refused") > 0) name_add(logs->refused_names, name);
}

static void log_show(void *context, struct bytes log) {
    struct logs *logs = context;
    char name[SAFE_BYTES], waits[SAFE_BYTES], node[SAFE_BYTES];
    if (!incomplete(log) || logs->shown++ >= LOGS_SHOWN_MAX) return;
    safe(node, document_string(log, "node"));
    node[8] = 0;
    buf_put_format(logs->out, "  %-24s %-8s %10llu %10llu  %s\n", safe(name, document_string(log, "agency")), node,
                   (unsigned long long)document_number(log, "behind"), (unsigned long long)document_number(log, "missing"),
                   safe(waits, document_string(log, "waits")));
}

static void logs_show(struct page *page) {
    if (page->logs.incomplete == 0) return;
    page->logs.out = page->out;
    buf_put_format(page->out, "\nNOT COMPLETE HERE\n  %-24s %-8s %10s %10s  %s\n", "agency", "node", "entries", "payloads", "why");
    document_each(page->document, "logs", log_show, &page->logs);
    if (page->logs.shown > LOGS_SHOWN_MAX)
        buf_put_format(page->out, "  and %zu more: comity status --json\n", page->logs.shown - LOGS_SHOWN_MAX);
}

/* --- direct blocks that wait --- */

static void reader_show(void *context, struct bytes reader) {
    char name[SAFE_BYTES], why[SAFE_BYTES];
    buf_put_format(context, "      %s: %s\n", safe(name, document_string(reader, "agency")),
                   safe(why, document_string(reader, "why")));
}

static void direct_count(void *context, struct bytes block) {
    struct page *page = context;
    page->direct_late += document_number(block, "since_s") > DIRECT_LATE_S;
}

static void direct_show(void *context, struct bytes block) {
    struct page *page = context;
    char span[HUMAN_BYTES];
    human_span(span, document_number(block, "since_s") * 1000);
    buf_put_format(
        page->out, "  entry %llu waits for %llu of %llu readers since %s\n", (unsigned long long)document_number(block, "entry"),
        (unsigned long long)document_number(block, "unacknowledged"), (unsigned long long)document_number(block, "readers"), span);
    document_each(block, "unacknowledged_by", reader_show, page->out);
}

/* --- notices --- */

static void notice_time(void *context, struct bytes value) {
    struct page *page = context;
    struct pack_reader reader = pack_reader_of(value);
    if (page->notice_at < 16) page->notice_ms[page->notice_at++] = pack_read_uint(&reader);
}

static void notice_show(void *context, struct bytes value) {
    struct page *page = context;
    struct pack_reader reader = pack_reader_of(value);
    char text[SAFE_BYTES], when[MOMENT_TEXT_BYTES];
    size_t at = page->notice_at++;
    if (at < page->notice_skip) return;
    moment_text(when, at < 16 ? page->notice_ms[at] : 0);
    buf_put_format(page->out, "  %s  %s\n", when, safe(text, pack_read_str(&reader)));
}

static void nothing(void *context, struct bytes value) { (void)context, (void)value; }

static void notices_show(struct page *page) {
    size_t count = document_each(page->document, "notices", nothing, NULL);
    if (count == 0) return;
    document_each(page->document, "notices_ms", notice_time, page);
    page->notice_at = 0;
    page->notice_skip = count > NOTICES_SHOWN ? count - NOTICES_SHOWN : 0;
    buf_put_text(page->out, "\nLAST NOTICES\n");
    document_each(page->document, "notices", notice_show, page);
}

/* --- figures --- */

static void head_show(struct page *page) {
    char name[SAFE_BYTES], node[SAFE_BYTES], version[SAFE_BYTES], up[HUMAN_BYTES];
    human_span(up, number(page, "uptime_s") * 1000);
    buf_put_format(page->out, "%s, node %s, up %s, comity %s\n\n", safe(name, document_string(page->document, "agency")),
                   safe(node, document_string(page->document, "node")), up,
                   safe(version, document_string(page->document, "version")));
}

static void mesh_show(struct page *page) {
    const struct logs *logs = &page->logs;
    char behind[HUMAN_BYTES], missing[HUMAN_BYTES];
    human_count(behind, logs->behind);
    human_count(missing, logs->missing);
    buf_put_format(page->out, "%-12s %llu open, to %zu of %zu other nodes; %llu agencies are pinned\n", "links",
                   (unsigned long long)number(page, "links"), logs->linked, logs->others,
                   (unsigned long long)number(page, "agencies_pinned"));
    if (logs->behind + logs->missing == 0)
        buf_put_format(page->out, "%-12s %zu, and all that was heard of is here\n", "logs", logs->count);
    else
        buf_put_format(page->out, "%-12s %zu; %s entries and %s payloads are on their way\n", "logs", logs->count, behind, missing);
    buf_put_format(page->out, "%-12s %s; own log at %llu, outbox %llu, direct blocks that wait %llu\n", "publishing",
                   document_flag(page->document, "publishing") ? "yes" : "no", (unsigned long long)logs->own_head,
                   (unsigned long long)number(page, "outbox"), (unsigned long long)number(page, "direct_pending_count"));
    document_each(page->document, "direct_pending", direct_show, page);
    buf_put_format(page->out, "%-12s %llu wait for readers, %llu of them for more than a day; %llu receipts are missing\n",
                   "recalls", (unsigned long long)number(page, "recalls_waiting"),
                   (unsigned long long)number(page, "recalls_overdue"),
                   (unsigned long long)number(page, "recalls_receipts_missing"));
}

static void store_show(struct page *page) {
    char items[HUMAN_BYTES], payloads[HUMAN_BYTES], entries[HUMAN_BYTES], taken[HUMAN_BYTES], room[HUMAN_BYTES];
    human_count(items, number(page, "items"));
    human_count(payloads, number(page, "payloads"));
    human_count(entries, number(page, "entries"));
    human_size(taken, number(page, "disk_bytes"));
    human_size(room, number(page, "disk_free_bytes"));
    buf_put_format(page->out, "%-12s %s that can be read here; %s payloads and %s entries carried\n", "objects", items, payloads,
                   entries);
    buf_put_format(page->out, "%-12s %s, and %s are free\n", "store", taken, room);
    buf_put_format(page->out, "%-12s certificate for %llu days, prekey for %llu\n", "keys",
                   (unsigned long long)number(page, "certificate_days"), (unsigned long long)number(page, "prekey_days"));
    buf_put_format(page->out, "%-12s %s\n", "web", document_flag(page->document, "web") ? "serves tools" : "serves no tools");
}

size_t status_page(struct buf *out, struct bytes document) {
    struct page page = {.out = out, .document = document};
    document_each(document, "logs", log_count, &page.logs);
    document_each(document, "direct_pending", direct_count, &page);
    head_show(&page);
    node_judge(&page);
    mesh_judge(&page);
    rest_judge(&page);
    buf_put_text(out, page.wrong ? "\n" : "All is well.\n\n");
    mesh_show(&page);
    store_show(&page);
    logs_show(&page);
    notices_show(&page);
    return page.wrong;
}
