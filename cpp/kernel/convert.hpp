// Which conversions does this instruction set have of its own? Between packs and narrower items; the rest is integers.
#pragma once

#include "language/simd.hpp"

#if defined(__SSE4_1__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace onepass {
namespace {

template <class F>
using Halves = Lanes<uint16_t, F>;
template <class F>
using Bytes = Lanes<uint8_t, F>;
using Words = Pack<uint32_t>;

#if defined(__AVX512BW__)
// GCC 12 warns of its own header where an intrinsic has no mask.
constexpr __mmask16 all_lanes = 0xffff;
#endif

inline Words widen(Halves<Pack<float>> items) {
#if defined(__AVX512BW__) && ONEPASS_PACK_BYTES == 64
  return (Words)_mm512_maskz_cvtepu16_epi32(all_lanes, (__m256i)items);
#elif defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  return (Words)_mm256_cvtepu16_epi32((__m128i)items);
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  return (Words)vmovl_u16((uint16x4_t)items);  // GCC itself takes the lanes one by one, and so below
#else
  return convert<Words>(items);
#endif
}

inline Words widen(Bytes<Pack<float>> items) {
#if defined(__AVX512BW__) && ONEPASS_PACK_BYTES == 64
  return (Words)_mm512_maskz_cvtepu8_epi32(all_lanes, (__m128i)items);
#elif defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  return (Words)_mm256_cvtepu8_epi32(_mm_set_epi64x(0, (long long)items));
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  return (Words)vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8((uint32_t)items))));
#else
  return convert<Words>(items);
#endif
}

// Each byte's sign reaches up.
inline Words widen_signed(Bytes<Pack<float>> items) {
#if defined(__AVX512BW__) && ONEPASS_PACK_BYTES == 64
  return (Words)_mm512_maskz_cvtepi8_epi32(all_lanes, (__m128i)items);
#elif defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  return (Words)_mm256_cvtepi8_epi32(_mm_set_epi64x(0, (long long)items));
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  return (Words)vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8((uint32_t)items))));
#else
  return (Words)convert<Pack<int32_t>>((Lanes<int8_t, Pack<float>>)items);
#endif
}

// The lowest bytes of two packs, the others being zero, one behind the other.
inline void store_bytes(uint8_t* to, Words x, Words y) {
#if defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  const __m256i words = _mm256_packus_epi32((__m256i)x, (__m256i)y);
  const __m256i bytes = _mm256_packus_epi16(words, words);
  const __m256i ordered = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5));
  _mm_storeu_si128((__m128i*)to, _mm256_castsi256_si128(ordered));
#elif defined(__SSE4_1__) && ONEPASS_PACK_BYTES == 16
  const __m128i words = _mm_packus_epi32((__m128i)x, (__m128i)y);
  _mm_storel_epi64((__m128i*)to, _mm_packus_epi16(words, words));
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  vst1_u8(to, vmovn_u16(vuzp1q_u16((uint16x8_t)x, (uint16x8_t)y)));
#else
  const Bytes<Pack<float>> items[] = {convert<Bytes<Pack<float>>>(x), convert<Bytes<Pack<float>>>(y)};
  __builtin_memcpy(to, items, sizeof items);
#endif
}

// The lowest byte of each lane, the others being zero.
inline Bytes<Pack<float>> narrow(Words items) {
#if defined(__AVX512BW__) && ONEPASS_PACK_BYTES == 64
  return (Bytes<Pack<float>>)_mm512_maskz_cvtepi32_epi8(all_lanes, (__m512i)items);
#elif defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  const auto wide = (__m256i)items;
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  return (Bytes<Pack<float>>)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
#else
  return convert<Bytes<Pack<float>>>(items);
#endif
}

inline Words to_words(Pack<float> x) { return (Words)x; }
inline Pack<float> to_floats(Words bits) { return (Pack<float>)bits; }

