#include "gossip/log.h"

#include "gossip/limits.h"

#include <stdlib.h>
#include <string.h>

void log_free(struct log *log) {
    free(log->missing);
    free(log->epochs);
    recalled_free(&log->recalled);
    if (log->fork) buf_free(&log->fork->message);
    free(log->fork);
    *log = (struct log){0};
}

/* Index of the first row with a sequence number of at least `seq`. */
static size_t missing_at(const struct log *log, uint64_t seq) {
    size_t low = 0, high = log->missing_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->missing[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void missing_compact(struct log *log) {
    size_t kept = 0, unasked = 0;
    for (size_t i = 0; i < log->missing_count; i++) {
        if (i == log->missing_unasked) unasked = kept;
        if (!log->missing[i].done) log->missing[kept++] = log->missing[i];
    }
    if (log->missing_unasked >= log->missing_count) unasked = kept;
    log->missing_count = kept;
    log->missing_unasked = unasked;
    log->missing_done = 0;
}

size_t log_missing_live(const struct log *log) { return log->missing_count - log->missing_done; }

size_t log_missing_direct(const struct log *log) {
    size_t count = 0;
    for (size_t i = 0; i < log->missing_count; i++)
        count += !log->missing[i].done && log->missing[i].body.carriage == CARRIAGE_DIRECT;
    return count;
}

void log_scan_want(struct log *log, uint64_t from, uint64_t until) {
    if (log->scan_from == 0 || from < log->scan_from) log->scan_from = from;
    if (log->scan_until < until) log->scan_until = until;
}

bool log_missing_add(struct log *log, uint64_t seq, const struct block_body *body) {
    size_t at = missing_at(log, seq);
    if (at < log->missing_count && log->missing[at].seq == seq && !log->missing[at].done) return true;
    if (log_missing_live(log) >= LIMIT_MISSING_PER_LOG) return log_scan_want(log, seq, seq), false;
    if (log->missing_count == log->missing_capacity) {
        size_t capacity = log->missing_capacity ? 2 * log->missing_capacity : 16;
        struct missing *grown = realloc(log->missing, capacity * sizeof *grown);
        if (!grown) return log_scan_want(log, seq, seq), false;
        log->missing = grown, log->missing_capacity = capacity;
    }
    memmove(log->missing + at + 1, log->missing + at, (log->missing_count - at) * sizeof *log->missing);
    log->missing[at] = (struct missing){.seq = seq, .body = *body};
    log->missing_count++;
    if (at < log->missing_unasked) log->missing_unasked = at;
    return true;
}

struct missing *log_missing_find(struct log *log, uint64_t seq) {
    for (size_t at = missing_at(log, seq); at < log->missing_count && log->missing[at].seq == seq; at++)
        if (!log->missing[at].done) return &log->missing[at];
    return NULL;
}

void log_missing_done(struct log *log, struct missing *missing) {
    missing->done = true;
    log->missing_done++;
    if (log->missing_done > 64 && log->missing_done > log->missing_count / 2) missing_compact(log);
}

void log_link_gone(struct log *log, uint32_t link, unsigned slot) {
    uint64_t mark = 1ull << slot;
    for (size_t i = 0; i < log->missing_count; i++) {
        struct missing *missing = &log->missing[i];
        missing->refused_by &= ~mark;
        missing->silent_at &= ~mark;
        missing->offered_by &= ~mark;
        if (missing->asked_link != link || missing->done) continue;
        missing->asked_link = 0;
        if (i < log->missing_unasked) log->missing_unasked = i;
    }
    if (log->get_link == link) log->get_link = 0;
}

bool log_epoch_readable(const struct log *log, uint64_t seq) {
    size_t low = 0, high = log->epoch_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->epochs[middle] < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < log->epoch_count && log->epochs[low] == seq;
}

bool log_epoch_add(struct log *log, uint64_t seq) {
    if (log_epoch_readable(log, seq)) return true;
    if (log->epoch_count == log->epoch_capacity) {
        size_t capacity = log->epoch_capacity ? 2 * log->epoch_capacity : 8;
        uint64_t *grown = realloc(log->epochs, capacity * sizeof *grown);
        if (!grown) return false;
        log->epochs = grown, log->epoch_capacity = capacity;
    }
    size_t at = log->epoch_count;
    while (at > 0 && log->epochs[at - 1] > seq) log->epochs[at] = log->epochs[at - 1], at--;
    log->epochs[at] = seq;
    log->epoch_count++;
    return true;
}
