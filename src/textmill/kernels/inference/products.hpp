// Rows times a matrix, for every kind of weights. An output's sum runs over the inputs in one order, whatever the number
// of rows: its bits are the same in a step of one row and of five hundred.
//
// A matrix lies in strips of 32 outputs (two registers of 16), each strip in the order in which it is read:
//   fp32   [input][2][16]
//   bf16   [input / 2][2][16][2]
//   int8   [group][8][2][16][4]: four inputs beside one another, plus 128
//   int4   [group][4][2][16][4]: the lower half of a byte is input i of the group, the upper input i + 16, plus 8
// and scales (float16) as [group][2][16]. An integer group's sum is exact; then sum · scale of weights · scale of row.
//
// Rows come quantised alike: int8 with a scale a group, and the offset that takes the weights' 128 or 8 away again.

#pragma once

#include "model.hpp"
#include "vectors.hpp"

namespace {

struct Rows {  // quantised inputs; `values` is float, bf16 or int8 by the matrix' kind
  char* values;
  float* scales;     // [row][group]
  int32_t* offsets;  // [row][group]
  int64_t stride;    // bytes a row
};

INLINE int64_t bytes_of(int64_t kind) { return kind == FP32 ? 4 : kind == BF16 ? 2 : 1; }

// Quantises one group of a row: 32 values.
INLINE void quantize_group(int64_t kind, f32x16 low, f32x16 high, const Rows& to, int64_t row, int64_t group, int64_t groups) {
  char* place = to.values + row * to.stride + group * GROUP * bytes_of(kind);
  if (kind == FP32) {
    store(reinterpret_cast<float*>(place), low);
    store(reinterpret_cast<float*>(place) + 16, high);
    return;
  }
  if (kind == BF16) {
    store_bf16(reinterpret_cast<bf16*>(place), low);
    store_bf16(reinterpret_cast<bf16*>(place) + 16, high);
    return;
  }
  const float most = largest_of(maximum(magnitude(low), magnitude(high)));
  const float inverse = most > 0.f ? 127.f / most : 0.f;
  const i32x16 a = round_to_word(low * inverse), b = round_to_word(high * inverse);
#if defined(TEXTMILL_AVX512)
  const __m128i narrow_a = _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(a)), narrow_b = _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(b));
  std::memcpy(place, &narrow_a, 16);
  std::memcpy(place + 16, &narrow_b, 16);
  const int32_t sum = _mm512_reduce_add_epi32(reinterpret_cast<__m512i>(a + b));
#else
  int32_t sum = 0;
  for (int i = 0; i < 16; ++i) {
    place[i] = static_cast<char>(a[i]);
    place[i + 16] = static_cast<char>(b[i]);
    sum += a[i] + b[i];
  }
#endif
  to.scales[row * groups + group] = most / 127.f;
  to.offsets[row * groups + group] = -sum * (kind == INT8 ? 128 : 8);
}

inline void quantize_row(const Matrix& matrix, const float* x, int64_t width, const Rows& to, int64_t row) {
  for (int64_t group = 0; group < matrix.groups; ++group) {
    const int64_t left = width - group * GROUP;
    const float* place = x + group * GROUP;
    quantize_group(matrix.kind, load_some(place, left), load_some(place + 16, left - 16), to, row, group, matrix.groups);
  }
}

template <int M>
INLINE void keep(const f32x16 (&total)[M][2], const float* bias, float* out, int64_t ld) {
  for (int m = 0; m < M; ++m)
    for (int half = 0; half < 2; ++half) store(out + m * ld + half * 16, bias ? total[m][half] + load(bias + half * 16) : total[m][half]);
}

template <int M>
void strip_fp32(const Matrix& matrix, int64_t strip, const Rows& a, int64_t row, float* out, int64_t ld) {
  const int64_t inputs = matrix.groups * GROUP;
  const float* weights = static_cast<const float*>(matrix.codes) + strip * inputs * STRIP;
  const float* rows[M];
  for (int m = 0; m < M; ++m) rows[m] = reinterpret_cast<const float*>(a.values + (row + m) * a.stride);
  f32x16 total[M][2] = {};
  for (int64_t k = 0; k < inputs; ++k, weights += STRIP) {
    const f32x16 first = load(weights), second = load(weights + 16);
    for (int m = 0; m < M; ++m) {
      const f32x16 x = splat(rows[m][k]);
      total[m][0] = fma(first, x, total[m][0]);
      total[m][1] = fma(second, x, total[m][1]);
    }
  }
  keep<M>(total, matrix.bias ? matrix.bias + strip * STRIP : nullptr, out, ld);
}

