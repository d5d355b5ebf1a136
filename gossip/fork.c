#include "gossip/fork.h"

#include "gossip/limits.h"

#include <string.h>

_Static_assert(LIMIT_ENTRIES_BYTES <= FORK_RUN_BYTES_MAX, "a range that is taken on one signature can be proved");

enum err fork_run_read(struct fork_run *out, struct bytes run) {
    struct bytes rest = run;
    struct entry entry;
    *out = (struct fork_run){0};
    while (rest.size > 0) {
        enum err err = entry_parse(&entry, rest);
        if (err != OK) return err == ERR_TRUNCATED ? ERR_FORMAT : err;
        if (out->count == 0) {
            out->first = entry;
        } else if (entry.seq != out->last.seq + 1 || memcmp(entry.previous, out->last.id, HASH_BYTES) != 0 ||
                   memcmp(entry.node_id, out->first.node_id, NODE_ID_BYTES) != 0 ||
                   memcmp(entry.agency_id, out->first.agency_id, AGENCY_ID_BYTES) != 0) {
            return ERR_FORMAT;
        }
        out->last = entry;
        out->count++;
        rest = bytes_of(rest.data + entry.size, rest.size - entry.size);
    }
    return out->count > 0 ? OK : ERR_FORMAT;
}

enum err fork_read(struct fork *out, struct bytes a, struct bytes b) {
    struct bytes runs[2] = {a, b};
    *out = (struct fork){0};
    for (size_t i = 0; i < 2; i++) {
        struct fork_run run;
        if (runs[i].size > FORK_RUN_BYTES_MAX) return ERR_TOO_BIG;
        enum err err = fork_run_read(&run, runs[i]);
        if (err != OK) return err;
        if (i == 1 && (run.first.seq != out->seq || memcmp(run.first.previous, out->previous, HASH_BYTES) != 0 ||
                       memcmp(run.first.node_id, out->node_id, NODE_ID_BYTES) != 0 ||
                       memcmp(run.first.agency_id, out->agency_id, AGENCY_ID_BYTES) != 0))
            return ERR_FORMAT;
        out->seq = run.first.seq;
        memcpy(out->previous, run.first.previous, HASH_BYTES);
        memcpy(out->node_id, run.first.node_id, NODE_ID_BYTES);
        memcpy(out->agency_id, run.first.agency_id, AGENCY_ID_BYTES);
        memcpy(out->first_id[i], run.first.id, HASH_BYTES);
        out->runs[i] = runs[i];
    }
    return memcmp(out->first_id[0], out->first_id[1], HASH_BYTES) < 0 ? OK : ERR_FORMAT;
}

enum err fork_make(struct fork *out, struct bytes a, struct bytes b) {
    enum err err = fork_read(out, a, b);
    return err == ERR_FORMAT ? fork_read(out, b, a) : err;
}

static enum err run_verify(struct bytes run, const uint8_t sign_public[static SIGN_PUBLIC_BYTES]) {
    struct fork_run parsed;
    enum err err = fork_run_read(&parsed, run);
    return err == OK ? entry_verify(&parsed.last, sign_public) : err;
}

enum err fork_verify(const struct fork *fork, const uint8_t agency_id[static AGENCY_ID_BYTES],
                     const uint8_t sign_public[static SIGN_PUBLIC_BYTES]) {
    if (memcmp(fork->agency_id, agency_id, AGENCY_ID_BYTES) != 0) return ERR_FORMAT;
    enum err err = run_verify(fork->runs[0], sign_public);
    return err == OK ? run_verify(fork->runs[1], sign_public) : err;
}

struct bytes fork_run_shorten(struct bytes run, const uint8_t sign_public[static SIGN_PUBLIC_BYTES]) {
    struct entry entry;
    size_t size = 0;
    while (size < run.size && entry_parse(&entry, bytes_of(run.data + size, run.size - size)) == OK) {
        size += entry.size;
        if (size > FORK_RUN_BYTES_MAX) break;
        /* An honest author's first signature is good already. */
        if (entry_verify(&entry, sign_public) == OK) return bytes_of(run.data, size);
    }
    return bytes_of(run.data, 0);
}
