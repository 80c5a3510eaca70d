// Causal attention inside documents, one (row, key head) a task, so that its scores never leave the cache.
//
// S = scale·Q·Kᵀ, P = softmax(S), O = P·V; backwards dV = Pᵀ·dO, dS = P ⊙ (dO·Vᵀ − rowsum(dO ⊙ O)), dQ = scale·dS·K,
// dK = scale·dSᵀ·Q, with P computed again from the sums that forward kept (https://arxiv.org/abs/2205.14135).

#include "common.hpp"

namespace {

constexpr int64_t ROWS = 64;  // queries a block: S and P of a block (64 × 256) stay in the second-level cache

struct Block {  // queries from `row` on, which see keys `low` … `high` - 1 at most
  int64_t row, rows, low, high;
};

Block block_at(int64_t row, int64_t positions, const int32_t* starts) {
  return {row, std::min(ROWS, positions - row), starts[row] / 32 * 32, row + ROWS};
}

// P = exp(scale·S − norm) where a query may look, else 0. With `norm` null it is found here and written to `sums`.
void softmax_rows(const float* s, int64_t ld, const Block& block, const int32_t* starts, float scale, const float* norm,
                  float* sums, float* inverse, bf16* p) {
  for (int64_t r = 0; r < ROWS; ++r) {
    const int64_t i = block.row + r, from = r < block.rows ? std::max<int64_t>(starts[i], block.low) : block.high;
    const int64_t to = r < block.rows ? i + 1 : block.high;
    const float* score = s + r * ld;
    bf16* out = p + r * ld;
    float shift = 0.f;
    if (r < block.rows && norm) {
      shift = norm[i];
    } else if (r < block.rows) {
      __m512 most = _mm512_set1_ps(-INFINITY);
      for (int64_t j = from / 16 * 16; j < to; j += 16) {
        const __mmask16 mask = first(to - j) & ~(j < from ? first(from - j) : 0);
        most = _mm512_mask_max_ps(most, mask, most, _mm512_loadu_ps(score + j - block.low));
      }
      shift = _mm512_reduce_max_ps(most) * scale;
    }
    __m512 total = _mm512_setzero_ps();
    for (int64_t j = block.low; j < block.high; j += 16) {
      const bool outside = j + 16 <= from || j >= to;
      __m512 value = _mm512_setzero_ps();
      if (!outside) {
        const __mmask16 mask = first(to - j) & ~(j < from ? first(from - j) : 0);
        const __m512 x = _mm512_loadu_ps(score + j - block.low);
        value = _mm512_maskz_mov_ps(mask, exponential(_mm512_fmsub_ps(x, _mm512_set1_ps(scale), _mm512_set1_ps(shift))));
        total = _mm512_add_ps(total, value);
      }
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + j - block.low), to_bf16(value));
    }
    if (r < block.rows && !norm) {
      const float sum = _mm512_reduce_add_ps(total);
      sums[i] = shift + std::log(sum);
      inverse[r] = 1.f / sum;
    }
  }
}

void store_scaled(const float* x, float factor, int64_t count, bf16* out) {
  for (int64_t c = 0; c < count; c += 16) {
    const __mmask16 mask = first(count - c);
    const __m512 value = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + c), _mm512_set1_ps(factor));
    _mm256_mask_storeu_epi16(out + c, mask, to_bf16(value));
  }
}

float dot(const bf16* x, const bf16* y, int64_t count) {
  __m512 total = _mm512_setzero_ps();
  for (int64_t c = 0; c < count; c += 16) {
    const __mmask16 mask = first(count - c);
    total = _mm512_fmadd_ps(from_bf16(_mm256_maskz_loadu_epi16(mask, x + c)),
                            from_bf16(_mm256_maskz_loadu_epi16(mask, y + c)), total);
  }
  return _mm512_reduce_add_ps(total);
}

// dS = P ⊙ (dP − delta) · scale, rounded to bf16.
void score_gradient(const bf16* p, const float* dp, int64_t ld, int64_t columns, const float* delta, float scale,
                    bf16* out) {
  for (int64_t r = 0; r < ROWS; ++r)
    for (int64_t c = 0; c < columns; c += 16) {
      const __m512 weight = from_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + r * ld + c)));
      const __m512 change = _mm512_sub_ps(_mm512_loadu_ps(dp + r * ld + c), _mm512_set1_ps(delta[r]));
      const __m512 value = _mm512_mul_ps(_mm512_mul_ps(weight, change), _mm512_set1_ps(scale));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + r * ld + c), to_bf16(value));
    }
}

}  // namespace

struct View {  // bf16 [B, T, heads, K] with these strides in elements; the last dimension is dense
  const bf16* data;
  int64_t row, position, head;
  const bf16* at(int64_t b, int64_t t, int64_t h) const { return data + b * row + t * position + h * head; }
};

