/* selftest: what the library must do and must refuse, tried at every start. */
#include "crypto/selftest.h"

#include "crypto/hash.h"
#include "crypto/verify.h"

#include <sodium.h>
#include <string.h>

static bool equals_hex(const uint8_t *value, size_t size, const char *hex) {
    uint8_t expected[64];
    return hex_decode(expected, size, bytes_of_text(hex)) && memcmp(value, expected, size) == 0;
}

/* RFC 8032 section 7.1, test 2. */
static bool check_ed25519(void) {
    static const char seed_hex[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    uint8_t seed[SIGN_SEED_BYTES], public_key[SIGN_PUBLIC_BYTES], secret[crypto_sign_SECRETKEYBYTES], signature[SIGN_BYTES];
    const uint8_t message = 0x72;
    if (!hex_decode(seed, sizeof seed, bytes_of_text(seed_hex))) return false;
    crypto_sign_seed_keypair(public_key, secret, seed);
    crypto_sign_detached(signature, NULL, &message, 1, secret);
    if (!equals_hex(public_key, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c") ||
        !equals_hex(signature, 64,
                    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"))
        return false;
    if (crypto_sign_verify_detached(signature, &message, 1, public_key) != 0) return false;
    signature[63] ^= 0x10; /* S plus 2^252: past the order, and malleable where it is taken */
    return crypto_sign_verify_detached(signature, &message, 1, public_key) != 0;
}

/* RFC 7693 appendix A for 64 bytes of output; the 32 that we use are from the reference implementation. */
static bool check_blake2b(void) {
    uint8_t hash[64];
    crypto_generichash(hash, 64, (const uint8_t *)"abc", 3, NULL, 0);
    if (!equals_hex(hash, 64,
                    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"))
        return false;
    crypto_generichash(hash, 32, (const uint8_t *)"abc", 3, NULL, 0);
    return equals_hex(hash, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

/* draft-irtf-cfrg-xchacha-03 appendix A.3.1, and that a flipped tag is refused. */
static bool check_aead(void) {
    static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
                               "sunscreen would be it.";
    uint8_t key[32], nonce[24], sealed[sizeof text - 1 + 16], opened[sizeof text - 1];
    static const uint8_t additional[12] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)(0x80 + i);
    for (size_t i = 0; i < sizeof nonce; i++) nonce[i] = (uint8_t)(0x40 + i);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, (const uint8_t *)text, sizeof opened, additional, sizeof additional,
                                               NULL, nonce, key);
    if (!equals_hex(sealed, 16, "bd6d179d3e83d43b9576579493c0e939") ||
        !equals_hex(sealed + sizeof opened, 16, "c0875924c1c7987947deafd8780acf49"))
        return false;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(opened, NULL, NULL, sealed, sizeof sealed, additional, sizeof additional, nonce,
                                                   key) != 0 ||
        memcmp(opened, text, sizeof opened) != 0)
        return false;
    sealed[sizeof sealed - 1] ^= 1;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(opened, NULL, NULL, sealed, sizeof sealed, additional, sizeof additional,
                                                      nonce, key) != 0;
}

/* Points that no honest key is: of small order, not canonical, off the curve, or of prime order with a part of small order added. */
static bool check_ed25519_points(void) {
    static const char *const bad[] = {
        "0100000000000000000000000000000000000000000000000000000000000000", /* order 1 */
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* order 2 */
        "0000000000000000000000000000000000000000000000000000000000000000", /* order 4 */
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", /* order 8 */
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* y = p + 1, not canonical */
        "0200000000000000000000000000000000000000000000000000000000000000", /* not on the curve */
    };
    uint8_t key[32];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!hex_decode(key, sizeof key, bytes_of_text(bad[i])) || verify_key_import(key) == OK) return false;
    return true;
}

/* CVE-2025-69277: a good key is taken, and refused once a point of order 2, 4 or 8 is added to it. */
static bool check_ed25519_mixed(void) {
    static const char *const torsion[] = {"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                          "0000000000000000000000000000000000000000000000000000000000000000",
                                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"};
    static const uint8_t seed[SIGN_SEED_BYTES] = {1};
    uint8_t key[32], small[32], mixed[32];
    sign_public_of_seed(key, seed);
    if (verify_key_import(key) != OK) return false;
    for (size_t i = 0; i < sizeof torsion / sizeof *torsion; i++) {
        if (!hex_decode(small, sizeof small, bytes_of_text(torsion[i]))) return false;
        if (crypto_core_ed25519_add(mixed, key, small) != 0 || verify_key_import(mixed) == OK) return false;
    }
    return true;
}

/* RFC 7748 section 6.1, and the refusal of a point that makes every secret the same. */
static bool check_x25519(void) {
    static const char *const low[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                                      "0100000000000000000000000000000000000000000000000000000000000000",
                                      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"};
    uint8_t secret[32], point[32], shared[32];
    if (!hex_decode(secret, 32, bytes_of_text("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")) ||
        !hex_decode(point, 32, bytes_of_text("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")))
        return false;
    if (crypto_scalarmult(shared, secret, point) != 0) return false;
    if (!equals_hex(shared, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")) return false;
    for (size_t i = 0; i < sizeof low / sizeof *low; i++)
        if (!hex_decode(point, 32, bytes_of_text(low[i])) || crypto_scalarmult(shared, secret, point) == 0) return false;
    return true;
}

enum err selftest_run(const char **what) {
    static const struct {
        const char *name;
        bool (*check)(void);
    } checks[] = {
        {"Ed25519", check_ed25519},
        {"BLAKE2b", check_blake2b},
        {"XChaCha20-Poly1305", check_aead},
        {"refusal of bad Ed25519 points", check_ed25519_points},
        {"refusal of mixed-order Ed25519 points", check_ed25519_mixed},
        {"X25519", check_x25519},
    };
    if (what != NULL) *what = "libsodium";
    if (sodium_init() < 0) return ERR_SELFTEST;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (checks[i].check()) continue;
        if (what != NULL) *what = checks[i].name;
        return ERR_SELFTEST;
    }
    return OK;
}
