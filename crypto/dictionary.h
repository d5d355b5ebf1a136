/* dictionary: the zstd dictionary that ships with the code; made by dictionary_train.py. PROTOCOL.md 5.2 */
#ifndef CRYPTO_DICTIONARY_H
#define CRYPTO_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#define DICTIONARY_VERSION 1 /* the container's version names it; other bytes need another number */

extern const uint8_t dictionary_bytes[];
extern const size_t dictionary_size;

#endif
