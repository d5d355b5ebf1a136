/* What a TAXII client sends: media types, credentials, parameters of a query, and a `next`. A filter survives writing and reading. */
#include "node/web/credentials.h"
#include "node/web/taxii_filter.h"
#include "node/web/taxii_media.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[TAXII_KEY_BYTES] = {1}, collection[UUID_BYTES] = {2}, another[UUID_BYTES] = {3};

static void bounds_check(const struct taxii_filter *filter) {
    if (filter->limit < 1 || filter->limit > TAXII_LIMIT_MAX || filter->type_count > TAXII_VALUES_MAX ||
        filter->id_count > TAXII_VALUES_MAX || filter->moment_count > TAXII_MOMENTS_MAX)
        abort();
    for (size_t i = 0; i < filter->id_count; i++)
        if (!memchr(filter->ids[i], 0, sizeof filter->ids[i])) abort();
    for (size_t i = 0; i < filter->type_count; i++)
        if (!memchr(filter->types[i], 0, sizeof filter->types[i])) abort();
}

static void next_check(const struct taxii_filter *filter) {
    static struct taxii_filter back;
    struct buf text = {0};
    if (taxii_next_write(&text, filter, collection, key) != OK) abort();
    buf_put_u8(&text, 0);
    const char *next = (const char *)text.data;
    if (taxii_next_read(&back, next, collection, key) != OK || taxii_next_read(&back, next, another, key) == OK) abort();
    if (taxii_next_read(&back, next, collection, key) != OK) abort();
    if (back.limit != filter->limit || back.versions != filter->versions || back.all_versions != filter->all_versions ||
        back.specs != filter->specs || back.id_count != filter->id_count || back.type_count != filter->type_count ||
        memcmp(back.ids, filter->ids, sizeof back.ids) != 0 || memcmp(back.types, filter->types, sizeof back.types) != 0 ||
        back.moment_count != filter->moment_count || memcmp(back.moments, filter->moments, sizeof back.moments) != 0)
        abort();
    bounds_check(&back);
    buf_free(&text);
}

/* Lines of "key=value", as they come out of a URL. */
static void query_check(char *text) {
    static struct taxii_filter filter;
    char why[TAXII_WHY_MAX] = "";
    enum err err = OK;
    taxii_filter_init(&filter);
    for (char *line = text, *rest; err == OK && line; line = rest) {
        rest = strchr(line, '\n');
        if (rest) *rest++ = 0;
        char *value = strchr(line, '=');
        if (value) *value++ = 0;
        err = taxii_filter_add(&filter, line, value, why);
    }
    if (err != OK) {
        if (why[0] == 0 || !memchr(why, 0, sizeof why)) abort();
        return;
    }
    taxii_filter_finish(&filter);
    bounds_check(&filter);
    next_check(&filter);
}

static void text_check(char *text) {
    static struct taxii_filter filter;
    char space[CREDENTIALS_BYTES_MAX];
    struct bytes name, token;
    if (credentials_read(text, space, &name, &token)) {
        if (token.size == 0 || token.data < (uint8_t *)space || token.data + token.size > (uint8_t *)space + sizeof space) abort();
        if (name.data && (name.data != (uint8_t *)space || name.data + name.size >= token.data)) abort();
    }
    (void)taxii_media_accepted(text), (void)taxii_media_content(text);
    if (taxii_next_read(&filter, text, collection, key) == OK) bounds_check(&filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct taxii_filter filter;
    char *text = malloc(size + 1);
    if (!text) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = 0;
    text_check(text);
    query_check(text);
    uint8_t of[UUID_BYTES];
    if (taxii_next_plain(&filter, of, bytes_of(data, size))) bounds_check(&filter);
    free(text);
    return 0;
}
