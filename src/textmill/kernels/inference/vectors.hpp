// Sixteen numbers at a time: GCC's own vectors, which it lowers to what the processor has, and the few operations that
// need instructions of their own: AVX512 with VNNI and BF16, AVX2, or plain C++ for the rest.
//
// Nothing here is contracted by the compiler (-ffp-contract=off): a sum has the same bits in every kernel that makes it.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define TEXTMILL_AVX512 1
#endif

namespace {

typedef float f32x16 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef uint32_t u32x16 __attribute__((vector_size(64)));
using bf16 = uint16_t;

#define INLINE inline __attribute__((always_inline))

INLINE f32x16 splat(float x) { return f32x16{} + x; }
INLINE i32x16 splat(int32_t x) { return i32x16{} + x; }
INLINE f32x16 load(const float* x) {
  f32x16 out;
  std::memcpy(&out, x, 64);
  return out;
}
INLINE i32x16 load_words(const void* x) {
  i32x16 out;
  std::memcpy(&out, x, 64);
  return out;
}
INLINE void store(float* x, f32x16 value) { std::memcpy(x, &value, 64); }
INLINE f32x16 as_float(i32x16 x) { return reinterpret_cast<f32x16>(x); }
INLINE i32x16 as_words(f32x16 x) { return reinterpret_cast<i32x16>(x); }
INLINE f32x16 to_float(i32x16 x) { return __builtin_convertvector(x, f32x16); }
INLINE f32x16 maximum(f32x16 a, f32x16 b) { return a > b ? a : b; }
INLINE f32x16 magnitude(f32x16 x) { return as_float(as_words(x) & 0x7fffffff); }

INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {  // a · b + c
#if defined(TEXTMILL_AVX512)
  return reinterpret_cast<f32x16>(_mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  f32x16 out;
  for (int i = 0; i < 16; ++i) out[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return out;
#else
  return a * b + c;
#endif
}

INLINE i32x16 round_to_word(f32x16 x) {  // to the nearest, half to even
#if defined(TEXTMILL_AVX512)
  return reinterpret_cast<i32x16>(_mm512_cvtps_epi32(reinterpret_cast<__m512>(x)));
#else
  const f32x16 magic = splat(12582912.f);  // 1.5 · 2²³: what is below 2²² lands on whole numbers
  return as_words(x + magic) - as_words(magic);
#endif
}

INLINE f32x16 from_half(const uint16_t* x) {  // float16, without infinities
#if defined(TEXTMILL_AVX512)
  __m256i bits;
  std::memcpy(&bits, x, 32);
  return reinterpret_cast<f32x16>(_mm512_cvtph_ps(bits));
#else
  i32x16 bits;
  for (int i = 0; i < 16; ++i) bits[i] = x[i];
  const f32x16 size = as_float((bits & 0x7fff) << 13) * splat(5.192296858534828e33f);  // 2¹¹²
  return as_float(as_words(size) | ((bits & 0x8000) << 16));
#endif
}

// sum + Σ of four products in each lane: bytes 0…255 of `weights`, bytes -128…127 of the word `row`. Exact.
INLINE i32x16 dot_bytes(i32x16 sum, i32x16 weights, int32_t row) {
#if defined(TEXTMILL_AVX512) && defined(__AVX512VNNI__)
  return reinterpret_cast<i32x16>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(weights), _mm512_set1_epi32(row)));
#elif defined(__AVX2__)
  const int32_t first = static_cast<int16_t>(static_cast<int8_t>(row)), second = static_cast<int8_t>(row >> 8);
  const int32_t third = static_cast<int16_t>(static_cast<int8_t>(row >> 16)), fourth = row >> 24;
  const __m256i even = _mm256_set1_epi32((first & 0xffff) | (third << 16)), odd = _mm256_set1_epi32((second & 0xffff) | (fourth << 16));
  __m256i parts[2], sums[2];
  std::memcpy(parts, &weights, 64);
  std::memcpy(sums, &sum, 64);
  for (int i = 0; i < 2; ++i) {
    sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_and_si256(parts[i], _mm256_set1_epi16(255)), even));
    sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_srli_epi16(parts[i], 8), odd));
  }
  std::memcpy(&sum, sums, 64);
  return sum;
