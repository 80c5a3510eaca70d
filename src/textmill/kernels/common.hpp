// What the kernels share: bf16 in AVX-512 registers, products by torch's own brgemm (oneDNN), and the layout that it wants.
//
// brgemm is declared here as libtorch_cpu exports it, so that no header of torch has to be compiled. Its right-hand side
// comes as pairs of rows: B[k/2][n][k%2] ("pairs" below).

#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace c10 {
struct BFloat16;
}
namespace at::native::cpublas {
void brgemm(int64_t M, int64_t N, int64_t K, int64_t ld_a, int64_t ld_b, int64_t ld_c, bool add_C,
            const c10::BFloat16* A, const c10::BFloat16* B, float* C, bool is_vnni);
void brgemm_release(bool is_vnni);
}  // namespace at::native::cpublas

namespace {

using bf16 = uint16_t;

void multiply(int64_t m, int64_t n, int64_t k, const bf16* a, int64_t lda, const bf16* b_pairs, int64_t ldb, float* c,
              int64_t ldc, bool add) {
  at::native::cpublas::brgemm(m, n, k, lda, ldb, ldc, add, reinterpret_cast<const c10::BFloat16*>(a),
                              reinterpret_cast<const c10::BFloat16*>(b_pairs), c, true);
}

template <typename T>
struct Scratch {  // memory on a cache line, freed at the end of the block
  explicit Scratch(int64_t count) : data(static_cast<T*>(std::aligned_alloc(64, (count * sizeof(T) + 63) / 64 * 64))) {}
  ~Scratch() { std::free(data); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  operator T*() const { return data; }
  T* data;
};

inline __mmask16 first(int64_t count) { return static_cast<__mmask16>(count >= 16 ? 0xffff : (1u << count) - 1); }

inline __m512 from_bf16(__m256i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)); }

inline __m256i to_bf16(__m512 x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)); }

inline float scalar(bf16 x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

inline __m512 load(const float* x, __mmask16 mask = 0xffff) { return _mm512_maskz_loadu_ps(mask, x); }
inline __m512 load(const bf16* x, __mmask16 mask = 0xffff) { return from_bf16(_mm256_maskz_loadu_epi16(mask, x)); }
inline void store(float* x, __m512 value, __mmask16 mask = 0xffff) { _mm512_mask_storeu_ps(x, mask, value); }
inline void store(bf16* x, __m512 value, __mmask16 mask = 0xffff) { _mm256_mask_storeu_epi16(x, mask, to_bf16(value)); }

inline __m512 exponential(__m512 x) {  // Cephes' polynomial, error below 2 ulp; below -87 the result is 0
  const __m512 clamped = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(88.f)), _mm512_set1_ps(-87.3f));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(clamped, _mm512_set1_ps(1.44269504f)), 0);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), clamped);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
  p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.f)));
  const __mmask16 kept = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.3f), _CMP_GE_OQ);
  return _mm512_maskz_scalef_ps(kept, p, n);
}

inline __m512i pair(const bf16* x, int64_t ld, int64_t rows, __mmask16 mask) {  // rows 0 and 1 as 16 words
  const __m256i low = rows > 0 ? _mm256_maskz_loadu_epi16(mask, x) : _mm256_setzero_si256();
  const __m256i high = rows > 1 ? _mm256_maskz_loadu_epi16(mask, x + ld) : _mm256_setzero_si256();
  return _mm512_or_si512(_mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}

// Writes `rows` rows of `columns` bf16 as pairs: out[r/2][c][r%2], padded with zero rows up to `padded` (even).
void to_pairs(const bf16* x, int64_t ld, int64_t rows, int64_t columns, int64_t padded, bf16* out, int64_t out_columns) {
  for (int64_t r = 0; r < padded; r += 2) {
    auto* line = reinterpret_cast<uint32_t*>(out) + r / 2 * out_columns;
    for (int64_t c = 0; c < columns; c += 16) {
      const __mmask16 mask = first(columns - c);
      _mm512_mask_storeu_epi32(line + c, mask, pair(x + r * ld + c, ld, rows - r, mask));
    }
  }
}

// a[c] lane r ← a[r] lane c, for 16 rows of 16 words.
inline void transpose_registers(__m512i (&a)[16]) {
  __m512i b[16];
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    b[i] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
    b[i + 4] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
    b[i + 8] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
    b[i + 12] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    a[i] = _mm512_shuffle_i32x4(b[i], b[i + 8], 0x88);
    a[i + 8] = _mm512_shuffle_i32x4(b[i], b[i + 8], 0xdd);
    a[i + 4] = _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0x88);
    a[i + 12] = _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0xdd);
  }
}

// out[c][r] = x[r][c] for a 16 × 16 block of 32-bit words; rows past `rows` count as zero, columns past `columns` stay out.
void transpose_block(const uint32_t* x, int64_t ld, uint32_t* out, int64_t out_ld, int64_t rows, int64_t columns) {
  __m512i a[16];
  const __mmask16 mask = first(columns);
  for (int i = 0; i < 16; ++i) a[i] = i < rows ? _mm512_maskz_loadu_epi32(mask, x + i * ld) : _mm512_setzero_si512();
  transpose_registers(a);
  for (int i = 0; i < columns && i < 16; ++i) _mm512_storeu_si512(out + i * out_ld, a[i]);
}

// out[c][r] = x[r][c] over 32-bit words; out has room for `rows` rounded up to 16.
void transpose_words(const uint32_t* x, int64_t ld, int64_t rows, int64_t columns, uint32_t* out, int64_t out_ld) {
  for (int64_t c = 0; c < columns; c += 16)
    for (int64_t r = 0; r < rows; r += 16)
      transpose_block(x + r * ld + c, ld, out + c * out_ld + r, out_ld, rows - r, columns - c);
}

// The pairs of xᵀ: out[k/2][r][k%2] = x[r][k].
void transposed_to_pairs(const bf16* x, int64_t ld, int64_t rows, int64_t columns, bf16* out, int64_t out_rows) {
  transpose_words(reinterpret_cast<const uint32_t*>(x), ld / 2, rows, columns / 2, reinterpret_cast<uint32_t*>(out),
                  out_rows);
}

// out[c][r] = x[r][c] over bf16, zero past `rows`; out has room for `rows` rounded up to 32.
void transpose(const bf16* x, int64_t ld, int64_t rows, int64_t columns, bf16* out, int64_t out_ld) {
  for (int64_t r = 0; r < rows; r += 32)
    for (int64_t c = 0; c < columns; c += 16) {
      __m512i a[16];
      const __mmask16 mask = first(columns - c);
      for (int i = 0; i < 16; ++i) a[i] = pair(x + (r + 2 * i) * ld + c, ld, rows - r - 2 * i, mask);
      transpose_registers(a);
      for (int i = 0; i < 16 && c + i < columns; ++i) _mm512_storeu_si512(out + (c + i) * out_ld + r, a[i]);
    }
}

}  // namespace

struct Shape {  // of attention: B rows, T positions, H heads, G key heads, K head width (a multiple of 32)
  int64_t rows, positions, heads, key_heads, width;
};
