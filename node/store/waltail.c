#include "node/store/waltail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES  32768 /* RocksDB's log format: blocks of records {masked crc32c 4, length 2, type 1}, little-endian */
#define HEAD_BYTES   7
#define SECTOR_BYTES 512
#define LOGS_MAX     64

#define MARK_MAGIC      0x434d5431u
#define MARK_BYTES      28 /* magic 4, run 8, group 8, index 4, count 4 */
#define MARK_HEAD_BYTES 2  /* in a batch: tag 3 (log data), length */

enum { RECORD_FULL = 1, RECORD_FIRST = 2, RECORD_MIDDLE = 3, RECORD_LAST = 4 };

void waltail_mark(rocksdb_writebatch_t *batch, const struct waltail_place *place) {
    uint8_t mark[MARK_BYTES];
    put_be32(mark, MARK_MAGIC);
    put_be64(mark + 4, place->run);
    put_be64(mark + 12, place->group);
    put_be32(mark + 20, place->index);
    put_be32(mark + 24, place->count);
    rocksdb_writebatch_put_log_data(batch, (const char *)mark, sizeof mark);
}

struct log {
    uint64_t number;
    char name[32];
    uint8_t *data;
    size_t size;
};

/* What has been seen so far, over all logs in order. */
struct scan {
    uint32_t crc_table[256];
    struct log logs[LOGS_MAX];
    size_t log_count;
    struct waltail_place last; /* of the last sound record before the damage; group 0: none yet */
    bool damaged;
    size_t damaged_log; /* where the first spoilt record begins */
    size_t damaged_at;
    bool holed;  /* zeros that were never written lie in it */
    bool synced; /* what follows shows that it had been synced */
    struct waltail_place after;
    uint8_t tail[MARK_HEAD_BYTES + MARK_BYTES]; /* end of the record under way */
    size_t tail_bytes;
};

static void crc_init(uint32_t table[static 256]) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
        table[i] = value;
    }
}

static uint32_t crc_masked(const struct scan *scan, const uint8_t *data, size_t size) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) crc = scan->crc_table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* The size of a sound physical record at `at`, with its head; 0: none. */
static size_t record_at(const struct scan *scan, const struct log *log, size_t at) {
    size_t room = BLOCK_BYTES - at % BLOCK_BYTES;
    if (room > log->size - at) room = log->size - at;
    if (room < HEAD_BYTES) return 0;
    const uint8_t *head = log->data + at;
    size_t length = head[4] | (size_t)head[5] << 8;
    if (head[6] < RECORD_FULL || head[6] > RECORD_LAST || length > room - HEAD_BYTES) return 0;
    uint32_t crc = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
    return crc == crc_masked(scan, head + 6, length + 1) ? HEAD_BYTES + length : 0;
}

static bool zeros(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (data[i] != 0) return false;
    return true;
}

/* Is there a sector, or the part of one that belongs to [from, to), which was never written? */
static bool hole_in(const struct log *log, size_t from, size_t to) {
    while (from < to) {
        size_t end = from - from % SECTOR_BYTES + SECTOR_BYTES;
        if (end > to) end = to;
        if (end - from >= HEAD_BYTES && zeros(log->data + from, end - from)) return true;
        from = end;
    }
    return false;
}

/* A whole record has ended, and its mark, if it has one, is the end of it. */
static void record_ended(struct scan *scan) {
    const uint8_t *mark = scan->tail + MARK_HEAD_BYTES;
    if (scan->tail_bytes < sizeof scan->tail || scan->tail[0] != 3 || scan->tail[1] != MARK_BYTES || get_be32(mark) != MARK_MAGIC)
        return;
    struct waltail_place place = {get_be64(mark + 4), get_be64(mark + 12), get_be32(mark + 20), get_be32(mark + 24)};
    if (!scan->damaged) {
        scan->last = place;
        return;
    }
    const struct waltail_place *last = &scan->last;
    bool last_complete = last->group > 0 && last->index + 1 == last->count;
    /* Only the rest of a group that had begun, or the one after a complete group, can be what was not synced. */
    bool follows = last->group == 0 || (place.run == last->run && place.group == last->group + last_complete);
    bool of_one = scan->after.group == 0 || (scan->after.run == place.run && scan->after.group == place.group);
    if (!follows || !of_one) scan->synced = true;
    scan->after = place;
}

static void tail_add(struct scan *scan, const uint8_t *data, size_t size) {
    size_t keep = sizeof scan->tail;
    if (size >= keep) {
        memcpy(scan->tail, data + size - keep, keep);
        scan->tail_bytes = keep;
        return;
    }
    size_t old = scan->tail_bytes + size > keep ? keep - size : scan->tail_bytes;
    memmove(scan->tail, scan->tail + scan->tail_bytes - old, old);
    memcpy(scan->tail + old, data, size);
    scan->tail_bytes = old + size;
}