extern "C" {

// out [B, T, H, K] bf16 and sums [B, H, T] float32 (log of each softmax's denominator); starts [B, T]: the first
// position of each position's document.
void attention_forward(const Shape* shape, const View* q, const View* k, const View* v, const int32_t* starts,
                       float scale, bf16* out, float* sums) {
  const auto [B, T, H, G, K] = *shape;
  const int64_t padded = (T + ROWS - 1) / ROWS * ROWS, group = H / G;
#pragma omp parallel
  {
    Scratch<bf16> k_pairs(padded * K), v_pairs(padded * K), p(ROWS * padded);
    Scratch<float> s(ROWS * padded), o(ROWS * K), inverse(ROWS);
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < B * G; ++task) {
      const int64_t b = task / G, g = task % G;
      const int32_t* start = starts + b * T;
      std::memset(k_pairs, 0, padded * K * sizeof(bf16));
      transposed_to_pairs(k->at(b, 0, g), k->position, T, K, k_pairs, padded);
      to_pairs(v->at(b, 0, g), v->position, T, K, padded, v_pairs, K);
      for (int64_t h = g * group; h < (g + 1) * group; ++h)
        for (int64_t row = 0; row < T; row += ROWS) {
          const Block at = block_at(row, T, start);
          const int64_t n = at.high - at.low;
          multiply(at.rows, n, K, q->at(b, row, h), q->position, k_pairs + at.low * 2, padded, s, padded, false);
          softmax_rows(s, padded, at, start, scale, nullptr, sums + (b * H + h) * T, inverse, p);
          multiply(at.rows, K, n, p, padded, v_pairs + at.low * K, K, o, K, false);
          for (int64_t r = 0; r < at.rows; ++r)
            store_scaled(o + r * K, inverse[r], K, out + ((b * T + row + r) * H + h) * K);
        }
    }
    at::native::cpublas::brgemm_release(true);
  }
}

// dq [B, T, H, K], dk and dv [B, T, G, K], bf16, dense, from what forward read and wrote and the gradient of its output.
void attention_backward(const Shape* shape, const View* q, const View* k, const View* v, const View* out,
                        const View* grad, const int32_t* starts, const float* sums, float scale, bf16* dq, bf16* dk,
                        bf16* dv) {
  const auto [B, T, H, G, K] = *shape;
  const int64_t padded = (T + ROWS - 1) / ROWS * ROWS, group = H / G;
#pragma omp parallel
  {
    Scratch<bf16> kt_pairs(padded * K), vt_pairs(padded * K), k_pairs(padded * K), q_pairs(ROWS * K), g_pairs(ROWS * K);
    Scratch<bf16> p(ROWS * padded), ds(ROWS * padded), turned(ROWS * padded);
    Scratch<float> s(ROWS * padded), dp(ROWS * padded), dq_block(ROWS * K), dk_sum(padded * K), dv_sum(padded * K),
        delta(ROWS);
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < B * G; ++task) {
      const int64_t b = task / G, g = task % G;
      const int32_t* start = starts + b * T;
      std::memset(kt_pairs, 0, padded * K * sizeof(bf16));
      std::memset(vt_pairs, 0, padded * K * sizeof(bf16));
      transposed_to_pairs(k->at(b, 0, g), k->position, T, K, kt_pairs, padded);
      transposed_to_pairs(v->at(b, 0, g), v->position, T, K, vt_pairs, padded);
      to_pairs(k->at(b, 0, g), k->position, T, K, padded, k_pairs, K);
      std::memset(dk_sum, 0, padded * K * sizeof(float));
      std::memset(dv_sum, 0, padded * K * sizeof(float));
      for (int64_t h = g * group; h < (g + 1) * group; ++h)
        for (int64_t row = 0; row < T; row += ROWS) {
          const Block at = block_at(row, T, start);
          const int64_t n = at.high - at.low;
          const bf16 *query = q->at(b, row, h), *above = grad->at(b, row, h);
          multiply(at.rows, n, K, query, q->position, kt_pairs + at.low * 2, padded, s, padded, false);
          softmax_rows(s, padded, at, start, scale, sums + (b * H + h) * T, nullptr, nullptr, p);
          multiply(at.rows, n, K, above, grad->position, vt_pairs + at.low * 2, padded, dp, padded, false);
          for (int64_t r = 0; r < ROWS; ++r)
            delta[r] = r < at.rows ? dot(out->at(b, row + r, h), grad->at(b, row + r, h), K) : 0.f;
          for (int64_t r = at.rows; r < ROWS; ++r) std::memset(dp + r * padded, 0, n * sizeof(float));
          score_gradient(p, dp, padded, n, delta, scale, ds);
          multiply(at.rows, K, n, ds, padded, k_pairs + at.low * K, K, dq_block, K, false);
          for (int64_t r = 0; r < at.rows; ++r)
            store_scaled(dq_block + r * K, 1.f, K, dq + ((b * T + row + r) * H + h) * K);
          to_pairs(above, grad->position, at.rows, K, ROWS, g_pairs, K);
          transpose(p, padded, ROWS, n, turned, ROWS);
          multiply(n, K, ROWS, turned, ROWS, g_pairs, K, dv_sum + at.low * K, K, true);
          to_pairs(query, q->position, at.rows, K, ROWS, q_pairs, K);
          transpose(ds, padded, ROWS, n, turned, ROWS);
          multiply(n, K, ROWS, turned, ROWS, q_pairs, K, dk_sum + at.low * K, K, true);
        }
      for (int64_t t = 0; t < T; ++t) {
        store_scaled(dk_sum + t * K, 1.f, K, dk + ((b * T + t) * G + g) * K);
        store_scaled(dv_sum + t * K, 1.f, K, dv + ((b * T + t) * G + g) * K);
      }
    }
    at::native::cpublas::brgemm_release(true);
  }
}

}  // extern "C"
