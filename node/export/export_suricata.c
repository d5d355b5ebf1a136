/* Suricata: rules, one for each value, and datasets for many values (suricata.yaml, "datasets"; Suricata 6 and 7). */
#include "crypto/hash.h"
#include "node/export/export.h"
#include "node/export/export_value.h"
#include "node/formats/observable.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rule numbers: stable ones made from the value, in the upper half of the 32 bits, where nobody distributes rules. A number that is
   taken already moves on by one. */
#define SID_FIRST   0x80000000u
#define SID_SPAN    0x7fff0000u
#define CONTENT_MAX 200 /* octets of one content match */

struct sids {
    uint32_t *table; /* open addressing; 0 is free */
    size_t capacity;
};

static bool sid_taken(struct sids *sids, uint32_t sid) {
    size_t at = sid & (sids->capacity - 1);
    while (sids->table[at]) {
        if (sids->table[at] == sid) return true;
        at = (at + 1) & (sids->capacity - 1);
    }
    sids->table[at] = sid;
    return false;
}

/* Room for two rules of each value, at most half full. */
static bool sids_ready(struct sids *sids, size_t values) {
    if (sids->table) return true;
    for (sids->capacity = 1024; sids->capacity < 4 * values; sids->capacity *= 2) continue;
    sids->table = calloc(sids->capacity, sizeof *sids->table);
    return sids->table != NULL;
}

static uint32_t sid_of(struct sids *sids, struct observable value) {
    uint8_t hash[HASH_BYTES], kind = (uint8_t)value.kind;
    hash_of(hash, "comity-sid", bytes_of(&kind, 1), value.value);
    uint32_t offset = get_be32(hash) % SID_SPAN;
    while (sid_taken(sids, SID_FIRST + offset)) offset = (offset + 1) % SID_SPAN;
    return SID_FIRST + offset;
}

/* --- rules --- */

struct state {
    struct sids sids;
};

/* Inside content:"..." these stand as hexadecimal (Suricata's rule format, "content"). */
static void content_put(struct buf *out, struct bytes text) {
    size_t plain = 0; /* what stands before it is written */
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte != '"' && byte != ';' && byte != ':' && byte != '|' && byte != '\\' && byte > ' ' && byte < 0x7f) continue;
        buf_put(out, bytes_of(text.data + plain, i - plain));
        buf_put_format(out, "|%02x|", byte);
        plain = i + 1;
    }
    if (plain < text.size) buf_put(out, bytes_of(text.data + plain, text.size - plain));
}

static inline uint8_t reference_character(uint8_t byte) {
    uint8_t letter = byte | 0x20;
    return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ? byte : '_';
}

static void rule_end(struct buf *out, const struct export_row *row, uint32_t sid) {
    buf_put_text(out, " reference:url,comity/");
    uint8_t *at = buf_grow(out, row->id.size);
    for (size_t i = 0; at && i < row->id.size; i++) at[i] = reference_character(row->id.data[i]);
    buf_put_text(out, "; classtype:trojan-activity; sid:");
    buf_put_decimal(out, sid);
    buf_put_text(out, "; rev:1;)\n");
}

static void rule_message(struct buf *out, const struct export_row *row, const char *what) {
    buf_put_text(out, " (msg:\"Comity ");
    buf_put_text(out, what);
    buf_put_text(out, ", ");
    buf_put_text(out, tlp_name(row->tlp));
    buf_put_text(out, "\";");
}

static void domain_rules(struct buf *out, const struct export_row *row, struct sids *sids) {
    /* The name itself and all below it: dotprefix puts a dot in front of what is compared. */
    static const struct {
        const char *protocol, *buffer, *what;
        enum observable_kind salt; /* so that both rules have numbers of their own */
    } rules[] = {{"dns", "dns.query", "a name in a DNS question", OBSERVABLE_DOMAIN},
                 {"tls", "tls.sni", "a name in a TLS handshake", OBSERVABLE_TEXT}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct observable salted = {rules[i].salt, row->value.value};
        buf_put_text(out, "alert ");
        buf_put_text(out, rules[i].protocol);
        buf_put_text(out, " $HOME_NET any -> any any");
        rule_message(out, row, rules[i].what);
        buf_put_text(out, " ");
        buf_put_text(out, rules[i].buffer);
        buf_put_text(out, "; dotprefix; content:\".");
        content_put(out, row->value.value);
        buf_put_text(out, "\"; nocase; endswith;");
        rule_end(out, row, sid_of(sids, salted));
    }
}

static bool url_rule(struct buf *out, const struct export_row *row, struct sids *sids) {
    struct bytes host, path;
    if (!export_url_parts(row->value.value, &host, &path) || host.size > CONTENT_MAX) return false;
    if (path.size > CONTENT_MAX) path.size = CONTENT_MAX;
    buf_put_text(out, "alert http $HOME_NET any -> any any");
    rule_message(out, row, "a URL");
    buf_put_text(out, " http.host; content:\"");
    content_put(out, host);
    buf_put_text(out, "\"; bsize:");
    buf_put_decimal(out, host.size);
    buf_put_text(out, "; http.uri; content:\"");
    content_put(out, path);
    buf_put_text(out, "\"; startswith;");
    rule_end(out, row, sid_of(sids, row->value));
    return true;
}