static void damage_note(struct scan *scan, size_t log, size_t begin, size_t from, size_t to) {
    if (!scan->damaged) {
        scan->damaged = true;
        scan->damaged_log = log;
        scan->damaged_at = begin;
    }
    if (hole_in(&scan->logs[log], from, to)) scan->holed = true;
}

static void log_scan(struct scan *scan, size_t index) {
    const struct log *log = &scan->logs[index];
    size_t at = 0, begin = 0; /* of the logical record under way */
    bool open = false;
    while (at < log->size) {
        size_t room = BLOCK_BYTES - at % BLOCK_BYTES;
        if (room < HEAD_BYTES) {
            at += room;
            continue;
        }
        size_t size = record_at(scan, log, at);
        if (size == 0) {
            /* An end that is cut, or the zeros of room reserved ahead, are no damage: RocksDB drops them. */
            if (zeros(log->data + at, log->size - at)) {
                if (open) damage_note(scan, index, begin, at, log->size);
                break;
            }
            size_t from = at;
            do at++;
            while (at < log->size && record_at(scan, log, at) == 0);
            if (at == log->size && from + room >= log->size && !hole_in(log, from, at)) break;
            damage_note(scan, index, open ? begin : from, from, at);
            open = false;
            continue;
        }
        uint8_t type = log->data[at + 6];
        bool starts = type == RECORD_FULL || type == RECORD_FIRST;
        /* A piece without its beginning, or a beginning without its end, was spoilt where its other pieces stood. */
        if (starts == open) damage_note(scan, index, open ? begin : at, at, at);
        if (starts) {
            begin = at;
            scan->tail_bytes = 0;
        }
        bool sound = starts || open;
        tail_add(scan, log->data + at + HEAD_BYTES, size - HEAD_BYTES);
        open = sound && (type == RECORD_FIRST || type == RECORD_MIDDLE);
        if (sound && (type == RECORD_FULL || type == RECORD_LAST)) record_ended(scan);
        at += size;
    }
    if (open && index + 1 < scan->log_count) damage_note(scan, index, begin, log->size, log->size);
}

static int by_number(const void *a, const void *b) {
    const struct log *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static enum err log_read(int directory, struct log *log) {
    int fd = openat(directory, log->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ERR_IO;
    struct stat about;
    enum err error = fstat(fd, &about) == 0 ? OK : ERR_IO;
    if (error == OK) {
        log->size = (size_t)about.st_size;
        log->data = malloc(log->size + 1);
        if (log->data == NULL) error = ERR_MEMORY;
    }
    for (size_t done = 0; error == OK && done < log->size;) {
        ssize_t got = read(fd, log->data + done, log->size - done);
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            error = ERR_IO;
    }
    close(fd);
    return error;
}

static enum err logs_read(struct scan *scan, int directory, DIR *listing) {
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        char *end;
        uint64_t number = strtoull(entry->d_name, &end, 10);
        if (end == entry->d_name || strcmp(end, ".log") != 0 || strlen(entry->d_name) >= sizeof scan->logs[0].name) continue;
        if (scan->log_count == LOGS_MAX) return OK; /* more than RocksDB ever keeps here: left to it */
        struct log *log = &scan->logs[scan->log_count++];
        log->number = number;
        memcpy(log->name, entry->d_name, strlen(entry->d_name) + 1);
        enum err error = log_read(directory, log);
        if (error != OK) return error;
    }
    qsort(scan->logs, scan->log_count, sizeof *scan->logs, by_number);
    return OK;
}

/* Cuts from the first spoilt record on, later logs whole, and makes that durable. */
static enum err tail_cut(const struct scan *scan, int directory, uint64_t *cut) {
    for (size_t i = scan->log_count; i-- > scan->damaged_log;) {
        size_t keep = i == scan->damaged_log ? scan->damaged_at : 0;
        int fd = openat(directory, scan->logs[i].name, O_WRONLY | O_CLOEXEC);
        if (fd < 0) return ERR_IO;
        bool done = ftruncate(fd, (off_t)keep) == 0 && fsync(fd) == 0;
        close(fd);
        if (!done) return ERR_IO;
        *cut += scan->logs[i].size - keep;
    }
    return OK;
}

enum err waltail_trim(const char *path, uint64_t *cut) {
    *cut = 0;
    DIR *listing = opendir(path);
    if (listing == NULL) return errno == ENOENT ? OK : ERR_IO;
    struct scan *scan = calloc(1, sizeof *scan);
    enum err error = scan == NULL ? ERR_MEMORY : logs_read(scan, dirfd(listing), listing);
    if (error == OK) {
        crc_init(scan->crc_table);
        for (size_t i = 0; i < scan->log_count; i++) log_scan(scan, i);
        if (scan->damaged) error = scan->holed && !scan->synced ? tail_cut(scan, dirfd(listing), cut) : ERR_CORRUPT;
    }
    if (scan != NULL)
        for (size_t i = 0; i < scan->log_count; i++) free(scan->logs[i].data);
    free(scan);
    closedir(listing);
    return error;
}