template <int M>
void strip_bf16(const Matrix& matrix, int64_t strip, const Rows& a, int64_t row, float* out, int64_t ld) {
  const int64_t pairs = matrix.groups * GROUP / 2;
  const bf16* weights = static_cast<const bf16*>(matrix.codes) + strip * pairs * 2 * STRIP;
  const int32_t* rows[M];
  for (int m = 0; m < M; ++m) rows[m] = reinterpret_cast<const int32_t*>(a.values + (row + m) * a.stride);
  f32x16 total[M][2] = {};
  for (int64_t k = 0; k < pairs; ++k, weights += 2 * STRIP) {
    const i32x16 first = load_words(weights), second = load_words(weights + 32);
    for (int m = 0; m < M; ++m) {
      total[m][0] = dot_bf16(total[m][0], first, rows[m][k]);
      total[m][1] = dot_bf16(total[m][1], second, rows[m][k]);
    }
  }
  keep<M>(total, matrix.bias ? matrix.bias + strip * STRIP : nullptr, out, ld);
}

template <int M, int64_t kind>
void strip_bytes(const Matrix& matrix, int64_t strip, const Rows& a, int64_t row, float* out, int64_t ld) {
  constexpr int STEPS = kind == INT8 ? 8 : 4;
  const int64_t groups = matrix.groups;
  const char* codes = static_cast<const char*>(matrix.codes) + strip * groups * STEPS * 128;
  const uint16_t* scales = matrix.scales + strip * groups * STRIP;
  const int32_t* rows[M];
  for (int m = 0; m < M; ++m) rows[m] = reinterpret_cast<const int32_t*>(a.values + (row + m) * a.stride);
  const float* row_scales = a.scales + row * groups;
  const int32_t* offsets = a.offsets + row * groups;
  f32x16 total[M][2] = {};
  for (int64_t group = 0; group < groups; ++group, codes += STEPS * 128, scales += STRIP) {
    i32x16 sum[M][2];
    for (int m = 0; m < M; ++m) sum[m][0] = sum[m][1] = splat(offsets[m * groups + group]);
    for (int step = 0; step < STEPS; ++step) {
      const i32x16 first = load_words(codes + step * 128), second = load_words(codes + step * 128 + 64);
      if (kind == INT8) {
        for (int m = 0; m < M; ++m) {
          const int32_t x = rows[m][group * 8 + step];
          sum[m][0] = dot_bytes(sum[m][0], first, x);
          sum[m][1] = dot_bytes(sum[m][1], second, x);
        }
        continue;
      }
      const i32x16 first_low = first & 0x0f0f0f0f, second_low = second & 0x0f0f0f0f;
      for (int m = 0; m < M; ++m) {
        const int32_t x = rows[m][group * 8 + step];
        sum[m][0] = dot_bytes(sum[m][0], first_low, x);
        sum[m][1] = dot_bytes(sum[m][1], second_low, x);
      }
      const i32x16 first_high = (first >> 4) & 0x0f0f0f0f, second_high = (second >> 4) & 0x0f0f0f0f;
      for (int m = 0; m < M; ++m) {
        const int32_t x = rows[m][group * 8 + step + 4];
        sum[m][0] = dot_bytes(sum[m][0], first_high, x);
        sum[m][1] = dot_bytes(sum[m][1], second_high, x);
      }
    }
    const f32x16 first_scale = from_half(scales), second_scale = from_half(scales + 16);
    for (int m = 0; m < M; ++m) {
      const f32x16 x = splat(row_scales[m * groups + group]);
      total[m][0] = fma(to_float(sum[m][0]) * first_scale, x, total[m][0]);
      total[m][1] = fma(to_float(sum[m][1]) * second_scale, x, total[m][1]);
    }
  }
  keep<M>(total, matrix.bias ? matrix.bias + strip * STRIP : nullptr, out, ld);
}

template <int M>
INLINE void strip_of(const Matrix& matrix, int64_t strip, const Rows& a, int64_t row, float* out, int64_t ld) {
  switch (matrix.kind) {
    case FP32: return strip_fp32<M>(matrix, strip, a, row, out, ld);
    case BF16: return strip_bf16<M>(matrix, strip, a, row, out, ld);
    case INT8: return strip_bytes<M, INT8>(matrix, strip, a, row, out, ld);
    default: return strip_bytes<M, INT4>(matrix, strip, a, row, out, ld);
  }
}

constexpr int64_t TILE = 6;  // rows at a time: 12 sums of integers, 12 of floats, weights and a row's word fill 32 registers

// out[row … row + count) of one strip, 32 outputs each, count ≤ TILE.
inline void multiply(const Matrix& matrix, int64_t strip, const Rows& a, int64_t row, int64_t count, float* out, int64_t ld) {
  switch (count) {
    case 1: return strip_of<1>(matrix, strip, a, row, out, ld);
    case 2: return strip_of<2>(matrix, strip, a, row, out, ld);
    case 3: return strip_of<3>(matrix, strip, a, row, out, ld);
    case 4: return strip_of<4>(matrix, strip, a, row, out, ld);
    case 5: return strip_of<5>(matrix, strip, a, row, out, ld);
    default: return strip_of<6>(matrix, strip, a, row, out, ld);
  }
}

}  // namespace
