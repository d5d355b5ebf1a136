#include "node/identity/card_text.h"

#include "node/process/log.h"
#include "node/formats/moment.h"

#include <stdio.h>
#include <string.h>

/* The node's newest prekey in the card; false when there is none that can be read. */
static bool node_prekey(const struct card *card, const struct agency_node *node, struct prekey *out) {
    for (size_t i = 0; i < card->prekey_count; i++)
        if (memcmp(card->prekey_entries[i].node_id, node->id, NODE_ID_BYTES) == 0)
            return prekey_read(out, card->prekey_entries[i].body) == OK;
    return false;
}

const char *card_node_problem(const struct card *card, const struct agency_node *node, uint64_t now_ms) {
    struct prekey prekey;
    if (node->revoked) return "it was revoked";
    if (now_ms < node->not_before_ms) return "its certificate is not valid yet";
    if (now_ms > node->not_after_ms) return "its certificate has ended";
    if (!node_prekey(card, node, &prekey)) return "the card has no prekey of it";
    return prekey_sealable(&prekey, now_ms) ? NULL : "its prekey is too old; ask for a fresh card";
}

bool card_usable(const struct card *card, uint64_t now_ms) {
    for (size_t i = 0; i < card->agency.node_count; i++)
        if (!card_node_problem(card, &card->agency.nodes[i], now_ms)) return true;
    return false;
}

static void put_safe(struct buf *out, const char *text) {
    char safe[AGENCY_ENDPOINT_BYTES_MAX * 4 + 1];
    log_escape(safe, sizeof safe, bytes_of_text(text));
    buf_put_text(out, safe);
}

static void put_date(struct buf *out, uint64_t time_ms) {
    char text[MOMENT_TEXT_BYTES];
    moment_text(text, time_ms);
    buf_put_format(out, "%.10s", text);
}

static void node_text(struct buf *out, const struct card *card, const struct agency_node *node, uint64_t now_ms) {
    char id[2 * NODE_ID_BYTES + 1];
    struct prekey prekey;
    const char *problem = card_node_problem(card, node, now_ms);
    hex_encode(id, bytes_of(node->id, NODE_ID_BYTES));
    buf_put_format(out, "Node         %s\n  valid      ", id);
    put_date(out, node->not_before_ms);
    buf_put_text(out, " to ");
    put_date(out, node->not_after_ms);
    buf_put_text(out, "\n  endpoints  ");
    for (size_t i = 0; i < node->endpoint_count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        put_safe(out, node->endpoints[i].text);
    }
    buf_put_text(out, node->endpoint_count == 0 ? "none: it only dials out\n  prekey     " : "\n  prekey     ");
    if (node_prekey(card, node, &prekey)) {
        buf_put_format(out, "number %u, made ", (unsigned)prekey.id);
        put_date(out, prekey.created_ms);
        buf_put_text(out, ", used until ");
        put_date(out, prekey.created_ms + PREKEY_SEAL_MS);
    } else {
        buf_put_text(out, "none");
    }
    buf_put_format(out, "\n  today      %s%s\n", problem ? "not usable: " : "usable", problem ? problem : "");
}

void card_text(struct buf *out, const struct card *card, uint64_t now_ms) {
    char fingerprint[AGENCY_FINGERPRINT_CHARS + 1];
    agency_fingerprint(fingerprint, card->agency.id);
    buf_put_text(out, "Agency       ");
    put_safe(out, card->agency.name);
    buf_put_format(out, "\nFingerprint  %s\n", fingerprint);
    for (size_t i = 0; i < card->agency.node_count; i++) node_text(out, card, &card->agency.nodes[i], now_ms);
    if (card->agency.node_count == 0) buf_put_text(out, "It names no node.\n");
}

static void node_json(struct json_out *json, const struct card *card, const struct agency_node *node, uint64_t now_ms) {
    struct prekey prekey;
    const char *problem = card_node_problem(card, node, now_ms);
    json_out_object(json);
    json_out_key(json, "node_id");
    json_out_hex(json, bytes_of(node->id, NODE_ID_BYTES));
    json_out_key(json, "valid_from");
    json_out_time(json, node->not_before_ms);
    json_out_key(json, "valid_until");
    json_out_time(json, node->not_after_ms);
    json_out_key(json, "revoked");
    json_out_bool(json, node->revoked);
    json_out_key(json, "endpoints");
    json_out_array(json);
    for (size_t i = 0; i < node->endpoint_count; i++) json_out_text(json, node->endpoints[i].text);
    json_out_array_end(json);
    json_out_key(json, "prekey");
    if (node_prekey(card, node, &prekey)) {
        json_out_object(json);
        json_out_key(json, "id");
        json_out_uint(json, prekey.id);
        json_out_key(json, "created");
        json_out_time(json, prekey.created_ms);
        json_out_key(json, "used_until");
        json_out_time(json, prekey.created_ms + PREKEY_SEAL_MS);
        json_out_object_end(json);
    } else {
        json_out_null(json);
    }
    json_out_key(json, "usable");
    json_out_bool(json, !problem);
    json_out_key(json, "problem");
    problem ? json_out_text(json, problem) : json_out_null(json);
    json_out_object_end(json);
}

void card_json(struct json_out *json, const struct card *card, uint64_t now_ms) {
    char fingerprint[AGENCY_FINGERPRINT_CHARS + 1];
    agency_fingerprint(fingerprint, card->agency.id);
    json_out_key(json, "agency");
    json_out_text(json, card->agency.name);
    json_out_key(json, "agency_id");
    json_out_hex(json, bytes_of(card->agency.id, AGENCY_ID_BYTES));
    json_out_key(json, "fingerprint");
    json_out_text(json, fingerprint);
    json_out_key(json, "generation");
    json_out_uint(json, card->agency.generation);
    json_out_key(json, "usable");
    json_out_bool(json, card_usable(card, now_ms));
    json_out_key(json, "nodes");
    json_out_array(json);
    for (size_t i = 0; i < card->agency.node_count; i++) node_json(json, card, &card->agency.nodes[i], now_ms);
    json_out_array_end(json);
}
