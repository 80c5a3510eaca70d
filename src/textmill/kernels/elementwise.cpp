// What stands between the products of a block, forward and backward, each in one pass: norms, SwiGLU, rotation.

#include "common.hpp"

namespace {

constexpr int64_t STRETCH_ROWS = 64;  // rows whose share of a norm weight's gradient is summed together

inline __m512 sigmoid(__m512 x) {
  const __m512 one = _mm512_set1_ps(1.f);
  return _mm512_div_ps(one, _mm512_add_ps(one, exponential(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

// dx = s · (w·dy − x·s² · mean(w·dy·x)) and dw += dy · x · s, with s = 1 / rms(x).
template <typename Above, typename In, typename Out>
void norm_row_backward(const Above* dy, const In* x, const float* w, float scale, int64_t D, Out* dx, float* dw) {
  __m512 product = _mm512_setzero_ps();
  for (int64_t c = 0; c < D; c += 16) {
    const __mmask16 mask = first(D - c);
    const __m512 change = _mm512_mul_ps(load(dy + c, mask), load(x + c, mask));
    store(dw + c, _mm512_fmadd_ps(change, _mm512_set1_ps(scale), load(dw + c, mask)), mask);
    product = _mm512_fmadd_ps(change, load(w + c, mask), product);
  }
  const __m512 pull = _mm512_set1_ps(_mm512_reduce_add_ps(product) / D * scale * scale * scale);
  for (int64_t c = 0; c < D; c += 16) {
    const __mmask16 mask = first(D - c);
    const __m512 push = _mm512_mul_ps(_mm512_mul_ps(load(dy + c, mask), load(w + c, mask)), _mm512_set1_ps(scale));
    store(dx + c, _mm512_fnmadd_ps(load(x + c, mask), pull, push), mask);
  }
}

void sum_parts(const float* parts, int64_t count, int64_t columns, float* out) {
  std::memset(out, 0, columns * sizeof(float));
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < columns; ++c) out[c] += parts[i * columns + c];
}

}  // namespace

extern "C" {

// total [N, D] float32 = x + added (bf16; null: nothing is added, and x is the total), y bf16 = total / rms(total) · w,
// scales [N] = 1 / rms.
void add_norm_forward(const float* x, const bf16* added, const float* w, int64_t N, int64_t D, float epsilon,
                      float* total, bf16* y, float* scales) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < N; ++n) {
    const float* row = added ? total + n * D : x + n * D;
    __m512 squares = _mm512_setzero_ps();
    for (int64_t c = 0; c < D; c += 16) {
      const __mmask16 mask = first(D - c);
      __m512 value = load(x + n * D + c, mask);
      if (added) {
        value = _mm512_add_ps(value, load(added + n * D + c, mask));
        store(total + n * D + c, value, mask);
      }
      squares = _mm512_fmadd_ps(value, value, squares);
    }
    scales[n] = 1.f / std::sqrt(_mm512_reduce_add_ps(squares) / D + epsilon);
    for (int64_t c = 0; c < D; c += 16) {
      const __mmask16 mask = first(D - c);
      const __m512 value = _mm512_mul_ps(load(row + c, mask), _mm512_set1_ps(scales[n]));
      store(y + n * D + c, _mm512_mul_ps(value, load(w + c, mask)), mask);
    }
  }
}

// dx [N, D] float32: the gradient through the norm plus `passed`, the total's own gradient (null: none); `narrow` is dx
// in bf16 (null: not wanted). dw [D] is summed over stretches of rows in their order, whatever the threads.
void add_norm_backward(const bf16* dy, const float* passed, const float* total, const float* w, const float* scales,
                       int64_t N, int64_t D, float* dx, bf16* narrow, float* dw) {
  const int64_t stretches = (N + STRETCH_ROWS - 1) / STRETCH_ROWS;
  Scratch<float> parts(stretches * D);
#pragma omp parallel for schedule(static)
  for (int64_t s = 0; s < stretches; ++s) {
    float* part = parts + s * D;
    std::memset(part, 0, D * sizeof(float));
    for (int64_t n = s * STRETCH_ROWS; n < std::min(N, (s + 1) * STRETCH_ROWS); ++n) {
      float* row = dx + n * D;
      norm_row_backward(dy + n * D, total + n * D, w, scales[n], D, row, part);
      for (int64_t c = 0; c < D && (passed || narrow); c += 16) {
        const __mmask16 mask = first(D - c);
        __m512 value = load(row + c, mask);
        if (passed) value = _mm512_add_ps(value, load(passed + n * D + c, mask));
        store(row + c, value, mask);
        if (narrow) store(narrow + n * D + c, value, mask);
      }
    }
  }
  sum_parts(parts, stretches, D, dw);
}

// y [N, F] = silu(gate) · up for gate_up [N, 2·F], all bf16.
void swiglu_forward(const bf16* gate_up, int64_t N, int64_t F, bf16* y) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < N; ++n)
    for (int64_t c = 0; c < F; c += 16) {
      const __mmask16 mask = first(F - c);
      const __m512 gate = load(gate_up + n * 2 * F + c, mask), up = load(gate_up + n * 2 * F + F + c, mask);
      _mm256_mask_storeu_epi16(y + n * F + c, mask, to_bf16(_mm512_mul_ps(_mm512_mul_ps(gate, sigmoid(gate)), up)));
    }
}

