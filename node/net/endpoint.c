/* endpoint: the texts "tcp://HOST:PORT" that say where a node listens. */
#include "node/net/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

static const char scheme[] = "tcp://";

static enum err port_parse(struct bytes digits, uint16_t *port) {
    uint32_t value = 0;
    if (digits.size == 0 || digits.size > 5) return ERR_SYNTAX;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') return ERR_SYNTAX;
        value = value * 10 + (digits.data[i] - '0');
    }
    if (value > UINT16_MAX) return ERR_RANGE;
    *port = (uint16_t)value;
    return OK;
}

static bool host_byte_allowed(uint8_t byte, bool bracketed) {
    if ((byte >= '0' && byte <= '9') || byte == '.') return true;
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')) return true;
    return bracketed ? byte == ':' : byte == '-' || byte == '_';
}

enum err endpoint_split(struct bytes text, char host[static ENDPOINT_HOST_MAX], uint16_t *port) {
    size_t scheme_bytes = sizeof scheme - 1;
    if (text.size >= ENDPOINT_BYTES_MAX || text.size <= scheme_bytes || memcmp(text.data, scheme, scheme_bytes) != 0)
        return ERR_SYNTAX;
    size_t colon = text.size;
    while (colon > scheme_bytes && text.data[colon - 1] != ':') colon--;
    if (colon <= scheme_bytes) return ERR_SYNTAX;
    struct bytes name = bytes_of(text.data + scheme_bytes, colon - 1 - scheme_bytes);
    bool bracketed = name.size >= 2 && name.data[0] == '[' && name.data[name.size - 1] == ']';
    if (bracketed) name = bytes_of(name.data + 1, name.size - 2);
    if (name.size == 0 || name.size >= ENDPOINT_HOST_MAX) return ERR_SYNTAX;
    for (size_t i = 0; i < name.size; i++) {
        if (!host_byte_allowed(name.data[i], bracketed)) return ERR_SYNTAX;
    }
    memcpy(host, name.data, name.size);
    host[name.size] = '\0';
    struct in6_addr address;
    if (bracketed && inet_pton(AF_INET6, host, &address) != 1) return ERR_SYNTAX;
    return port_parse(bytes_of(text.data + colon, text.size - colon), port);
}

bool endpoint_literal(struct bytes text, bool port_any) {
    char host[ENDPOINT_HOST_MAX];
    uint16_t port;
    if (endpoint_split(text, host, &port) != OK || (port == 0 && !port_any)) return false;
    struct in6_addr address;
    return inet_pton(strchr(host, ':') != NULL ? AF_INET6 : AF_INET, host, &address) == 1;
}

bool endpoint_list_next(struct cursor *list, char out[static ENDPOINT_BYTES_MAX]) {
    if (list->failed || list->left == 0) return false;
    struct bytes text = cursor_take(list, cursor_u8(list));
    if (list->failed || text.size == 0 || text.size >= ENDPOINT_BYTES_MAX || memchr(text.data, 0, text.size) != NULL) {
        list->failed = true;
        return false;
    }
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

bool endpoint_list_valid(struct bytes list) {
    struct cursor cursor = cursor_of(list);
    char text[ENDPOINT_BYTES_MAX];
    size_t count = 0;
    while (endpoint_list_next(&cursor, text)) {
        if (++count > ENDPOINT_LIST_MAX || !endpoint_literal(bytes_of_text(text), false)) return false;
    }
    return cursor_done(&cursor);
}
