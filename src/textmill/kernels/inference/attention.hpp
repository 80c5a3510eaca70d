// Attention of new rows over their text's pages: softmax(scale · q · kᵀ + mask) · v, a page of 32 positions after another
// from the first one that a row sees. What is kept of the pages before is rescaled when a larger score comes, so a row's
// bits depend on its own text alone.
//
// A page lies, for each layer and key head, as its positions are read:
//   bf16   keys [width / 2][32][2], values [32 / 2][width][2]        fp32   keys [width][32], values [32][width]
// where width is a head's, rounded up to 16. Values of a page's unwritten positions are zero, so they add nothing.

#pragma once

#include "model.hpp"
#include "vectors.hpp"

namespace {

constexpr int64_t WIDEST = 256;   // of a head
constexpr int64_t QUERIES = 32;   // at most so many at a time: rows times heads that share keys

struct Item {  // rows of one text and heads of one key head
  int64_t part, row, rows, kv_head, head, heads;
};

INLINE int64_t padded_width(const Model& model) { return (model.head_width + 15) / 16 * 16; }

INLINE char* page_of(const Model& model, int64_t layer, int64_t page, int64_t values, int64_t kv_head) {
  const int64_t bytes = padded_width(model) * PAGE * (model.cache_kind == FP32 ? 4 : 2);
  return model.cache + (((layer * model.page_count + page) * 2 + values) * model.kv_heads + kv_head) * bytes;
}

inline void keep_position(const Model& model, int64_t layer, int64_t page, int64_t slot, int64_t kv_head, const float* key, const float* value) {
  const int64_t width = padded_width(model);
  char *keys = page_of(model, layer, page, 0, kv_head), *values = page_of(model, layer, page, 1, kv_head);
  if (model.cache_kind == FP32) {
    for (int64_t i = 0; i < width; ++i) {
      reinterpret_cast<float*>(keys)[i * PAGE + slot] = i < model.head_width ? key[i] : 0.f;
      reinterpret_cast<float*>(values)[slot * width + i] = i < model.head_width ? value[i] : 0.f;
    }
    return;
  }
  alignas(64) bf16 narrow[2][WIDEST];
  for (int64_t i = 0; i < width; i += 16) {
    store_bf16(narrow[0] + i, load_some(key + i, model.head_width - i));
    store_bf16(narrow[1] + i, load_some(value + i, model.head_width - i));
  }
  for (int64_t i = 0; i < width; ++i) {
    reinterpret_cast<bf16*>(keys)[(i / 2 * PAGE + slot) * 2 + i % 2] = narrow[0][i];
    reinterpret_cast<bf16*>(values)[(slot / 2 * width + i) * 2 + slot % 2] = narrow[1][i];
  }
}

template <bool narrow>
INLINE f32x16 step_of(f32x16 sum, i32x16 stored, int32_t word) {
  return narrow ? dot_bf16(sum, stored, word) : fma(as_float(stored), as_float(splat(word)), sum);
}

template <bool narrow, int Q>  // out[q][position] = Σ query · key
void score(const char* keys, int64_t steps, const int32_t* query, int64_t query_ld, float* out) {
  f32x16 total[Q][2] = {};
  for (int64_t k = 0; k < steps; ++k, keys += 128) {
    const i32x16 first = load_words(keys), second = load_words(keys + 64);
    for (int q = 0; q < Q; ++q) {
      total[q][0] = step_of<narrow>(total[q][0], first, query[q * query_ld + k]);
      total[q][1] = step_of<narrow>(total[q][1], second, query[q * query_ld + k]);
    }
  }
  for (int q = 0; q < Q; ++q) {
    store(out + q * PAGE, total[q][0]);
    store(out + q * PAGE + 16, total[q][1]);
  }
}

template <bool narrow, int Q, int C>  // total[q] = total[q] · scale[q] + Σ weight · value, 16 · C columns
void mix(const char* values, int64_t row_bytes, const int32_t* weights, const float* scale, float* total, int64_t ld) {
  f32x16 held[Q][C];
  for (int q = 0; q < Q; ++q)
    for (int c = 0; c < C; ++c) held[q][c] = load(total + q * ld + c * 16) * scale[q];
  for (int step = 0; step < (narrow ? PAGE / 2 : PAGE); ++step, values += row_bytes) {
    i32x16 stored[C];
    for (int c = 0; c < C; ++c) stored[c] = load_words(values + c * 64);
    for (int q = 0; q < Q; ++q)
      for (int c = 0; c < C; ++c) held[q][c] = step_of<narrow>(held[q][c], stored[c], weights[q * PAGE + step]);
  }
  for (int q = 0; q < Q; ++q)
    for (int c = 0; c < C; ++c) store(total + q * ld + c * 16, held[q][c]);
}

template <bool narrow, int Q>
void mix_all(const char* values, int64_t width, const int32_t* weights, const float* scale, float* total) {
  int64_t c = 0;
  for (; c + 64 <= width; c += 64) mix<narrow, Q, 4>(values + c * 4, width * 4, weights, scale, total + c, width);
  for (; c < width; c += 16) mix<narrow, Q, 1>(values + c * 4, width * 4, weights, scale, total + c, width);
}

template <bool narrow>
struct Attend {
  const Model& model;
  const Layer& layer;
  int64_t width, steps;
  alignas(64) int32_t query[QUERIES * WIDEST], weight[QUERIES * PAGE];
  alignas(64) float total[QUERIES * WIDEST], scores[QUERIES * PAGE], sums[QUERIES * 16];
  float largest[QUERIES], rescale[QUERIES];

