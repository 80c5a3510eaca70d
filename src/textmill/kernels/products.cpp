// What torch's products leave slow in training: the gradient of a weight, and the loss over a large vocabulary.

#include "common.hpp"

extern "C" {

// out [N, D] float32 (+)= grad [M, N]ᵀ · x [M, D], both bf16 with row strides. A stretch of M × a panel of D stays in the
// first-level cache while a block of N passes by.
void weight_gradient(const bf16* grad, int64_t grad_ld, const bf16* x, int64_t x_ld, int64_t M, int64_t N, int64_t D,
                     float* out, bool add) {
  constexpr int64_t STRETCH = 256, LD = STRETCH + 32, BLOCK = 256, PANEL = 64;
  const int64_t padded = (M + 31) / 32 * 32, panels = (D + PANEL - 1) / PANEL;
  Scratch<bf16> x_pairs(padded * panels * PANEL);
#pragma omp parallel
  {
    Scratch<bf16> turned(BLOCK * LD);
#pragma omp for schedule(static)
    for (int64_t m = 0; m < padded; m += 32)
      for (int64_t d = 0; d < D; d += PANEL)
        to_pairs(x + m * x_ld + d, x_ld, std::min<int64_t>(32, M - m), std::min(PANEL, D - d), 32,
                 x_pairs + d * padded + m * PANEL, PANEL);
#pragma omp for schedule(dynamic)
    for (int64_t n = 0; n < N; n += BLOCK) {
      const int64_t columns = std::min(BLOCK, N - n);
      for (int64_t m = 0; m < M; m += STRETCH) {
        const int64_t rows = std::min(STRETCH, M - m), depth = (rows + 31) / 32 * 32;
        transpose(grad + m * grad_ld + n, grad_ld, rows, columns, turned, LD);
        for (int64_t d = 0; d < D; d += PANEL)
          multiply(columns, std::min(PANEL, D - d), depth, turned, LD, x_pairs + d * padded + m * PANEL, PANEL,
                   out + n * D + d, D, add || m > 0);
      }
    }
    at::native::cpublas::brgemm_release(true);
  }
}

// sums [N]: log Σ exp of each row of logits [N, V] bf16; best [N]: the first place of its largest value.
void log_sums(const bf16* logits, int64_t N, int64_t V, float* sums, int64_t* best) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < N; ++n) {
    const bf16* row = logits + n * V;
    __m512 most = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    for (int64_t c = 0; c < V; c += 16) most = _mm512_mask_max_ps(most, first(V - c), most, load(row + c, first(V - c)));
    const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    best[n] = -1;
    for (int64_t c = 0; c < V; c += 16) {
      const __mmask16 mask = first(V - c);
      const __m512 x = load(row + c, mask);
      total = _mm512_mask_add_ps(total, mask, total, exponential(_mm512_sub_ps(x, top)));
      const __mmask16 equal = _mm512_mask_cmp_ps_mask(mask, x, top, _CMP_EQ_OQ);
      if (equal && best[n] < 0) best[n] = c + __builtin_ctz(equal);
    }
    sums[n] = _mm512_cvtss_f32(top) + std::log(_mm512_reduce_add_ps(total));
  }
}

// logits [N, V] bf16 become softmax − onehot, times (1 + 2·z·logsumexp); losses [N] float32 are −ln p(target).
void softmax_error(bf16* logits, const int64_t* targets, int64_t N, int64_t V, float z, float* losses) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < N; ++n) {
    bf16* row = logits + n * V;
    __m512 most = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    for (int64_t c = 0; c < V; c += 16) {
      const __mmask16 mask = first(V - c);
      most = _mm512_mask_max_ps(most, mask, most, from_bf16(_mm256_maskz_loadu_epi16(mask, row + c)));
    }
    const float top = _mm512_reduce_max_ps(most);
    for (int64_t c = 0; c < V; c += 16) {
      const __mmask16 mask = first(V - c);
      const __m512 x = _mm512_sub_ps(from_bf16(_mm256_maskz_loadu_epi16(mask, row + c)), _mm512_set1_ps(top));
      total = _mm512_mask_add_ps(total, mask, total, exponential(x));
    }
    const float log_sum = top + std::log(_mm512_reduce_add_ps(total)), factor = 1.f + 2.f * z * log_sum;
    const float log_probability = scalar(row[targets[n]]) - log_sum;
    for (int64_t c = 0; c < V; c += 16) {
      const __mmask16 mask = first(V - c);
      const __m512 x = _mm512_sub_ps(from_bf16(_mm256_maskz_loadu_epi16(mask, row + c)), _mm512_set1_ps(log_sum));
      _mm256_mask_storeu_epi16(row + c, mask, to_bf16(_mm512_mul_ps(exponential(x), _mm512_set1_ps(factor))));
    }
    losses[n] = -log_probability;
    const __m512 at_target = _mm512_set1_ps(std::exp(log_probability) * factor - 1.f);
    _mm256_mask_storeu_epi16(row + targets[n], 1, to_bf16(at_target));
  }
}

}  // extern "C"
