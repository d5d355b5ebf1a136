#include "node/net/endpoint_text.h"

#include "crypto/agency.h"
#include "node/net/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#define SCHEME          "tcp://"
#define NAME_BYTES_MAX  253
#define LABEL_BYTES_MAX 63

static bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool name_valid(const char *name) {
    size_t label = 0, size = strlen(name);
    if (size == 0 || size > NAME_BYTES_MAX || name[0] == '-') return false;
    for (size_t i = 0; i < size; i++) {
        if (name[i] == '.') {
            if (label == 0) return false;
            label = 0;
        } else if (!(is_alphanumeric(name[i]) || name[i] == '-' || name[i] == '_') || ++label > LABEL_BYTES_MAX) {
            return false;
        }
    }
    return true;
}

/* All digits and dots must be an address: "10.0.0.300" is no name. */
static bool host_valid(const char *host) {
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (strchr(host, ':')) return inet_pton(AF_INET6, host, &ipv6) == 1;
    if (host[strspn(host, "0123456789.")] == 0) return inet_pton(AF_INET, host, &ipv4) == 1;
    return name_valid(host);
}

const char *endpoint_text_problem(const char *text) {
    char host[ENDPOINT_HOST_MAX];
    uint16_t port = 0;
    size_t scheme = strlen(SCHEME);
    if (strlen(text) > AGENCY_ENDPOINT_BYTES_MAX) return "it is longer than 128 bytes";
    if (strncmp(text, SCHEME, scheme) != 0) return "it does not start with tcp://";
    const char *last = strrchr(text + scheme, ':'), *bracket = strrchr(text + scheme, ']');
    if (!last || (bracket && bracket > last)) return "the port is missing";
    if (text[scheme] != '[' && strchr(text + scheme, ':') != last)
        return "an IPv6 address stands in brackets: tcp://[ADDRESS]:PORT";
    if (strncmp(text + scheme, "*:", 2) == 0) return "for all addresses of this machine write 0.0.0.0 or [::]";
    enum err err = endpoint_split(bytes_of_text(text), host, &port);
    if (err == ERR_RANGE || (err == OK && port == 0)) return "the port is no number from 1 to 65535";
    if (last[1] == 0 || last[1 + strspn(last + 1, "0123456789")] != 0) return "the port is no number from 1 to 65535";
    return err == OK && host_valid(host) ? NULL : "the host is no name and no address";
}

bool endpoint_text_wildcard(const char *text) {
    char host[ENDPOINT_HOST_MAX];
    uint16_t port;
    struct in6_addr ipv6;
    if (endpoint_split(bytes_of_text(text), host, &port) != OK) return false;
    if (inet_pton(AF_INET6, host, &ipv6) == 1) return IN6_IS_ADDR_UNSPECIFIED(&ipv6);
    return strcmp(host, "0.0.0.0") == 0;
}