// d_gate_up [N, 2·F] from dy [N, F]: d silu(g) = σ(g) · (1 + g · (1 − σ(g))).
void swiglu_backward(const bf16* dy, const bf16* gate_up, int64_t N, int64_t F, bf16* d_gate_up) {
  const __m512 one = _mm512_set1_ps(1.f);
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < N; ++n)
    for (int64_t c = 0; c < F; c += 16) {
      const __mmask16 mask = first(F - c);
      const int64_t at = n * 2 * F + c;
      const __m512 gate = load(gate_up + at, mask), up = load(gate_up + at + F, mask), above = load(dy + n * F + c, mask);
      const __m512 weight = sigmoid(gate), silu = _mm512_mul_ps(gate, weight);
      const __m512 slope = _mm512_fmadd_ps(silu, _mm512_sub_ps(one, weight), weight);
      const __m512 by_gate = _mm512_mul_ps(_mm512_mul_ps(above, up), slope);
      _mm256_mask_storeu_epi16(d_gate_up + at, mask, to_bf16(by_gate));
      _mm256_mask_storeu_epi16(d_gate_up + at + F, mask, to_bf16(_mm512_mul_ps(above, silu)));
    }
}

// Queries and keys out of qkv [N, (H + 2·G)·K]: each head normed (weights [K]; null: not) and its pairs (i, i + K/2) rotated by the
// angle of its position. cos, sin [T, K/2]; N = B·T. q [N, H, K], k [N, G, K] bf16; scales [N, H + G].
void norm_rotate_forward(const Shape* shape, const bf16* qkv, const float* query_weight, const float* key_weight,
                         const float* cos, const float* sin, float epsilon, bf16* q, bf16* k, float* scales) {
  const auto [B, T, H, G, K] = *shape;
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < B * T; ++n)
    for (int64_t h = 0; h < H + G; ++h) {
      const bf16* x = qkv + (n * (H + 2 * G) + h) * K;
      const float* w = h < H ? query_weight : key_weight;
      const auto weight = [w](int64_t c) { return w ? load(w + c) : _mm512_set1_ps(1.f); };
      bf16* out = h < H ? q + (n * H + h) * K : k + (n * G + h - H) * K;
      __m512 squares = _mm512_setzero_ps();
      for (int64_t c = 0; w && c < K; c += 16) squares = _mm512_fmadd_ps(load(x + c), load(x + c), squares);
      const float scale = w ? 1.f / std::sqrt(_mm512_reduce_add_ps(squares) / K + epsilon) : 1.f;
      scales[n * (H + G) + h] = scale;
      for (int64_t c = 0; c < K / 2; c += 16) {
        const __m512 a = _mm512_mul_ps(_mm512_mul_ps(load(x + c), _mm512_set1_ps(scale)), weight(c));
        const __m512 b = _mm512_mul_ps(_mm512_mul_ps(load(x + K / 2 + c), _mm512_set1_ps(scale)), weight(K / 2 + c));
        const __m512 co = _mm512_loadu_ps(cos + n % T * K / 2 + c), si = _mm512_loadu_ps(sin + n % T * K / 2 + c);
        store(out + c, _mm512_fmsub_ps(a, co, _mm512_mul_ps(b, si)));
        store(out + K / 2 + c, _mm512_fmadd_ps(b, co, _mm512_mul_ps(a, si)));
      }
    }
}

// d_qkv [N, (H + 2·G)·K] from dq, dk, dv (dense), and the gradients [K] of both norms' weights.
void norm_rotate_backward(const Shape* shape, const bf16* dq, const bf16* dk, const bf16* dv, const bf16* qkv,
                          const float* query_weight, const float* key_weight, const float* cos, const float* sin,
                          const float* scales, bf16* d_qkv, float* d_query_weight, float* d_key_weight) {
  const auto [B, T, H, G, K] = *shape;
  const int64_t N = B * T, stretches = (N + STRETCH_ROWS - 1) / STRETCH_ROWS;
  Scratch<float> query_parts(stretches * K), key_parts(stretches * K);
#pragma omp parallel
  {
    Scratch<float> turned(K);
#pragma omp for schedule(static)
    for (int64_t s = 0; s < stretches; ++s) {
      std::memset(query_parts + s * K, 0, K * sizeof(float));
      std::memset(key_parts + s * K, 0, K * sizeof(float));
      for (int64_t n = s * STRETCH_ROWS; n < std::min(N, (s + 1) * STRETCH_ROWS); ++n) {
        bf16* row = d_qkv + n * (H + 2 * G) * K;
        for (int64_t h = 0; h < H + G; ++h) {
          const bf16* above = h < H ? dq + (n * H + h) * K : dk + (n * G + h - H) * K;
          for (int64_t c = 0; c < K / 2; c += 16) {  // the rotation backwards
            const __m512 a = load(above + c), b = load(above + K / 2 + c);
            const __m512 co = _mm512_loadu_ps(cos + n % T * K / 2 + c), si = _mm512_loadu_ps(sin + n % T * K / 2 + c);
            _mm512_storeu_ps(turned + c, _mm512_fmadd_ps(a, co, _mm512_mul_ps(b, si)));
            _mm512_storeu_ps(turned + K / 2 + c, _mm512_fmsub_ps(b, co, _mm512_mul_ps(a, si)));
          }
          const float* w = h < H ? query_weight : key_weight;
          float* part = (h < H ? query_parts : key_parts) + s * K;
          if (w)
            norm_row_backward(turned.data, qkv + (n * (H + 2 * G) + h) * K, w, scales[n * (H + G) + h], K, row + h * K,
                              part);
          else
            for (int64_t c = 0; c < K; c += 16) store(row + h * K + c, load(turned + c));
        }
        std::memcpy(row + (H + G) * K, dv + n * G * K, G * K * sizeof(bf16));
      }
    }
  }
  sum_parts(query_parts, stretches, K, d_query_weight);
  sum_parts(key_parts, stretches, K, d_key_weight);
}

}  // extern "C"
