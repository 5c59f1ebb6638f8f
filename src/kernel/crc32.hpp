// CRC32 (IEEE 802.3, as zlib's).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__)
#define DELTAWIRE_CARRYLESS 1
#include <immintrin.h>
#endif

namespace deltawire {

class Crc32 {
  public:
    static uint32_t of(const char *text, size_t size, uint32_t before = 0) {
        static const Crc32 crc;
        const auto *at = reinterpret_cast<const unsigned char *>(text);
        uint32_t state = ~before;
#ifdef DELTAWIRE_CARRYLESS
        if (crc.carryless_ && size >= BLOCK) {
            const size_t whole = size & ~(BLOCK - 1);
            state = fold(at, whole, state);
            at += whole;
            size -= whole;
        }
#endif
        return ~crc.slices(at, size, state);
    }

  private:
    static constexpr size_t BLOCK = 16;

    Crc32() {
        for (uint32_t byte = 0; byte < 256; ++byte) {
            uint32_t state = byte;
            for (int bit = 0; bit < 8; ++bit)
                state = state >> 1 ^ (state & 1 ? 0xEDB88320u : 0);
            tables_[0][byte] = state;
        }
        for (uint32_t byte = 0; byte < 256; ++byte)
            for (size_t table = 1; table < 8; ++table)
                tables_[table][byte] =
                    tables_[table - 1][byte] >> 8 ^ tables_[0][tables_[table - 1][byte] & 255];
#ifdef DELTAWIRE_CARRYLESS
        carryless_ = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
#endif
    }

    /// Eight bytes at a time (slicing-by-8; Intel, "Novel table lookup-based algorithms for CRC", 2008).
    uint32_t slices(const unsigned char *at, size_t size, uint32_t state) const {
        for (; size >= 8; size -= 8, at += 8) {
            const uint32_t low = state ^ word(at), high = word(at + 4);
            state = tables_[7][low & 255] ^ tables_[6][low >> 8 & 255] ^ tables_[5][low >> 16 & 255] ^
                    tables_[4][low >> 24] ^ tables_[3][high & 255] ^ tables_[2][high >> 8 & 255] ^
                    tables_[1][high >> 16 & 255] ^ tables_[0][high >> 24];
        }
        for (; size; --size, ++at)
            state = state >> 8 ^ tables_[0][(state ^ *at) & 255];
        return state;
    }

    static uint32_t word(const unsigned char *at) {
        return static_cast<uint32_t>(at[0]) | static_cast<uint32_t>(at[1]) << 8 |
               static_cast<uint32_t>(at[2]) << 16 | static_cast<uint32_t>(at[3]) << 24;
    }

#ifdef DELTAWIRE_CARRYLESS
    /// Whole blocks, at least one, by carry-less multiplication (Gopal et al., Intel, "Fast CRC computation for
    /// generic polynomials using PCLMULQDQ instruction", 2009; its constants for this polynomial, bits reflected).
    __attribute__((target("pclmul,sse4.1"))) static uint32_t fold(const unsigned char *at, size_t size,
                                                                  uint32_t state) {
        const __m128i by_four = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
        const __m128i by_one = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
        __m128i folded = _mm_xor_si128(block(at), _mm_cvtsi32_si128(static_cast<int>(state)));
        at += BLOCK, size -= BLOCK;
        if (size >= 7 * BLOCK) { // four sums side by side, where that many pay
            __m128i second = block(at), third = block(at + BLOCK), fourth = block(at + 2 * BLOCK);
            for (at += 3 * BLOCK, size -= 3 * BLOCK; size >= 4 * BLOCK; at += 4 * BLOCK, size -= 4 * BLOCK) {
                folded = next(folded, by_four, block(at));
                second = next(second, by_four, block(at + BLOCK));
                third = next(third, by_four, block(at + 2 * BLOCK));
                fourth = next(fourth, by_four, block(at + 3 * BLOCK));
            }
            folded = next(next(next(folded, by_one, second), by_one, third), by_one, fourth);
        }
        for (; size; at += BLOCK, size -= BLOCK)
            folded = next(folded, by_one, block(at));
        // 128 bits to 64, to 32
        const __m128i low_words = _mm_set_epi32(0, -1, 0, -1);
        folded = _mm_xor_si128(_mm_srli_si128(folded, 8), _mm_clmulepi64_si128(folded, by_one, 0x10));
        folded = _mm_xor_si128(_mm_srli_si128(folded, 4),
                               _mm_clmulepi64_si128(_mm_and_si128(folded, low_words),
                                                    _mm_set_epi64x(0, 0x163cd6124), 0x00));
        // Barrett's reduction
        const __m128i polynomial = _mm_set_epi64x(0x1f7011641, 0x1db710641);
        __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(folded, low_words), polynomial, 0x10);
        quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_words), polynomial, 0x00);
        return static_cast<uint32_t>(_mm_extract_epi32(_mm_xor_si128(folded, quotient), 1));
    }

    __attribute__((target("pclmul,sse4.1"))) static __m128i block(const unsigned char *at) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i *>(at));
    }

    /// A sum moved on by the constant's distance, with what stands there added.
    __attribute__((target("pclmul,sse4.1"))) static __m128i next(__m128i sum, __m128i distance, __m128i block) {
        return _mm_xor_si128(block, _mm_xor_si128(_mm_clmulepi64_si128(sum, distance, 0x00),
                                                  _mm_clmulepi64_si128(sum, distance, 0x11)));
    }

    bool carryless_ = false;
#endif

    std::array<std::array<uint32_t, 256>, 8> tables_;
};

} // namespace deltawire