// All bits of a lane set where the condition holds, as comparisons give them.
inline bool any_lane(Pack<int32_t> where) {
#if defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  return _mm256_movemask_ps((__m256)where);
#elif defined(__SSE4_1__) && ONEPASS_PACK_BYTES == 16
  return _mm_movemask_ps((__m128)where);
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  return vmaxvq_u32((uint32x4_t)where) != 0;
#else
  int32_t any = 0;
  for (unsigned i = 0; i < sizeof where / sizeof any; ++i) any |= where[i];
  return any != 0;
#endif
}
// Where one of the two is a NaN.
inline Pack<int32_t> unordered(Pack<float> x, Pack<float> y) {
#if defined(__AVX__) && ONEPASS_PACK_BYTES == 32
  return (Pack<int32_t>)_mm256_cmp_ps((__m256)x, (__m256)y, _CMP_UNORD_Q);
#elif defined(__SSE4_1__) && ONEPASS_PACK_BYTES == 16
  return (Pack<int32_t>)_mm_cmpunord_ps((__m128)x, (__m128)y);
#else
  return (x != x) | (y != y);
#endif
}
inline Words select(Pack<int32_t> where, Words yes, Words no) { return where ? yes : no; }

// Half precision (IEEE binary16), to nearest, ties to even; subnormals kept, NaN stays NaN.
inline Pack<float> decode_half(Halves<Pack<float>> halves) {
#if defined(__AVX512F__) && ONEPASS_PACK_BYTES == 64
  return (Pack<float>)_mm512_maskz_cvtph_ps(all_lanes, (__m256i)halves);
#elif defined(__F16C__) && ONEPASS_PACK_BYTES == 32
  return (Pack<float>)_mm256_cvtph_ps((__m128i)halves);
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  return (Pack<float>)vcvt_f32_f16((float16x4_t)halves);
#else
  const Words half = widen(halves), sign = (half & 0x8000) << 16, magnitude = (half & 0x7fff) << 13;
  const Words normal = magnitude + 0x38000000;                                // exponents 15 become 127
  const Words special = magnitude + 0x70000000;                               // infinity and NaN
  const Words tiny = to_words(to_floats(magnitude + 0x38800000) - 0x1p-14f);  // the implicit bit is not there
  return to_floats(sign | select(magnitude >= 0x0f800000, special, select(magnitude < 0x00800000, tiny, normal)));
#endif
}

inline Halves<Pack<float>> encode_half(Pack<float> x) {
#if defined(__AVX512F__) && ONEPASS_PACK_BYTES == 64
  return (Halves<Pack<float>>)_mm512_maskz_cvtps_ph(all_lanes, (__m512)x, _MM_FROUND_TO_NEAREST_INT);
#elif defined(__F16C__) && ONEPASS_PACK_BYTES == 32
  return (Halves<Pack<float>>)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT);
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  return (Halves<Pack<float>>)vcvt_f16_f32((float32x4_t)x);
#else
  const Words bits = to_words(x), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  const Words normal = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const Words tiny = to_words(to_floats(magnitude) + 0.5f) - 0x3f000000;  // the addition rounds at the last place kept
  const Words special = 0x7c00 + select(magnitude > 0x7f800000, Words{} + 0x200, Words{});
  return convert<Halves<Pack<float>>>(
      sign | select(magnitude >= 0x47800000, special, select(magnitude < 0x38800000, tiny, normal)));
#endif
}

// Without its lower places, for a number in the range of half precision, an infinity or a NaN.
inline Halves<Pack<float>> truncate_to_half(Pack<float> x) {
#if defined(__AVX512F__) && ONEPASS_PACK_BYTES == 64
  return (Halves<Pack<float>>)_mm512_maskz_cvtps_ph(all_lanes, (__m512)x, _MM_FROUND_TO_ZERO);
#elif defined(__F16C__) && ONEPASS_PACK_BYTES == 32
  return (Halves<Pack<float>>)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_ZERO);
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  const float16x4_t nearest = vcvt_f16_f32((float32x4_t)x);
  const uint32x4_t is_beyond = vcagtq_f32(vcvt_f32_f16(nearest), (float32x4_t)x);
  return (Halves<Pack<float>>)vadd_u16((uint16x4_t)nearest, vmovn_u32(is_beyond));  // -1 where it is
#else
  const Words bits = to_words(x), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  const Pack<int32_t> small = magnitude < 0x38800000;
  const Words tiny = (Words)convert<Pack<int32_t>>(to_floats(magnitude & (Words)small) * 0x1p24f);
  const Words special = 0x7c00 + select(magnitude > 0x7f800000, Words{} + 0x200, Words{});
  const Words normal = (magnitude - 0x38000000) >> 13;
  return convert<Halves<Pack<float>>>(sign | select(magnitude >= 0x47800000, special, select(small, tiny, normal)));
#endif
}

// Brain floating point (the upper half of a float), to nearest, ties to even; NaN stays NaN.
inline Pack<float> decode_brain(Halves<Pack<float>> halves) { return to_floats(widen(halves) << 16); }

