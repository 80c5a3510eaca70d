// A whole step: new tokens of several texts through all layers, in one parallel region. The phases of a layer are split
// among the threads by outputs, rows or heads; no sum is ever split.

#include <omp.h>
#include <sched.h>

#include <vector>

#include "attention.hpp"
#include "model.hpp"
#include "products.hpp"
#include "rows.hpp"

namespace {

INLINE int64_t up_to(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

struct Carver {  // cuts pieces off the scratch, or counts what they take
  char* place;
  int64_t used = 0;
  template <typename T>
  T* cut(int64_t count) {
    char* piece = place ? place + used : nullptr;
    used += up_to(count * static_cast<int64_t>(sizeof(T)), 64);
    return reinterpret_cast<T*>(piece);
  }
  Rows rows(int64_t rows, const Matrix& matrix) {
    const int64_t stride = up_to(matrix.groups * GROUP * bytes_of(matrix.kind), 64);
    return {cut<char>(rows * stride), cut<float>(rows * matrix.groups), cut<int32_t>(rows * matrix.groups), stride};
  }
};

struct Turn {  // which thread, and how many phases it has been through
  int64_t thread, phase;
};

struct alignas(64) Counter {
  int64_t value = 0;
};

// The items of each phase, shared out. A thread begins with its own range, whose rows its cache may still hold, and then
// helps others. A phase is over when all items are done, not when all threads have come: where others use the processor
// too, a thread that has been set aside between items holds up nobody, and finds its share done.
struct Phases {
  int64_t threads;
  std::vector<Counter> counters;  // for each phase: where each range stands, and how many items are done

  Phases(int64_t phases, int64_t threads) : threads(threads), counters(phases * (threads + 1)) {}

  template <typename Work>
  void run(int64_t count, int64_t grain, Turn& turn, Work work) {
    Counter* next = counters.data() + turn.phase++ * (threads + 1);
    int64_t* done = &next[threads].value;
    for (int64_t other = 0; other < threads; ++other) {
      const int64_t range = (turn.thread + other) % threads, start = count * range / threads, stop = count * (range + 1) / threads;
      for (;;) {
        const int64_t first = start + __atomic_fetch_add(&next[range].value, grain, __ATOMIC_RELAXED);
        if (first >= stop) break;
        const int64_t end = std::min(stop, first + grain);
        for (int64_t i = first; i < end; ++i) work(i);
        __atomic_add_fetch(done, end - first, __ATOMIC_RELEASE);
      }
    }
    for (int spins = 0; __atomic_load_n(done, __ATOMIC_ACQUIRE) < count; ++spins) {
      if (spins > 10000) sched_yield();
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }
};

struct Forward {
  const Model& model;
  const Step& step;
  float *x, *qkv, *heads, *part, *second;
  int64_t ld, qkv_ld, heads_ld;
  Rows input, head_input, middle, last;
  std::vector<Item> items;
  Phases phases;
  int64_t used;
  const int64_t threads;

  Forward(const Model& model, const Step& step) : model(model), step(step), phases(12 * model.layers + 4, step.threads), threads(step.threads) {
    const Layer& layer = model.layer[0];
    Carver carver{step.scratch};
    ld = up_to(model.width, STRIP);
    qkv_ld = layer.qkv.strips * STRIP;
    heads_ld = up_to(model.heads * model.head_width, GROUP);
    x = carver.cut<float>(step.rows * ld);
    qkv = carver.cut<float>(step.rows * qkv_ld);
    heads = carver.cut<float>(step.rows * heads_ld);
    part = carver.cut<float>(step.rows * ld);
    second = carver.cut<float>(step.rows * ld);
    input = carver.rows(step.rows, layer.qkv);
    head_input = carver.rows(step.rows, layer.out);
    middle = carver.rows(step.rows, layer.down);
    last = carver.rows(step.wanted_rows, model.output);
    used = carver.used;
  }

  void share_attention() {  // rows times heads that share keys, at most QUERIES; single heads where there is little to share out
    const int64_t group = model.heads / model.kv_heads;
    for (int64_t heads_each = std::min(group, QUERIES);; heads_each = 1) {
      items.clear();
      const int64_t rows_each = std::max<int64_t>(1, QUERIES / heads_each);
      for (int64_t p = 0; p < step.parts; ++p)
        for (int64_t row = (step.part[p].rows - 1) / rows_each * rows_each; row >= 0; row -= rows_each)  // the longest first
          for (int64_t g = 0; g < model.kv_heads; ++g)
            for (int64_t head = 0; head < group; head += heads_each)
              items.push_back({p, row, std::min(rows_each, step.part[p].rows - row), g, head, std::min(heads_each, group - head)});
      if (heads_each == 1 || static_cast<int64_t>(items.size()) >= 4 * threads) return;
    }
  }

  template <typename Work>
  void share(int64_t count, Turn& turn, Work work) {  // in one piece a thread where a phase takes microseconds
    phases.run(count, step.rows < 64 ? count : (count + 8 * threads - 1) / (8 * threads), turn, work);
  }

  // Calls done(row, count, strip, tile) for every tile of rows · matrix; `side` strips are done by one thread together.
  template <typename Done>
  void multiply_all(const Matrix& matrix, const Rows& rows, int64_t count, int64_t side, Turn& turn, Done done) {
    const int64_t chunks = count >= 4 * TILE * threads ? threads : 1, units = matrix.strips / side;
    const int64_t chunk_rows = up_to((count + chunks - 1) / chunks, TILE);
    share(units * chunks, turn, [&](int64_t i) {
      const int64_t end = std::min(count, (i / units + 1) * chunk_rows);
      for (int64_t row = i / units * chunk_rows; row < end; row += TILE) {
        alignas(64) float tile[TILE * 2 * STRIP];
        const int64_t here = std::min(TILE, end - row);
        for (int64_t s = 0; s < side; ++s) multiply(matrix, i % units * side + s, rows, row, here, tile + s * STRIP, side * STRIP);
        done(row, here, i % units * side, tile);
      }
    });
  }

  void normed_input(const Matrix& matrix, const Norm& norm, const Rows& to, const float* from, int64_t row, int64_t to_row) const {
    if (!norm.weight) return quantize_row(matrix, from + row * ld, model.width, to, to_row);
    alignas(64) float normed[model.width + 16];
    normalise(from + row * ld, model.width, norm, model.layer_norm, model.epsilon, normed);
    quantize_row(matrix, normed, model.width, to, to_row);
  }

  void embed(int64_t row) const {
    float* place = x + row * ld;
    const int64_t from = static_cast<int64_t>(step.ids[row]) * model.width;
    for (int64_t i = 0; i < ld; ++i) place[i] = 0.f;
    for (int64_t i = 0; i < model.width; ++i) {
      place[i] = model.embedding_kind == FP32 ? static_cast<const float*>(model.embedding)[from + i]
                                              : from_bf16(static_cast<const bf16*>(model.embedding)[from + i]);
      place[i] *= model.embedding_scale;
      if (model.position_table) place[i] += model.position_table[step.positions[row] * model.width + i];
    }
    if (model.embedding_norm.weight) normalise(place, model.width, model.embedding_norm, model.layer_norm, model.epsilon, place);
  }

  int64_t part_of(int64_t row) const {
    int64_t p = 0;
    while (row >= step.part[p].first + step.part[p].rows) ++p;
    return p;
  }

  int64_t page_at(int64_t row) const { return step.pages[step.part[part_of(row)].pages + step.positions[row] / PAGE]; }

  void clear_page(int64_t index, int64_t row) const {  // values of a page that begins: what lay there before adds nothing
    if (step.positions[row] % PAGE) return;
    char* values = page_of(model, index, page_at(row), 1, 0);
    std::memset(values, 0, page_of(model, index, page_at(row), 1, model.kv_heads) - values);
  }

  void head_norm(const Norm& norm, float* x, int64_t width) const {
    if (norm.weight) normalise(x, width, norm, model.layer_norm, model.epsilon, x);
  }

  void turn(const Layer& layer, float* x, int64_t row) const {
    if (layer.rope < 0) return;
    const int64_t half = model.rotated / 2, at = step.positions[row] * half;
    rotate(x, half, step.cosines[layer.rope] + at, step.sines[layer.rope] + at);
  }

  void prepare_heads(int64_t index, const Layer& layer, int64_t row, int64_t kv_head) const {
    const int64_t group = model.heads / model.kv_heads, width = model.head_width;
    float *queries = qkv + row * qkv_ld + kv_head * group * width, *key = qkv + row * qkv_ld + model.key_at + kv_head * width;
    if (!model.joint) head_norm(layer.key_norm, key, width);
    turn(layer, key, row);
    for (int64_t head = 0; head < group; ++head) {
      if (!model.joint) head_norm(layer.query_norm, queries + head * width, width);
      turn(layer, queries + head * width, row);
    }
    const float* value = qkv + row * qkv_ld + model.value_at + kv_head * width;
    keep_position(model, index, page_at(row), step.positions[row] % PAGE, kv_head, key, value);
  }

  void attend(int64_t index, const Layer& layer, const Item& item) const {
    if (model.cache_kind == FP32)
      Attend<false>(model, layer).run(step, index, item, qkv, qkv_ld, heads, heads_ld);
    else
      Attend<true>(model, layer).run(step, index, item, qkv, qkv_ld, heads, heads_ld);
  }

  bool plain() const { return model.place == PRE && !model.parallel; }

  // Adds a part's outputs to the residual stream; where a norm stands between, they wait in `into` for `finish`.
  void project(const Matrix& matrix, const Rows& rows, float* into, Turn& turn) {
    float* target = plain() ? x : into;
    multiply_all(matrix, rows, step.rows, 1, turn, [&](int64_t row, int64_t count, int64_t strip, const float* tile) {
      for (int64_t r = 0; r < count; ++r)
        for (int64_t c = 0; c < STRIP; c += 16) {
          float* place = target + (row + r) * ld + strip * STRIP + c;
          const f32x16 value = load(tile + r * STRIP + c) * model.residual_scale;
          store(place, plain() ? load(place) + value : load(tile + r * STRIP + c));
        }
    });
  }

  void finish(const Norm& inner, const Norm& after, float* from, int64_t row) const {
    float *y = from + row * ld, *to = x + row * ld;
    if (model.place == OUTPUT) head_norm(inner, y, model.width);
    head_norm(after, y, model.width);
    for (int64_t i = 0; i < model.width; ++i) to[i] += y[i] * model.residual_scale;
    if (model.place == POST) head_norm(inner, to, model.width);
  }

  void attention_part(int64_t index, const Layer& layer, Turn& turn) {
    const bool before = model.place == PRE || model.place == BOTH;
    share(step.rows, turn, [&](int64_t row) {
      clear_page(index, row);
      normed_input(layer.qkv, before ? layer.attention_norm : Norm{}, input, x, row, row);
    });
    multiply_all(layer.qkv, input, step.rows, 1, turn, [&](int64_t row, int64_t count, int64_t strip, const float* tile) {
      for (int64_t r = 0; r < count; ++r) std::memcpy(qkv + (row + r) * qkv_ld + strip * STRIP, tile + r * STRIP, STRIP * 4);
    });
    if (model.joint)
      share(step.rows, turn, [&](int64_t row) {
        head_norm(layer.query_norm, qkv + row * qkv_ld, model.heads * model.head_width);
        head_norm(layer.key_norm, qkv + row * qkv_ld + model.key_at, model.kv_heads * model.head_width);
      });
    share(step.rows * model.kv_heads, turn, [&](int64_t i) { prepare_heads(index, layer, i / model.kv_heads, i % model.kv_heads); });
    phases.run(items.size(), 1, turn, [&](int64_t i) { attend(index, layer, items[i]); });
    share(step.rows, turn, [&](int64_t row) {
      quantize_row(layer.out, heads + row * heads_ld, model.heads * model.head_width, head_input, row);
    });
    project(layer.out, head_input, part, turn);
    if (!plain() && !model.parallel)
      share(step.rows, turn, [&](int64_t row) { finish(layer.attention_norm, layer.attention_after, part, row); });
  }

  void feed_forward_part(const Layer& layer, Turn& turn) {
    const bool before = model.place == PRE || model.place == BOTH, gated = model.activation == SWIGLU || model.activation == GEGLU;
    share(step.rows, turn, [&](int64_t row) { normed_input(layer.up, before ? layer.feed_forward_norm : Norm{}, input, x, row, row); });
    const int64_t side = gated ? 2 : 1;
    multiply_all(layer.up, input, step.rows, side, turn, [&](int64_t row, int64_t count, int64_t strip, const float* tile) {
      for (int64_t r = 0; r < count; ++r, tile += side * STRIP) {
        f32x16 low = activate(model.activation, load(tile)), high = activate(model.activation, load(tile + 16));
        if (gated) low = low * load(tile + STRIP), high = high * load(tile + STRIP + 16);
        quantize_group(layer.down.kind, low, high, middle, row + r, strip / side, layer.down.groups);
      }
    });
    project(layer.down, middle, model.parallel ? second : part, turn);
    if (plain()) return;
    share(step.rows, turn, [&](int64_t row) {
      if (model.parallel) finish(layer.attention_norm, layer.attention_after, part, row);
      finish(layer.feed_forward_norm, layer.feed_forward_after, model.parallel ? second : part, row);
    });
  }

  f32x16 capped(f32x16 logits) const {
    if (model.logit_divisor != 1.f) logits = logits / model.logit_divisor;
    return model.logit_softcap != 0.f ? model.logit_softcap * tangent(logits / model.logit_softcap) : logits;
  }

  void finish_rows(Turn& turn) {
    if (step.hidden) {
      share(step.wanted_rows, turn, [&](int64_t i) {
        float* out = step.out + i * model.width;
        std::memcpy(out, x + step.wanted[i] * ld, model.width * 4);
        head_norm(model.final_norm, out, model.width);
      });
      return;
    }
    share(step.wanted_rows, turn, [&](int64_t i) { normed_input(model.output, model.final_norm, last, x, step.wanted[i], i); });
    multiply_all(model.output, last, step.wanted_rows, 1, turn, [&](int64_t row, int64_t count, int64_t strip, const float* tile) {
      for (int64_t r = 0; r < count; ++r)
        for (int64_t c = 0; c < STRIP; c += 16) {
          const int64_t at = strip * STRIP + c;
          store_some(step.out + (row + r) * model.vocabulary + at, capped(load(tile + r * STRIP + c)), model.vocabulary - at);
        }
    });
  }

  void run(int64_t thread) {
    Turn turn{thread, 0};
    share(step.rows, turn, [&](int64_t row) { embed(row); });
    for (int64_t index = 0; index < model.layers; ++index) {
      attention_part(index, model.layer[index], turn);
      feed_forward_part(model.layer[index], turn);
    }
    finish_rows(turn);
  }
};

}  // namespace

extern "C" int64_t scratch_bytes(const Model* model, int64_t rows, int64_t wanted_rows) {
  Step step = {};
  step.rows = rows;
  step.wanted_rows = wanted_rows;
  return Forward(*model, step).used;
}

extern "C" void forward(const Model* model, const Step* step) {
  Forward work(*model, *step);
  work.share_attention();
#pragma omp parallel num_threads(static_cast<int>(step->threads))
  work.run(omp_get_thread_num());
}
