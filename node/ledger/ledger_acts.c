/* ledger: administrative acts as clients ask for them: what was asked is told, whether or not it was then allowed. */
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

#define ABOUT_BYTES_MAX 160

/* Appends a text behind a blank, as much of it as fits, whole characters only. */
static void about_add(char out[static ABOUT_BYTES_MAX], struct bytes text) {
    size_t at = strlen(out), room = ABOUT_BYTES_MAX - at;
    if (text.size == 0 || room < 2) return;
    if (at > 0) out[at++] = ' ', room--;
    if (text.size >= room) {
        text.size = room - 1;
        while (text.size > 0 && (text.data[text.size] & 0xc0) == 0x80) text.size--;
    }
    memcpy(out + at, text.data, text.size);
    out[at + text.size] = 0;
}

/* "add nightfall cert.b": the verb and what follows it in names. False: it changes nothing. */
static bool named_act(struct pack_reader *reader, uint32_t fields, char *act, size_t act_bytes, const char *noun, char *about) {
    struct bytes verb = pack_read_str(reader);
    if (pack_failed(reader) || verb.size > 16 || bytes_equal_text(verb, "list") || bytes_equal_text(verb, "show")) return false;
    if (strcmp(noun, "subscription") == 0 && bytes_equal_text(verb, "test")) return false; /* told as a look */
    snprintf(act, act_bytes, "%s %.*s", noun, (int)verb.size, (const char *)verb.data);
    bool one = bytes_equal_text(verb, "create") || strcmp(noun, "subscription") == 0;
    uint32_t names = one ? 1 : bytes_equal_text(verb, "propose") ? 0 : fields - 1;
    for (uint32_t i = 0; i < names && !pack_failed(reader); i++) about_add(about, pack_read_str(reader));
    return true;
}

/* By number; `about_first`: an object's id follows. */
static bool numbered_act(struct pack_reader *reader, char *act, size_t act_bytes, const char *const *verbs, size_t verb_count,
                         bool about_first, char *about) {
    uint64_t verb = pack_read_uint(reader);
    if (pack_failed(reader) || verb >= verb_count || !verbs[verb]) return false;
    snprintf(act, act_bytes, "%s", verbs[verb]);
    if (about_first) about_add(about, pack_read_str(reader));
    return true;
}

void ledger_acts(struct engine *engine, const struct client *client, const struct frame *frame) {
    static const char *const permissions[] = {NULL, "permission ask", "permission grant", "permission deny"};
    static const char *const requests[] = {NULL, "request send", NULL, NULL, "request tell"};
    struct pack_reader reader = pack_reader_of(frame->body);
    char act[48] = "", about[ABOUT_BYTES_MAX] = "";
    uint32_t fields = pack_read_array(&reader);
    bool told = false;
    switch (frame->type) {
    case FRAME_ASK_GROUP: told = named_act(&reader, fields, act, sizeof act, "group", about); break;
    case FRAME_ASK_SUBSCRIPTION: told = named_act(&reader, fields, act, sizeof act, "subscription", about); break;
    case FRAME_ASK_AGREEMENT: told = named_act(&reader, fields, act, sizeof act, "agreement", about); break;
    case FRAME_ASK_PERMISSION: told = numbered_act(&reader, act, sizeof act, permissions, 4, true, about); break;
    case FRAME_ASK_REQUEST: told = numbered_act(&reader, act, sizeof act, requests, 5, false, about); break;
    case FRAME_ASK_SHARE:
        snprintf(act, sizeof act, "share");
        about_add(about, pack_read_str(&reader));
        told = true;
        break;
    case FRAME_ASK_BACKUP:
        snprintf(act, sizeof act, "backup");
        told = true;
        break;
    default: break;
    }
    if (told && !pack_failed(&reader)) ledger_act(engine, NULL, client, act, about);
}
