// Marks: the characters that beginnings and ends of texts mostly stop at, found sixteen at a time. They have a bit each, so that lengths which are
// looked for are sifted all at once.
#include "capus.h"

#if defined(__SSE2__)
static inline uint64_t marks(__m128i text) {
    // Characters as signed numbers: those that are not ASCII are less than all that count.
    __m128i printed = _mm_and_si128(
        _mm_cmpgt_epi8(text, _mm_set1_epi8(0x1F)), _mm_cmplt_epi8(text, _mm_set1_epi8(0x7F)));
    __m128i digit = _mm_and_si128(
        _mm_cmpgt_epi8(text, _mm_set1_epi8('0' - 1)), _mm_cmplt_epi8(text, _mm_set1_epi8('9' + 1)));
    __m128i small = _mm_or_si128(text, _mm_set1_epi8(0x20));
    __m128i letter = _mm_and_si128(
        _mm_cmpgt_epi8(small, _mm_set1_epi8('a' - 1)), _mm_cmplt_epi8(small, _mm_set1_epi8('z' + 1)));
    return (uint32_t)_mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(digit, letter), printed));
}
#endif

static inline uint64_t is_mark(uint8_t byte) {
    uint8_t small = byte | 0x20;
    return byte > 0x1F && byte < 0x7F && !(byte >= '0' && byte <= '9') && !(small >= 'a' && small <= 'z');
}

uint64_t capus_marks(const uint8_t *text, size_t count) {
    uint64_t found = 0;
    size_t index = 0;
#if defined(__SSE2__)
    for (; index + 16 <= count; index += 16) {
        found |= marks(_mm_loadu_si128((const __m128i *)(text + index))) << index;
    }
    if (index < count && count >= 16) {
        // Once more those before, so that nothing behind the text is read.
        index = count - 16;
        return found | marks(_mm_loadu_si128((const __m128i *)(text + index))) << index;
    }
    if (index + 8 <= count) {
        uint64_t first = marks(_mm_loadl_epi64((const __m128i *)text)) & 0xFF;
        index = count - 8;
        return first | (marks(_mm_loadl_epi64((const __m128i *)(text + index))) & 0xFF) << index;
    }
#endif
    for (; index < count; index++) found |= is_mark(text[index]) << index;
    return found;
}