// The upper half is the rounded number: half a place is added, less one where an even number ties. (AVX-512 compares
// into masks, which costs more than a shift; for others shifts are the dearer ones.)
inline Words add_half_a_brain(Pack<float> x) {
  const Words bits = to_words(x);
#if ONEPASS_PACK_BYTES == 64
  return bits + 0x7fff + ((bits >> 16) & 1);
#else
  return bits + 0x8000 + (Words)((bits & 0x1ffff) == 0x8000);
#endif
}
inline Words brain_or_nan(Pack<float> x, Words rounded) {
  return select(x != x, (to_words(x) >> 16) | 0x40, rounded >> 16);
}

// Two packs from items that lie one behind the other; `interleaved` packs hold them in the order in which AVX2 unpacks
// them, four of the one and four of the other by turns.
template <bool interleaved>
void decode_brain_pair(const uint16_t* from, Pack<float>& x, Pack<float>& y) {
#if defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  if constexpr (interleaved) {
    const __m256i both = _mm256_loadu_si256((const __m256i*)from), zero = _mm256_setzero_si256();
    x = (Pack<float>)_mm256_unpacklo_epi16(zero, both);
    y = (Pack<float>)_mm256_unpackhi_epi16(zero, both);
    return;
  }
  const auto decoded = [](const uint16_t* items) {
    const __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)items));
    const __m256i upper_halves = _mm256_setr_epi8(-1, -1, 0, 1, -1, -1, 2, 3, -1, -1, 4, 5, -1, -1, 6, 7,  //
                                                  -1, -1, 8, 9, -1, -1, 10, 11, -1, -1, 12, 13, -1, -1, 14, 15);
    return (Pack<float>)_mm256_shuffle_epi8(twice, upper_halves);
  };
  x = decoded(from), y = decoded(from + lanes<Pack<float>>);
#elif defined(__SSE4_1__) && ONEPASS_PACK_BYTES == 16
  const __m128i both = _mm_loadu_si128((const __m128i*)from), zero = _mm_setzero_si128();
  x = (Pack<float>)_mm_unpacklo_epi16(zero, both);
  y = (Pack<float>)_mm_unpackhi_epi16(zero, both);
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  const uint16x8_t both = vld1q_u16(from), zero = vdupq_n_u16(0);
  x = (Pack<float>)vzip1q_u16(zero, both);
  y = (Pack<float>)vzip2q_u16(zero, both);
#else
  Halves<Pack<float>> items;
  __builtin_memcpy(&items, from, sizeof items);
  x = decode_brain(items);
  __builtin_memcpy(&items, from + lanes<Pack<float>>, sizeof items);
  y = decode_brain(items);
#endif
}

// The upper half of each word, one behind the other.
template <bool interleaved>
void store_upper_halves(uint16_t* to, Words x, Words y) {
#if defined(__AVX2__) && ONEPASS_PACK_BYTES == 32
  const __m256i packed = _mm256_packus_epi32((__m256i)(x >> 16), (__m256i)(y >> 16));
  _mm256_storeu_si256((__m256i*)to, interleaved ? packed : _mm256_permute4x64_epi64(packed, 0xd8));
#elif defined(__SSE4_1__) && ONEPASS_PACK_BYTES == 16
  _mm_storeu_si128((__m128i*)to, _mm_packus_epi32((__m128i)(x >> 16), (__m128i)(y >> 16)));
#elif defined(__aarch64__) && ONEPASS_PACK_BYTES == 16
  const uint16x8_t packed = vuzp2q_u16((uint16x8_t)x, (uint16x8_t)y);
  __builtin_memcpy(to, &packed, sizeof packed);
#else
  const Halves<Pack<float>> items[] = {convert<Halves<Pack<float>>>(x >> 16), convert<Halves<Pack<float>>>(y >> 16)};
  __builtin_memcpy(to, items, sizeof items);
#endif
}

inline Halves<Pack<float>> encode_brain(Pack<float> x) {
#if defined(__AVX512BF16__) && ONEPASS_PACK_BYTES == 64
  // The instruction takes subnormals as zero.
  if (__builtin_expect(!_mm512_fpclass_ps_mask((__m512)x, 0x20), 1))
    return (Halves<Pack<float>>)_mm512_cvtneps_pbh((__m512)x);
#endif
  return convert<Halves<Pack<float>>>(brain_or_nan(x, add_half_a_brain(x)));
}

}  // namespace
}  // namespace onepass
