#include "node/cmd/top_page.h"

#include "node/cmd/human.h"
#include "node/formats/figures.h"
#include "node/formats/moment.h"
#include "node/process/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AGENCIES_MAX 8
#define NAME_BYTES   100

static uint64_t sum(struct bytes figures, const char *name) {
    uint64_t value;
    return figures_sum(figures, name, NULL, NULL, &value) ? value : 0;
}

static uint64_t part(struct bytes figures, const char *name, const char *label, const char *label_value) {
    uint64_t value;
    return figures_sum(figures, name, label, label_value, &value) ? value : 0;
}

static const char *yes(struct bytes figures, const char *name) { return sum(figures, name) ? "yes" : "NO"; }

/* What a counter grew by; after a restart it begins at 0 again. */
static uint64_t growth(const struct top_page *page, uint64_t now, uint64_t before) {
    return page->before.size > 0 && now >= before ? now - before : 0;
}

static void rate_of(char out[static HUMAN_BYTES], const struct top_page *page, const char *name) {
    human_rate(out, growth(page, sum(page->now, name), sum(page->before, name)), page->before.size > 0 ? page->between_ms : 0);
}

/* --- parts --- */

static void head_put(struct buf *out, const struct top_page *page) {
    char up[HUMAN_BYTES], when[MOMENT_TEXT_BYTES];
    uint64_t started_s = sum(page->now, "comity_start_timestamp_seconds"), now_s = page->now_ms / 1000;
    human_span(up, now_s > started_s ? 1000 * (now_s - started_s) : 0);
    moment_text(when, page->now_ms - page->now_ms % 1000);
    buf_put_format(out, "comity top  %s  up %s  restarts %" PRIu64 "\n", when, up, sum(page->now, "comity_role_restarts_total"));
    buf_put_format(out, "publishing %s   showing %s   caught up %s   outbox %" PRIu64 "\n", yes(page->now, "comity_publishing"),
                   yes(page->now, "comity_showing"), yes(page->now, "comity_caught_up"), sum(page->now, "comity_outbox_objects"));
}

static void mesh_put(struct buf *out, const struct top_page *page) {
    struct bytes now = page->now;
    buf_put_format(out,
                   "links %" PRIu64 " in, %" PRIu64 " out   nodes %" PRIu64 ", %" PRIu64 " linked, %" PRIu64
                   " refused   logs %" PRIu64 ", %" PRIu64 " frozen, %" PRIu64 " without a path\n",
                   part(now, "comity_links", "direction", "in"), part(now, "comity_links", "direction", "out"),
                   sum(now, "comity_nodes"), sum(now, "comity_nodes_linked"), sum(now, "comity_nodes_refused"),
                   sum(now, "comity_logs"), sum(now, "comity_logs_frozen"), sum(now, "comity_logs_pathless"));
    buf_put_format(out, "to come %" PRIu64 " entries, %" PRIu64 " payloads   direct waiting %" PRIu64 "\n",
                   sum(now, "comity_entries_behind"), sum(now, "comity_payloads_missing"), sum(now, "comity_direct_pending"));
    buf_put_format(out, "recalls waiting %" PRIu64 ", overdue %" PRIu64 ", receipts missing %" PRIu64 "   erasing %" PRIu64 "\n",
                   sum(now, "comity_recalls_waiting"), sum(now, "comity_recalls_overdue"), sum(now, "comity_receipts_pending"),
                   sum(now, "comity_blocks_erasing"));
}

static void consumers_put(struct buf *out, const struct top_page *page) {
    struct bytes now = page->now;
    buf_put_format(out,
                   "subscriptions %" PRIu64 ", %" PRIu64 " behind, %" PRIu64 " stale   live clients %" PRIu64 ", %" PRIu64
                   " starving   hooks %" PRIu64 ", %" PRIu64 " failing\n",
                   sum(now, "comity_subscriptions"), sum(now, "comity_subscriptions_behind"),
                   sum(now, "comity_subscriptions_stale"), sum(now, "comity_live_sessions"),
                   sum(now, "comity_live_sessions_starving"), sum(now, "comity_hooks"), sum(now, "comity_hooks_failing"));
}

static void row_put(struct buf *out, const struct top_page *page, const char *label, const char *name) {
    char total[HUMAN_BYTES], rate[HUMAN_BYTES];
    human_count(total, sum(page->now, name));
    rate_of(rate, page, name);
    buf_put_format(out, "%-28s %16s %12s\n", label, total, rate);
}

static void bytes_put(struct buf *out, const struct top_page *page, const char *label, const char *name) {
    char total[HUMAN_BYTES], rate[HUMAN_BYTES];
    uint64_t now = sum(page->now, name), more = growth(page, now, sum(page->before, name));
    human_size(total, now);
    if (page->before.size > 0 && page->between_ms > 0)
        human_size(rate, more * 1000 / page->between_ms);
    else
        snprintf(rate, sizeof rate, "-");
    buf_put_format(out, "%-28s %16s %12s\n", label, total, rate);
}

static void table_put(struct buf *out, const struct top_page *page) {
    buf_put_format(out, "\n%-28s %16s %12s\n", "", "now", "per second");
    row_put(out, page, "objects that can be read", "comity_objects");
    row_put(out, page, "entries", "comity_entries");
    row_put(out, page, "payloads", "comity_payloads");
    row_put(out, page, "published here", "comity_objects_published_total");
    row_put(out, page, "refused here", "comity_objects_refused_total");
    row_put(out, page, "withdrawn", "comity_objects_withdrawn_total");
    row_put(out, page, "expired", "comity_objects_expired_total");
    row_put(out, page, "taken by subscriptions", "comity_subscriptions_delivered_total");
    row_put(out, page, "over the live feed", "comity_live_messages_total");
    row_put(out, page, "questions of local clients", "comity_questions_total");
    bytes_put(out, page, "from the mesh", "comity_net_received_bytes_total");
    bytes_put(out, page, "to the mesh", "comity_net_sent_bytes_total");
    bytes_put(out, page, "store", "comity_store_bytes");
    bytes_put(out, page, "free on its disk", "comity_disk_free_bytes");
}

