// CRC32C (Castagnoli) with the processor's own instruction where there is one, and flags and calls
// that Swift cannot import. Everything here is stateless and thread-safe.
#ifndef CAPUS_H
#define CAPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// CRC32C of `length` bytes, continuing from `seed` (0 to begin).
uint32_t capus_crc32c(uint32_t seed, const void *bytes, size_t length);

/// The portable implementation, so that tests can hold the fast one against it.
uint32_t capus_crc32c_portable(uint32_t seed, const void *bytes, size_t length);

/// `O_DIRECT` where the system has it, otherwise 0.
int capus_o_direct(void);

/// Names the calling thread for debuggers and profilers; 15 characters are kept.
void capus_name_thread(const char *name);

/// Has the system begin to write a part of a file that is in its cache; without waiting, and without a promise. An error
/// shows in the next flush.
void capus_start_writing(int descriptor, int64_t position, int64_t count);

/// `syncfs`: flushes the file system that `descriptor` is on. 0, or -1 with errno set.
int capus_syncfs(int descriptor);

/// Fills `length` bytes, 256 at most, with what nobody can foresee, in one call of the system; false when that cannot be.
bool capus_random(void *bytes, size_t length);

/// Gives memory that was freed and is still held for later back to the system, where the allocator can; takes milliseconds.
void capus_return_memory(void);

/// Has the processor fetch the memory at an address, which need not be one, while the program goes on.
static inline void capus_prefetch(const void *address) { __builtin_prefetch(address); }

/// As `capus_prefetch`, for memory that is about to be written.
static inline void capus_prefetch_for_writing(const void *address) { __builtin_prefetch(address, 1); }

/// 1 or 0, and no jump: for what nobody can guess, and a wrong guess would cost more than what is done.
static inline int64_t capus_count(bool is) {
    int64_t count = is;
    __asm__("" : "+r"(count));
    return count;
}

/// Looks at sixteen bytes, of which those in use have their high bit set: bit n of the result says whether byte n is `tag`, as far as all before
/// it are in use; bit 16 says that all are.
static inline uint32_t capus_tags(const void *bytes, uint8_t tag) {
#if defined(__SSE2__)
    __m128i tags = _mm_loadu_si128((const __m128i *)bytes);
    uint32_t found = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag)));
    uint32_t empty = ~(uint32_t)_mm_movemask_epi8(tags);
#else
    uint32_t found = 0, empty = 1 << 16;
    for (int index = 0; index < 16; index++) {
        uint8_t byte = ((const uint8_t *)bytes)[index];
        found |= (uint32_t)(byte == tag) << index;
        empty |= (uint32_t)(byte < 0x80) << index;
    }
#endif
    return (found | 1 << 16) & (empty ^ (empty - 1));
}

/// Whether sixteen bytes are `words`, in those bits that `mask` has.
static inline bool capus_is_equal(const void *bytes, const void *words, const void *mask) {
#if defined(__SSE2__)
    __m128i text = _mm_and_si128(_mm_loadu_si128((const __m128i *)bytes), _mm_loadu_si128((const __m128i *)mask));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_loadu_si128((const __m128i *)words))) == 0xFFFF;
#else
    for (int index = 0; index < 16; index++) {
        if ((((const uint8_t *)bytes)[index] & ((const uint8_t *)mask)[index]) != ((const uint8_t *)words)[index]) return false;
    }
    return true;
#endif
}

/// Looks at sixteen bytes of JSON text: bit n of the result says that byte n is none that a string has as it is: a quote, a backslash, a control
/// character, or one that is not ASCII.
static inline uint32_t capus_special(const void *bytes) {
#if defined(__SSE2__)
    __m128i text = _mm_loadu_si128((const __m128i *)bytes);
    // As signed numbers, those that are not ASCII are less than those that control.
    __m128i special = _mm_cmplt_epi8(text, _mm_set1_epi8(0x20));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(text, _mm_set1_epi8('"')));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(text, _mm_set1_epi8('\\')));
    return (uint32_t)_mm_movemask_epi8(special);
#else
    uint32_t special = 0;
    for (int index = 0; index < 16; index++) {
        uint8_t byte = ((const uint8_t *)bytes)[index];
        special |= (uint32_t)(byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') << index;
    }
    return special;
#endif
}

/// The first `count` bytes of a text, 63 at most: bit n of the result says that byte n is a mark, that is, ASCII, and neither a letter nor a digit nor
/// control. Nothing behind `count` bytes is looked at.
uint64_t capus_marks(const uint8_t *text, size_t count);

#endif
