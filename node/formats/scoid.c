#include "node/formats/scoid.h"

#include "node/formats/json_out.h"
#include "node/formats/observable.h"

#include <stdio.h>

/* 00abedb4-aa42-466c-9c01-fed23315a9b7: the standard's own namespace */
static const uint8_t space[UUID_BYTES] = {0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c,
                                          0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};

bool scoid_of(char out[static SCOID_BYTES_MAX], struct observable observable) {
    static const char *const types[OBSERVABLE_KIND_COUNT] = {[OBSERVABLE_IPV4] = "ipv4-addr",
                                                             [OBSERVABLE_IPV6] = "ipv6-addr",
                                                             [OBSERVABLE_DOMAIN] = "domain-name",
                                                             [OBSERVABLE_URL] = "url",
                                                             [OBSERVABLE_EMAIL] = "email-addr"};
    const char *type = observable.kind < OBSERVABLE_KIND_COUNT ? types[observable.kind] : NULL;
    struct buf value = {0}, name = {0};
    uint8_t uuid[UUID_BYTES];
    char text[UUID_CHARS + 1];
    if (!type) return false;
    /* The value alone contributes, in canonical JSON (RFC 8785). */
    struct json_out json = json_out_of(&name);
    observable_text(&value, observable);
    json_out_object(&json);
    json_out_key(&json, "value");
    json_out_string(&json, bytes_of_buf(&value));
    json_out_object_end(&json);
    bool made = !value.failed && !name.failed;
    if (made) {
        uuid_v5(uuid, space, bytes_of_buf(&name));
        uuid_text(text, uuid);
        snprintf(out, SCOID_BYTES_MAX, "%s--%s", type, text);
    }
    buf_free(&value);
    buf_free(&name);
    return made;
}
