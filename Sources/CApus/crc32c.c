// CRC32C, reflected polynomial 0x82F63B78 (RFC 3720, section 12.1).
//
// Three ways, chosen once at run time: the x86 or ARM instruction on three interleaved lanes (the
// instruction takes three cycles but can start every cycle, so three independent sums hide its latency),
// or eight tables. Lanes are joined by multiplying a sum by x^(8n) modulo the polynomial, which is what
// appending n zero bytes does to it.
#include "capus.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82F63B78u
#define LANE_LONG 2048u
#define LANE_SHORT 256u

static uint32_t tables[8][256];
static uint32_t shift_long[4][256];
static uint32_t shift_short[4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

// Effect of `count` zero bytes on every single-byte contribution of a sum.
static void make_shift(uint32_t shift[4][256], size_t count) {
    uint32_t column[32];
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = 1u << bit;
        for (size_t i = 0; i < count; i++) crc = tables[0][crc & 0xff] ^ (crc >> 8);
        column[bit] = crc;
    }
    for (int byte = 0; byte < 4; byte++) {
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t sum = 0;
            for (int bit = 0; bit < 8; bit++)
                if (value & (1u << bit)) sum ^= column[byte * 8 + bit];
            shift[byte][value] = sum;
        }
    }
}

static inline uint32_t apply_shift(const uint32_t shift[4][256], uint32_t crc) {
    return shift[0][crc & 0xff] ^ shift[1][(crc >> 8) & 0xff] ^ shift[2][(crc >> 16) & 0xff] ^ shift[3][crc >> 24];
}

static uint32_t portable(uint32_t crc, const uint8_t *p, size_t n) {
    while (n >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        word ^= crc;
        crc = tables[7][word & 0xff] ^ tables[6][(word >> 8) & 0xff] ^ tables[5][(word >> 16) & 0xff]
            ^ tables[4][(word >> 24) & 0xff] ^ tables[3][(word >> 32) & 0xff] ^ tables[2][(word >> 40) & 0xff]
            ^ tables[1][(word >> 48) & 0xff] ^ tables[0][word >> 56];
        p += 8;
        n -= 8;
    }
    while (n--) crc = tables[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>
#define HARDWARE __attribute__((target("sse4.2")))
#define STEP8(crc, word) _mm_crc32_u64(crc, word)
#define STEP1(crc, byte) _mm_crc32_u8((uint32_t)(crc), byte)
static bool has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define HARDWARE __attribute__((target("crc")))
#define STEP8(crc, word) __crc32cd((uint32_t)(crc), word)
#define STEP1(crc, byte) __crc32cb((uint32_t)(crc), byte)
static bool has_hardware(void) { return (getauxval(AT_HWCAP) & (1 << 7)) != 0; }
#endif

#if defined(HARDWARE)
HARDWARE static inline uint64_t load(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

HARDWARE static uint32_t lanes(uint32_t crc, const uint8_t **bytes, size_t *length, size_t lane,
                               const uint32_t shift[4][256]) {
    const uint8_t *p = *bytes;
    size_t n = *length;
    while (n >= 3 * lane) {
        uint64_t a = crc, b = 0, c = 0;
        const uint8_t *end = p + lane;
        for (; p < end; p += 8) {
            a = STEP8(a, load(p));
            b = STEP8(b, load(p + lane));
            c = STEP8(c, load(p + 2 * lane));
        }
        crc = apply_shift(shift, (uint32_t)a) ^ (uint32_t)b;
        crc = apply_shift(shift, crc) ^ (uint32_t)c;
        p += 2 * lane;
        n -= 3 * lane;
    }
    *bytes = p;
    *length = n;
    return crc;
}

HARDWARE static uint32_t hardware(uint32_t crc, const uint8_t *p, size_t n) {
    crc = lanes(crc, &p, &n, LANE_LONG, shift_long);
    crc = lanes(crc, &p, &n, LANE_SHORT, shift_short);
    uint64_t sum = crc;
    for (; n >= 8; n -= 8, p += 8) sum = STEP8(sum, load(p));
    for (; n > 0; n--, p++) sum = STEP1(sum, *p);
    return (uint32_t)sum;
}
#endif

static uint32_t (*chosen)(uint32_t, const uint8_t *, size_t) = portable;

static void prepare(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][value] = crc;
    }
    for (uint32_t value = 0; value < 256; value++)
        for (int table = 1; table < 8; table++)
            tables[table][value] = tables[0][tables[table - 1][value] & 0xff] ^ (tables[table - 1][value] >> 8);
    make_shift(shift_long, LANE_LONG);
    make_shift(shift_short, LANE_SHORT);
#if defined(HARDWARE)
    if (has_hardware()) chosen = hardware;
#endif
}

uint32_t capus_crc32c(uint32_t seed, const void *bytes, size_t length) {
    pthread_once(&once, prepare);
    return ~chosen(~seed, bytes, length);
}

uint32_t capus_crc32c_portable(uint32_t seed, const void *bytes, size_t length) {
    pthread_once(&once, prepare);
    return ~portable(~seed, bytes, length);
}
