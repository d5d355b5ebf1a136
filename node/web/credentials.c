#include "node/web/credentials.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool credentials_read(const char *header, char space[static CREDENTIALS_BYTES_MAX], struct bytes *name, struct bytes *token) {
    size_t size = 0;
    *name = *token = bytes_of(NULL, 0);
    if (strlen(header) >= CREDENTIALS_BYTES_MAX) return false;
    /* "Token" is no scheme of a standard; OASIS's own client sends it all the same. */
    size_t bare = strncasecmp(header, "Bearer ", 7) == 0 ? 7 : strncasecmp(header, "Token ", 6) == 0 ? 6 : 0;
    if (bare > 0) {
        size = (size_t)snprintf(space, CREDENTIALS_BYTES_MAX, "%s", header + bare);
        *token = bytes_of(space, size);
        return size > 0;
    }
    if (strncasecmp(header, "Basic ", 6) != 0) return false;
    if (sodium_base642bin((uint8_t *)space, CREDENTIALS_BYTES_MAX, header + 6, strlen(header + 6), " ", &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    const char *colon = memchr(space, ':', size);
    if (!colon) return false;
    *name = bytes_of(space, (size_t)(colon - space));
    *token = bytes_of(colon + 1, size - name->size - 1);
    return name->size > 0 && token->size > 0;
}
