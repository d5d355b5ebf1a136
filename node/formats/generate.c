#include "node/formats/generate.h"

#include "node/formats/marking.h"
#include "node/formats/observable.h"
#include "node/formats/stixmarks.h"

#include <string.h>

void generate_init(struct generate *generate, const struct intake_options *options) {
    static const uint8_t space[UUID_BYTES] = GENERATE_SPACE;
    char agency[2 * INTAKE_AGENCY_BYTES + 1];
    memset(generate, 0, offsetof(struct generate, item));
    generate->options = options;
    buf_init(&generate->text, ITEM_TEXT_BYTES_MAX);
    buf_init(&generate->scratch, 0);
    buf_init(&generate->marks, 0);
    hex_encode(agency, bytes_of(options->agency_id, INTAKE_AGENCY_BYTES));
    uuid_v5(generate->space, space, bytes_of_text(agency));
    moment_text(generate->now, options->now_ms);
}

void generate_free(struct generate *generate) {
    buf_free(&generate->text);
    buf_free(&generate->scratch);
    buf_free(&generate->marks);
}

/* A JSON string's inside: what must be escaped is, and nothing else. */
static void put_json(struct buf *out, struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\') {
            buf_put_u8(out, '\\');
            buf_put_u8(out, c);
        } else if (c < ' ') {
            buf_put_format(out, "\\u%04x", c);
        } else {
            buf_put_u8(out, c);
        }
    }
}

/* A value inside a STIX pattern's quotes. */
static void put_quoted(struct buf *out, struct bytes value) {
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '\'' || value.data[i] == '\\') buf_put_u8(out, '\\');
        buf_put_u8(out, value.data[i]);
    }
}

static const char *path_of(enum observable_kind kind) {
    switch (kind) {
    case OBSERVABLE_IPV4: return "ipv4-addr:value";
    case OBSERVABLE_IPV6: return "ipv6-addr:value";
    case OBSERVABLE_DOMAIN: return "domain-name:value";
    case OBSERVABLE_URL: return "url:value";
    case OBSERVABLE_EMAIL: return "email-addr:value";
    case OBSERVABLE_MD5: return "file:hashes.MD5";
    case OBSERVABLE_SHA1: return "file:hashes.'SHA-1'";
    case OBSERVABLE_SHA256: return "file:hashes.'SHA-256'";
    case OBSERVABLE_SHA512: return "file:hashes.'SHA-512'";
    default: return "artifact:x_text";
    }
}

static void put_id(struct generate *generate, char id[static UUID_CHARS + 1], struct observable observable) {
    uint8_t uuid[UUID_BYTES];
    buf_clear(&generate->scratch);
    buf_put_text(&generate->scratch, observable_kind_name(observable.kind));
    buf_put_u8(&generate->scratch, ':');
    observable_text(&generate->scratch, observable);
    uuid_v5(uuid, generate->space, bytes_of_buf(&generate->scratch));
    uuid_text(id, uuid);
}

static void put_pattern(struct generate *generate, struct observable observable) {
    struct buf *scratch = &generate->scratch;
    buf_clear(scratch);
    observable_text(scratch, observable);
    size_t plain = scratch->size;
    buf_put_text(scratch, "[");
    buf_put_text(scratch, path_of(observable.kind));
    buf_put_text(scratch, " = '");
    if (buf_reserve(scratch, 2 * plain + 2)) put_quoted(scratch, bytes_of(scratch->data, plain)); /* reserved: the view stays put */
    buf_put_text(scratch, "']");
    if (!scratch->failed) put_json(&generate->text, bytes_of(scratch->data + plain, scratch->size - plain));
}

static void put_extras(struct buf *text, const struct generate_source *source) {
    char until[MOMENT_TEXT_BYTES];
    if (source->valid_until_ms > 0) {
        moment_text(until, source->valid_until_ms);
        buf_put_format(text, ",\"valid_until\":\"%s\"", until);
    }
    if (source->confidence != GENERATE_NO_CONFIDENCE) buf_put_format(text, ",\"confidence\":%d", source->confidence);
    if (source->description.size > 0) {
        buf_put_text(text, ",\"description\":\"");
        put_json(text, source->description);
        buf_put_text(text, "\"");
    }
    for (size_t i = 0; i < source->label_count; i++) {
        buf_put_text(text, i == 0 ? ",\"labels\":[\"" : "\",\"");
        put_json(text, source->labels[i]);
    }
    if (source->label_count > 0) buf_put_text(text, "\"]");
}

/* The options' marks, and what labels of the row say that are markings. */
static enum err put_marks(struct generate *generate, const struct generate_source *source) {
    struct marks marks = {0}, label;
    struct item *item = &generate->item;
    item->marks = bytes_of(NULL, 0);
    if (!generate->options->marks && source->label_count == 0) return OK;
    if (generate->options->marks) marks = *generate->options->marks;
    for (size_t i = 0; i < source->label_count; i++) {
        label = (struct marks){0};
        if (!stixmarks_label(source->labels[i], &label, &item->tlp)) label.unknown = source->labels[i];
        if (!marking_merge(&marks, &label)) marks = (struct marks){.unknown = bytes_of_text(MARKING_CONTRADICTION)};
    }
    if (marks_empty(&marks)) return OK;
    buf_clear(&generate->marks);
    enum err err = marks_write(&generate->marks, &marks);
    item->marks = bytes_of_buf(&generate->marks);
    return err;
}

enum err generate_indicator(struct generate *generate, const struct generate_source *source, struct intake_place place) {
    struct buf *text = &generate->text;
    struct item *item = &generate->item;
    char id[UUID_CHARS + 1];
    put_id(generate, id, source->observable);
    item->tlp = tlp_stricter(source->tlp, generate->options->tlp);
    enum err err = put_marks(generate, source);
    if (err != OK) return err;
    buf_clear(text);
    buf_put_text(text, "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--");
    size_t id_at = text->size - strlen("indicator--");
    buf_put_text(text, id);
    buf_put_format(text, "\",\"created\":\"%s\",\"modified\":\"%s\"", generate->now, generate->now);
    buf_put_text(text, ",\"pattern\":\"");
    put_pattern(generate, source->observable);
    buf_put_format(text, "\",\"pattern_type\":\"stix\",\"valid_from\":\"%s\"", generate->now);
    put_extras(text, source);
    if (item->tlp != TLP_NONE) buf_put_format(text, ",\"object_marking_refs\":[\"%s\"]", tlp_marking_id(item->tlp));
    buf_put_text(text, "}");
    if (generate->scratch.failed) return ERR_MEMORY;
    if (buf_result(text) != OK) return buf_result(text);
    item->type = bytes_of_text("indicator");
    item->id = bytes_of(text->data + id_at, strlen("indicator--") + UUID_CHARS);
    item->modified_ms = generate->options->now_ms;
    item->valid_until_ms = source->valid_until_ms;
    item->revoked = false;
    item->observables[0] = source->observable;
    item->observable_count = 1;
    item->text = bytes_of_buf(text);
    place.generated = true;
    return generate->options->accept(generate->options->context, item, &place);
}
