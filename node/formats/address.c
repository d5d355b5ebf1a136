#include "node/formats/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* A decimal number of at most three digits without leading zeros; moves *at behind it. */
static bool number_read(const uint8_t **at, const uint8_t *end, unsigned number_max, uint8_t *out) {
    const uint8_t *start = *at;
    unsigned number = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *at - start < 4) number = number * 10 + (*(*at)++ - '0');
    size_t digits = (size_t)(*at - start);
    if (digits == 0 || digits > 3 || number > number_max || (digits > 1 && *start == '0')) return false;
    *out = (uint8_t)number;
    return true;
}

static void host_bits_clear(uint8_t *address, size_t address_bytes, size_t prefix) {
    for (size_t i = prefix / 8; i < address_bytes; i++) {
        unsigned mask = i == prefix / 8 ? 0xff00u >> prefix % 8 : 0;
        address[i] = (uint8_t)(address[i] & mask & 0xff);
    }
}

/* Nothing, or "/length" up to the end. */
static bool prefix_read(uint8_t *out, const uint8_t *at, const uint8_t *end, unsigned prefix_max) {
    *out = (uint8_t)prefix_max;
    if (at == end) return true;
    return *at++ == '/' && number_read(&at, end, prefix_max, out) && at == end;
}

bool address_ipv4(uint8_t out[static ADDRESS_IPV4_BYTES], struct bytes text) {
    const uint8_t *at = text.data, *end = text.data + text.size;
    for (size_t i = 0; i < 4; i++) {
        if (i > 0 && (at == end || *at++ != '.')) return false;
        if (!number_read(&at, end, 255, &out[i])) return false;
    }
    if (!prefix_read(&out[4], at, end, 32)) return false;
    host_bits_clear(out, 4, out[4]);
    return true;
}

bool address_ipv6(uint8_t out[static ADDRESS_IPV6_BYTES], struct bytes text) {
    char address[INET6_ADDRSTRLEN];
    const uint8_t *slash = text.size == 0 ? NULL : memchr(text.data, '/', text.size);
    size_t size = slash == NULL ? text.size : (size_t)(slash - text.data);
    if (size < 2 || size >= sizeof address || memchr(text.data, 0, size) != NULL) return false;
    memcpy(address, text.data, size);
    address[size] = 0;
    if (inet_pton(AF_INET6, address, out) != 1) return false;
    if (!prefix_read(&out[16], text.data + size, text.data + text.size, 128)) return false;
    host_bits_clear(out, 16, out[16]);
    return true;
}

void address_text(char out[static ADDRESS_TEXT_BYTES], struct bytes value) {
    bool ipv4 = value.size == ADDRESS_IPV4_BYTES;
    unsigned prefix = value.data[value.size - 1];
    char address[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(ipv4 ? AF_INET : AF_INET6, value.data, address, sizeof address);
    if (prefix == (ipv4 ? 32 : 128))
        snprintf(out, ADDRESS_TEXT_BYTES, "%s", address);
    else
        snprintf(out, ADDRESS_TEXT_BYTES, "%s/%u", address, prefix);
}
