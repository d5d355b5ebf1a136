/* STIX 2.1: a bundle, or one object a line; objects as their authors gave them. */
#include "node/export/export.h"
#include "node/formats/uuid.h"

struct state {
    bool any;
};

/* Bundles have no author and no version: any UUID does (STIX 2.1, 8.1). Made from the moment, under a name space of our own. */
static void bundle_head(struct export *work) {
    static const uint8_t space[UUID_BYTES] = {0x6f, 0x0b, 0x6c, 0x1e, 0x52, 0x0c, 0x4b, 0x0e,
                                              0x9d, 0x51, 0x2a, 0x5c, 0x71, 0x33, 0x1d, 0x0a};
    uint8_t uuid[UUID_BYTES], moment[8];
    char text[UUID_CHARS + 1];
    put_be64(moment, export_options_of(work)->now_ms);
    uuid_v5(uuid, space, bytes_of(moment, sizeof moment));
    uuid_text(text, uuid);
    buf_put_format(export_out(work), "{\"type\":\"bundle\",\"id\":\"bundle--%s\",\"objects\":[\n", text);
}

static void bundle_object(struct export *work, const struct answer *answer) {
    struct state *state = export_state(work, sizeof *state);
    if (!state) return;
    if (state->any) buf_put_text(export_out(work), ",\n");
    state->any = true;
    answer_object(export_out(work), answer);
}

static void bundle_tail(struct export *work) { buf_put_text(export_out(work), "\n]}\n"); }

const struct export_format export_stix = {
    .name = "stix",
    .dated = true,
    .summary = "one STIX 2.1 bundle, objects as their authors gave them",
    .kinds = EXPORT_ALL_KINDS,
    .head = bundle_head,
    .object = bundle_object,
    .tail = bundle_tail,
};

static void jsonl_object(struct export *work, const struct answer *answer) {
    answer_object(export_out(work), answer);
    buf_put_u8(export_out(work), '\n');
}

const struct export_format export_jsonl = {
    .name = "jsonl",
    .summary = "STIX objects, one a line",
    .kinds = EXPORT_ALL_KINDS,
    .object = jsonl_object,
};
