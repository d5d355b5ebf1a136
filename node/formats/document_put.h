/* document_put: keys and values of the documents that the engine answers with (document.h). Pure. */
#ifndef NODE_DOCUMENT_PUT_H
#define NODE_DOCUMENT_PUT_H

#include "crypto/bytes.h"

void document_put_text(struct buf *out, const char *key, const char *value); /* UTF-8 */
void document_put_string(struct buf *out, const char *key, struct bytes value);
void document_put_uint(struct buf *out, const char *key, uint64_t value);
void document_put_bool(struct buf *out, const char *key, bool value);
void document_put_hex(struct buf *out, const char *key, const uint8_t *value, size_t size); /* at most 32 bytes, as text */
void document_put_time(struct buf *out, const char *key, uint64_t ms);                      /* nil for 0 */

#endif