/* --- sync times: since the figures before, else since the start --- */

struct syncs {
    uint64_t buckets[HISTOGRAM_STEPS + 1]; /* up to each bound; the last: all */
    uint64_t sum_us;
};

static void syncs_read(struct syncs *out, struct bytes figures) {
    struct figures_reader reader = figures_reader_of(figures);
    struct figure figure;
    size_t at = 0;
    *out = (struct syncs){0};
    while (figures_next(&reader, &figure) == OK) {
        if (figure.family || !bytes_equal_text(figure.name, "comity_store_sync_seconds")) continue;
        if (bytes_equal_text(figure.suffix, "_bucket") && at <= HISTOGRAM_STEPS) out->buckets[at++] = figure.value;
        if (bytes_equal_text(figure.suffix, "_sum")) out->sum_us = figure.value;
    }
}

static void syncs_put(struct buf *out, const struct top_page *page) {
    struct syncs now, before;
    char rate[HUMAN_BYTES];
    syncs_read(&now, page->now);
    syncs_read(&before, page->before);
    if (before.buckets[HISTOGRAM_STEPS] > now.buckets[HISTOGRAM_STEPS]) before = (struct syncs){0};
    uint64_t count = now.buckets[HISTOGRAM_STEPS] - before.buckets[HISTOGRAM_STEPS], step = 0;
    human_rate(rate, count, page->before.size > 0 ? page->between_ms : 0);
    buf_put_format(out, "%-28s %16" PRIu64 " %12s", "syncs to the disk", now.buckets[HISTOGRAM_STEPS], rate);
    if (count > 0) {
        while (step < HISTOGRAM_STEPS && (now.buckets[step] - before.buckets[step]) * 100 < count * 99) step++;
        uint64_t mean_us = (now.sum_us - before.sum_us) / count,
                 bound_us = histogram_bounds_us[step < HISTOGRAM_STEPS ? step : step - 1];
        buf_put_format(out, "   mean %" PRIu64 ".%" PRIu64 " ms, 99%% %s %" PRIu64 ".%" PRIu64 " ms", mean_us / 1000,
                       mean_us % 1000 / 100, step < HISTOGRAM_STEPS ? "within" : "beyond", bound_us / 1000, bound_us % 1000 / 100);
    }
    buf_put_text(out, "\n");
}

/* --- who is behind, and what happened --- */

struct row {
    char name[NAME_BYTES];
    uint64_t value, more;
};

/* The samples of a family with the largest values, those that are 0 left out. Returns how many. */
static size_t rows_read(struct row *rows, size_t rows_max, const struct top_page *page, const char *family, const char *label) {
    struct figures_reader reader = figures_reader_of(page->now);
    struct figure figure;
    size_t count = 0;
    while (figures_next(&reader, &figure) == OK) {
        if (figure.family || figure.label_count != 1 || figure.value == 0 || !bytes_equal_text(figure.name, family)) continue;
        size_t at = count < rows_max ? count++ : rows_max - 1;
        if (at == rows_max - 1 && count == rows_max && rows[at].value >= figure.value && rows[at].name[0]) continue;
        while (at > 0 && rows[at - 1].value < figure.value) rows[at] = rows[at - 1], at--;
        char plain[NAME_BYTES];
        snprintf(plain, sizeof plain, "%.*s", (int)(figure.labels[0].value.size < 99 ? figure.labels[0].value.size : 99),
                 (const char *)figure.labels[0].value.data);
        log_escape(rows[at].name, sizeof rows[at].name, bytes_of_text(plain));
        rows[at].value = figure.value;
        rows[at].more = growth(page, figure.value, part(page->before, family, label, plain));
    }
    return count;
}

static void list_put(struct buf *out, const struct top_page *page, const char *title, const char *family, const char *label) {
    struct row rows[AGENCIES_MAX] = {0};
    size_t count = rows_read(rows, AGENCIES_MAX, page, family, label);
    if (count == 0) return;
    buf_put_format(out, "\n%s\n", title);
    for (size_t i = 0; i < count; i++) {
        char total[HUMAN_BYTES], rate[HUMAN_BYTES];
        human_count(total, rows[i].value);
        human_rate(rate, rows[i].more, page->before.size > 0 ? page->between_ms : 0);
        buf_put_format(out, "  %-26s %16s %12s\n", rows[i].name, total, rate);
    }
}

/* Keeps the lines that the screen has room for. */
static void cut(struct buf *out, size_t from, size_t rows) {
    for (size_t i = from; rows > 0 && i < out->size; i++)
        if (out->data[i] == '\n' && --rows == 0) out->size = i + 1;
}

void top_page(struct buf *out, const struct top_page *page) {
    size_t from = out->size;
    head_put(out, page);
    mesh_put(out, page);
    consumers_put(out, page);
    table_put(out, page);
    syncs_put(out, page);
    list_put(out, page, "ENTRIES TO COME, by agency", "comity_agency_entries_behind", "agency");
    list_put(out, page, "PAYLOADS TO COME, by agency", "comity_agency_payloads_missing", "agency");
    list_put(out, page, "REFUSED, by rule", "comity_objects_refused_total", "rule");
    list_put(out, page, "EVENTS since the start", "comity_events_total", "event");
    cut(out, from, page->rows);
}