#else
  const u32x16 words = reinterpret_cast<u32x16>(weights);
  for (int i = 0; i < 4; ++i) sum += reinterpret_cast<i32x16>((words >> (8 * i)) & 255) * static_cast<int32_t>(static_cast<int8_t>(row >> (8 * i)));
  return sum;
#endif
}

// sum + the two products of bf16 in each lane; `row` holds two bf16.
INLINE f32x16 dot_bf16(f32x16 sum, i32x16 weights, int32_t row) {
#if defined(TEXTMILL_AVX512) && defined(__AVX512BF16__)
  return reinterpret_cast<f32x16>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(weights), reinterpret_cast<__m512bh>(_mm512_set1_epi32(row))));
#else
  const i32x16 both = splat(row), upper = splat(static_cast<int32_t>(0xffff0000u));
  sum = fma(as_float(weights << 16), as_float(both << 16), sum);
  return fma(as_float(weights & upper), as_float(both & upper), sum);
#endif
}

INLINE void store_bf16(bf16* x, f32x16 value) {  // rounded to the nearest, half to even
#if defined(TEXTMILL_AVX512) && defined(__AVX512BF16__)
  const auto narrow = _mm512_cvtneps_pbh(reinterpret_cast<__m512>(value));
  std::memcpy(x, &narrow, 32);
#else
  const u32x16 bits = reinterpret_cast<u32x16>(value);
  const u32x16 rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  for (int i = 0; i < 16; ++i) x[i] = static_cast<bf16>(value[i] == value[i] ? rounded[i] : 0x7fc0);
#endif
}

INLINE float from_bf16(bf16 x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

INLINE f32x16 load_some(const float* x, int64_t count) {
  if (count >= 16) return load(x);
  float held[16] = {};
  if (count > 0) std::memcpy(held, x, count * 4);
  return load(held);
}

INLINE void store_some(float* x, f32x16 value, int64_t count) {
  if (count >= 16) return store(x, value);
  float held[16];
  store(held, value);
  if (count > 0) std::memcpy(x, held, count * 4);
}

INLINE i32x16 below(int64_t count) {  // all bits in the lanes before `count`
  const i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane < static_cast<int32_t>(std::min<int64_t>(count, 16));
}

INLINE float sum_of(f32x16 x) {
  float v[16];
  std::memcpy(v, &x, 64);
  for (int width = 8; width; width /= 2)
    for (int i = 0; i < width; ++i) v[i] += v[i + width];
  return v[0];
}

INLINE float largest_of(f32x16 x) {
#if defined(TEXTMILL_AVX512)
  return _mm512_reduce_max_ps(reinterpret_cast<__m512>(x));
#else
  float out = x[0];
  for (int i = 1; i < 16; ++i) out = std::max(out, x[i]);
  return out;
#endif
}

INLINE f32x16 exponential(f32x16 x) {  // Cephes' polynomial, error below 2 ulp; below -87.3 the result is 0
  const f32x16 low = splat(-87.3f), high = splat(88.f);
  const f32x16 held = maximum(x < high ? x : high, low);
  const i32x16 n = round_to_word(held * 1.44269504f);
  const f32x16 whole = to_float(n);
  f32x16 r = fma(whole, splat(-0.693359375f), held);
  r = fma(whole, splat(2.12194440e-4f), r);
  f32x16 p = splat(1.9875691500e-4f);
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  p = fma(p, r, splat(5.0000001201e-1f));
  p = fma(p, r * r, r + 1.f);
  const f32x16 power = as_float((n + 127) << 23);
  return x < low ? f32x16{} : p * power;
}

INLINE f32x16 tangent(f32x16 x) { return 1.f - 2.f / (exponential(x * 2.f) + 1.f); }  // hyperbolic

}  // namespace
