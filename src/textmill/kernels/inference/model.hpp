// What Python hands over, field by field as textmill/infer/native/layout.py has it. Sizes are int64, nothing is owned here.

#pragma once

#include <cstdint>

enum Kind : int64_t { FP32 = 0, BF16 = 1, INT8 = 2, INT4 = 3 };
enum Activation : int64_t { GELU = 0, GELU_EXACT = 1, RELU2 = 2, SWIGLU = 3, GEGLU = 4 };
enum Place : int64_t { PRE = 0, POST = 1, BOTH = 2, OUTPUT = 3 };

constexpr int64_t STRIP = 32;  // outputs that are computed together
constexpr int64_t GROUP = 32;  // inputs that share a scale
constexpr int64_t PAGE = 32;   // positions a page, and a block of the softmax

struct Matrix {  // padded with zeros to whole strips and groups; see products.hpp for the layout
  int64_t kind, strips, groups;
  const void* codes;
  const uint16_t* scales;
  const float* bias;  // strips · STRIP, or null
};

struct Norm {  // null weight: there is none here
  const float *weight, *bias;
};

struct Layer {
  Matrix qkv, out, up, down;  // gated: strips of gate and up take turns
  Norm attention_norm, feed_forward_norm, attention_after, feed_forward_after, query_norm, key_norm;
  const float* sinks;
  int64_t window, rope;  // rope: which table, -1 for none
};

struct Model {
  int64_t layers, width, heads, kv_heads, head_width, vocabulary;
  int64_t layer_norm, place, parallel, joint, activation, embedding_kind, rotated, cache_kind, page_count;
  int64_t key_at, value_at;  // columns of the first key and value in a row of qkv
  float epsilon, scale, attention_softcap, residual_scale, embedding_scale, logit_softcap, logit_divisor;
  const void* embedding;
  const float *position_table, *slopes;
  Norm embedding_norm, final_norm;
  Matrix output;
  const Layer* layer;
  char* cache;
};

struct Part {
  int64_t first, rows, past, pages;  // pages: where its page table begins in Step::pages
};

struct Step {
  int64_t rows, parts, wanted_rows, threads, hidden;
  const int32_t *ids, *positions, *pages, *wanted;
  const Part* part;
  const float *cosines[2], *sines[2];
  float* out;
  char* scratch;
};