static void rules_row(struct export *work, const struct export_row *row) {
    struct state *state = export_state(work, sizeof *state);
    struct buf *out = export_out(work);
    if (!state) return;
    if (!sids_ready(&state->sids, export_row_count(work))) {
        out->failed = out->memory_failed = true;
        return;
    }
    if (row->value.kind == OBSERVABLE_DOMAIN) {
        domain_rules(out, row, &state->sids);
    } else if (row->value.kind == OBSERVABLE_URL) {
        if (!url_rule(out, row, &state->sids)) export_leave_out(work, EXPORT_NAME, row->id);
    } else {
        buf_put_text(out, "alert ip $HOME_NET any -> ");
        observable_text(out, row->value);
        buf_put_text(out, " any");
        rule_message(out, row, "an address");
        rule_end(out, row, sid_of(&state->sids, row->value));
    }
}

static void rules_head(struct export *work) { buf_put_text(export_out(work), "# Suricata rules, made by comity export\n"); }

static void rules_release(void *memory) {
    struct state *state = memory;
    free(state->sids.table);
}

const struct export_format export_suricata = {
    .name = "suricata",
    .summary = "Suricata rules, one for each value",
    .kinds = EXPORT_ADDRESSES | EXPORT_KIND(OBSERVABLE_DOMAIN) | EXPORT_KIND(OBSERVABLE_URL),
    .blocking = true,
    .unique = true,
    .head = rules_head,
    .row = rules_row,
    .release = rules_release,
};

/* --- datasets --- */

struct dataset {
    enum observable_kind kind;
    const char *file, *rule;
};
static const struct dataset datasets[] = {
    {OBSERVABLE_DOMAIN, "comity-domains.lst",
     "alert dns $HOME_NET any -> any any (msg:\"Comity: a name in a DNS question\"; dns.query; to_lowercase; "
     "dataset:isset,comity-domains,type string,load comity-domains.lst; classtype:trojan-activity; sid:4294901761; rev:1;)\n"
     "alert tls $HOME_NET any -> any any (msg:\"Comity: a name in a TLS handshake\"; tls.sni; to_lowercase; "
     "dataset:isset,comity-domains,type string,load comity-domains.lst; classtype:trojan-activity; sid:4294901762; rev:1;)\n"},
    {OBSERVABLE_MD5, "comity-md5.lst",
     "alert http any any -> any any (msg:\"Comity: a file\"; file.data; to_md5; "
     "dataset:isset,comity-md5,type md5,load comity-md5.lst; classtype:trojan-activity; sid:4294901763; rev:1;)\n"},
    {OBSERVABLE_SHA256, "comity-sha256.lst",
     "alert http any any -> any any (msg:\"Comity: a file\"; file.data; to_sha256; "
     "dataset:isset,comity-sha256,type sha256,load comity-sha256.lst; classtype:trojan-activity; sid:4294901764; rev:1;)\n"},
};

struct dataset_state {
    enum observable_kind open;
    bool made[OBSERVABLE_KIND_COUNT];
};

static void dataset_open(struct export *work, struct dataset_state *state, enum observable_kind kind) {
    if (state->open == kind) return;
    for (size_t i = 0; i < sizeof datasets / sizeof *datasets; i++)
        if (datasets[i].kind == kind) export_file(work, datasets[i].file);
    state->open = kind;
    state->made[kind] = true;
}

static void dataset_row(struct export *work, const struct export_row *row) {
    struct dataset_state *state = export_state(work, sizeof *state);
    char text[sodium_base64_ENCODED_LEN(256, sodium_base64_VARIANT_ORIGINAL)];
    if (!state) return;
    dataset_open(work, state, row->value.kind);
    if (row->value.kind == OBSERVABLE_DOMAIN) {
        /* Strings of a dataset stand in base64; a name has at most 253 octets. */
        sodium_bin2base64(text, sizeof text, row->value.value.data, row->value.value.size, sodium_base64_VARIANT_ORIGINAL);
        buf_put_text(export_out(work), text);
    } else {
        observable_text(export_out(work), row->value);
    }
    buf_put_u8(export_out(work), '\n');
}

/* The rules come last: what they load stands then. Kinds without a value get an empty file, so that the rules load. */
static void dataset_tail(struct export *work) {
    struct dataset_state *state = export_state(work, sizeof *state);
    if (!state) return;
    for (size_t i = 0; i < sizeof datasets / sizeof *datasets; i++)
        if (!state->made[datasets[i].kind]) dataset_open(work, state, datasets[i].kind);
    export_file(work, "comity.rules");
    for (size_t i = 0; i < sizeof datasets / sizeof *datasets; i++) buf_put_text(export_out(work), datasets[i].rule);
}

const struct export_format export_suricata_datasets = {
    .name = "suricata-datasets",
    .summary = "Suricata datasets with their rules, for many values",
    .kinds = EXPORT_KIND(OBSERVABLE_DOMAIN) | EXPORT_KIND(OBSERVABLE_MD5) | EXPORT_KIND(OBSERVABLE_SHA256),
    .blocking = true,
    .unique = true,
    .folder = true,
    .row = dataset_row,
    .tail = dataset_tail,
};