  Attend(const Model& model, const Layer& layer) : model(model), layer(layer), width(padded_width(model)), steps(narrow ? width / 2 : width) {}

  void begin(int64_t q, const float* x) {
    for (int64_t i = 0; i < width; i += 16) {
      const f32x16 value = load_some(x + i, model.head_width - i);
      if (narrow)
        store_bf16(reinterpret_cast<bf16*>(query + q * steps) + i, value);
      else
        store(reinterpret_cast<float*>(query + q * steps) + i, value);
      store(total + q * width + i, f32x16{});
    }
    store(sums + q * 16, f32x16{});
    largest[q] = -INFINITY;
  }

  f32x16 finished(f32x16 score, i32x16 place, int64_t position, float slope) const {  // with scale, cap, slope, mask
    score = score * model.scale;
    if (model.attention_softcap != 0.f) score = model.attention_softcap * tangent(score / model.attention_softcap);
    const i32x16 distance = splat(static_cast<int32_t>(position)) - place;
    if (model.slopes) score = score - slope * to_float(distance);
    const int32_t window = layer.window ? static_cast<int32_t>(layer.window) : INT32_MAX;
    return (distance >= 0) & (distance < window) ? score : splat(-INFINITY);
  }

  void soften(int64_t q, int64_t start, int64_t position, float slope) {  // scores to weights, sums and rescaling
    i32x16 place;
    for (int i = 0; i < 16; ++i) place[i] = static_cast<int32_t>(start) + i;
    f32x16 first = finished(load(scores + q * PAGE), place, position, slope);
    f32x16 second = finished(load(scores + q * PAGE + 16), place + 16, position, slope);
    const float before = largest[q], most = std::max(before, largest_of(maximum(first, second)));
    rescale[q] = most == before ? 1.f : exponential(splat(before - most))[0];
    largest[q] = most;
    first = exponential(first - most);
    second = exponential(second - most);
    store(sums + q * 16, load(sums + q * 16) * rescale[q] + (first + second));
    if (narrow) {
      store_bf16(reinterpret_cast<bf16*>(weight + q * PAGE), first);
      store_bf16(reinterpret_cast<bf16*>(weight + q * PAGE) + 16, second);
    } else {
      store(reinterpret_cast<float*>(weight + q * PAGE), first);
      store(reinterpret_cast<float*>(weight + q * PAGE) + 16, second);
    }
  }

  void end(int64_t q, int64_t head, float* out) const {
    float sum = sum_of(load(sums + q * 16)), factor = 1.f;
    if (layer.sinks) {
      const float sink = layer.sinks[head], most = std::max(largest[q], sink);
      factor = exponential(splat(largest[q] - most))[0];
      sum = sum * factor + exponential(splat(sink - most))[0];
    }
    for (int64_t i = 0; i < model.head_width; ++i) out[i] = total[q * width + i] * (factor / sum);
  }

  template <int Q>
  void some_scores(const char* keys, int64_t q) {
    score<narrow, Q>(keys, steps, query + q * steps, steps, scores + q * PAGE);
  }

  template <int Q>
  void some_values(const char* values, int64_t q) {
    mix_all<narrow, Q>(values, width, weight + q * PAGE, rescale + q, total + q * width);
  }

  void run(const Step& step, int64_t index, const Item& item, const float* qkv, int64_t ld, float* out, int64_t out_ld) {
    const Part& part = step.part[item.part];
    const int64_t base = part.past + item.row, row = part.first + item.row, heads = item.heads;
    const int64_t head = item.kv_head * (model.heads / model.kv_heads) + item.head, window = layer.window;
    for (int64_t q = 0; q < item.rows * heads; ++q) begin(q, qkv + (row + q / heads) * ld + (head + q % heads) * model.head_width);
    const int64_t first = window && base - window + 1 > 0 ? (base - window + 1) / PAGE : 0;
    for (int64_t page = first; page * PAGE < base + item.rows; ++page) {
      const int64_t start = page * PAGE, place = step.pages[part.pages + page];
      const int64_t from = std::max<int64_t>(0, start - base) * heads;
      const int64_t to = (window ? std::min(item.rows, start + PAGE + window - 1 - base) : item.rows) * heads;
      const char *keys = page_of(model, index, place, 0, item.kv_head), *values = page_of(model, index, place, 1, item.kv_head);
      int64_t q = from;
      for (; q + 4 <= to; q += 4) some_scores<4>(keys, q);
      for (; q < to; ++q) some_scores<1>(keys, q);
      for (q = from; q < to; ++q) soften(q, start, base + q / heads, model.slopes ? model.slopes[head + q % heads] : 0.f);
      for (q = from; q + 4 <= to; q += 4) some_values<4>(values, q);
      for (; q < to; ++q) some_values<1>(values, q);
    }
    for (int64_t q = 0; q < item.rows * heads; ++q) end(q, head + q % heads, out + (row + q / heads) * out_ld + (head + q % heads) * model.head_width);
  }
};

}  // namespace
