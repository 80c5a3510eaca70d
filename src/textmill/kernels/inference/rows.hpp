// What happens to one row by itself: norms, rotation by position, activations. Widths need not be multiples of 16.

#pragma once

#include "model.hpp"
#include "products.hpp"
#include "vectors.hpp"

namespace {

// out = x / rms(x) · w or (x - mean) / deviation · w + b; `out` may be x.
inline void normalise(const float* x, int64_t width, const Norm& norm, bool layer_norm, float epsilon, float* out) {
  f32x16 sums = {}, squares = {};
  float mean = 0.f;
  if (layer_norm) {
    for (int64_t i = 0; i < width; i += 16) sums += load_some(x + i, width - i);
    mean = sum_of(sums) / static_cast<float>(width);
  }
  for (int64_t i = 0; i < width; i += 16) {
    const f32x16 value = as_float(as_words(load_some(x + i, width - i) - mean) & below(width - i));
    squares = fma(value, value, squares);
  }
  const float factor = 1.f / std::sqrt(sum_of(squares) / static_cast<float>(width) + epsilon);
  for (int64_t i = 0; i < width; i += 16) {
    f32x16 value = (load_some(x + i, width - i) - mean) * factor * load_some(norm.weight + i, width - i);
    if (norm.bias) value += load_some(norm.bias + i, width - i);
    store_some(out + i, value, width - i);
  }
}

// The pairs (x_i, x_{i+R/2}) by their position's angle.
inline void rotate(float* x, int64_t half, const float* cosines, const float* sines) {
  for (int64_t i = 0; i < half; i += 16) {
    const int64_t left = half - i;
    const f32x16 c = load_some(cosines + i, left), s = load_some(sines + i, left);
    const f32x16 first = load_some(x + i, left), second = load_some(x + half + i, left);
    store_some(x + i, first * c - second * s, left);
    store_some(x + half + i, second * c + first * s, left);
  }
}

INLINE f32x16 error_function(f32x16 x) {  // Abramowitz and Stegun 7.1.26, error below 1.5e-7
  const f32x16 size = magnitude(x), t = 1.f / (1.f + 0.3275911f * size);
  f32x16 p = splat(1.061405429f);
  p = fma(p, t, splat(-1.453152027f));
  p = fma(p, t, splat(1.421413741f));
  p = fma(p, t, splat(-0.284496736f));
  p = fma(p, t, splat(0.254829592f));
  const f32x16 y = 1.f - p * t * exponential(-size * size);
  return x < 0.f ? -y : y;
}

INLINE f32x16 gelu(f32x16 x) { return 0.5f * x * (1.f + tangent(0.7978845608f * (x + 0.044715f * x * x * x))); }

INLINE f32x16 activate(int64_t kind, f32x16 x) {
  switch (kind) {
    case SWIGLU: return x / (1.f + exponential(-x));
    case RELU2: {
      const f32x16 positive = maximum(x, f32x16{});
      return positive * positive;
    }
    case GELU_EXACT: return 0.5f * x * (1.f + error_function(x * 0.7071067812f));
    default: return gelu(x);
  }
}

}  // namespace
