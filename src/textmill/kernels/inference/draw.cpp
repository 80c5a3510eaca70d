// From a row of scores to the next token, as infer/sampling.py draws it, without sorting the vocabulary: only tokens within
// some distance of the best one are looked at, and more of them only where the filters ask for more.

#include <cstdlib>
#include <vector>

#include "vectors.hpp"

namespace {

constexpr int64_t BLOCK = 1024;  // terms that are summed in float before they go on in double

struct Candidate {
  float score;  // (x - best) / temperature
  float share;  // its exponential
  int32_t id;
};

struct Summary {
  float most;
  bool finite;
};

Summary summary_of(const float* x, int64_t size) {
  f32x16 most = splat(-INFINITY);
  i32x16 strange = {};
  for (int64_t i = 0; i < size; i += 16) {
    const f32x16 value = as_float((as_words(load_some(x + i, size - i)) & below(size - i)) | (as_words(splat(-INFINITY)) & ~below(size - i)));
    strange |= value != value;
    most = maximum(most, value);
  }
  float best = most[0];
  int32_t any = 0;
  for (int i = 0; i < 16; ++i) best = std::max(best, most[i]), any |= strange[i];
  return {best, !any && std::isfinite(best)};
}

// shares[i] = exp((x[i] - most) / temperature), zero past `size`; returns their sum.
double exponentials(const float* x, int64_t size, float most, float temperature, float* shares) {
  double total = 0.0;
  for (int64_t first = 0; first < size; first += BLOCK) {
    f32x16 sum = {};
    for (int64_t i = first; i < std::min(size, first + BLOCK); i += 16) {
      const f32x16 value = exponential((load_some(x + i, size - i) - most) / temperature);
      const f32x16 kept = as_float(as_words(value) & below(size - i));
      if (shares) store_some(shares + i, kept, size - i);
      sum += kept;
    }
    total += sum_of(sum);
  }
  return total;
}

int64_t first_of(const float* x, int64_t size, float value) {
  for (int64_t i = 0; i < size; ++i)
    if (x[i] == value) return i;
  return -1;
}

}  // namespace

struct Filters {
  float temperature;  // 0: the best token
  int64_t top_k;      // 0: all
  float top_p;        // 1: all
  float min_p;        // 0: all
  double number;      // in [0, 1): the draw
};

namespace {

// The least score that top-k and top-p leave among `held`, which must be enough; -inf where they leave all.
float edge_of(std::vector<Candidate>& held, const Filters& filters, double total) {
  std::vector<Candidate> sorted = held;
  std::sort(sorted.begin(), sorted.end(), [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  float edge = -INFINITY;
  if (filters.top_k) {
    const auto last = static_cast<size_t>(std::min<int64_t>(filters.top_k, sorted.size())) - 1;
    edge = sorted[last].score;
    total = 0.0;
    for (const Candidate& each : sorted) total += each.score >= edge ? each.share : 0.f;
  }
  double reached = 0.0;
  for (size_t i = 0; filters.top_p < 1.f && i < sorted.size() && sorted[i].score >= edge; ++i) {
    reached += sorted[i].share;
    if (reached >= filters.top_p * total) return sorted[i].score;
  }
  return edge;
}

// Tokens no further than `distance` below the best, in the vocabulary's order.
std::vector<Candidate> near(const float* x, int64_t size, float most, const Filters& filters, const float* shares, float distance) {
  std::vector<Candidate> held;
  const float least = std::isinf(distance) ? 0.f : std::exp(-distance);
  for (int64_t i = 0; i < size; ++i)
    if (shares[i] > 0.f && shares[i] >= least) held.push_back({(x[i] - most) / filters.temperature, shares[i], static_cast<int32_t>(i)});
  return held;
}

std::vector<Candidate> kept_of(const float* x, int64_t size, float most, const Filters& filters, const float* shares, double total) {
  const bool edged = filters.top_k || filters.top_p < 1.f;
  const float cutoff = filters.min_p > 0.f ? std::log(filters.min_p) : -INFINITY;
  std::vector<Candidate> held;
  float edge = cutoff;
  for (const float distance : {6.f, 12.f, 24.f, static_cast<float>(INFINITY)}) {
    if (!edged && -distance > cutoff) continue;
    held = near(x, size, most, filters, shares, distance);
    double mass = 0.0;
    for (const Candidate& each : held) mass += each.share;
    const bool enough = filters.top_k ? static_cast<int64_t>(held.size()) >= filters.top_k : mass >= filters.top_p * total;
    if (!edged || enough || std::isinf(distance)) {
      if (edged) edge = std::max(edge, edge_of(held, filters, total));
      break;
    }
  }
  held.erase(std::remove_if(held.begin(), held.end(), [edge](const Candidate& each) { return each.score < edge; }), held.end());
  return held;
}

}  // namespace

extern "C" {

// Returns the token drawn from `chosen` (scores after penalties and bans, -inf for what is out of the question), and
// what `model`, the model's own scores, says of it; -1 where a score is not finite, -2 where nothing is left.
// `shares`: room for `size` floats.
void forbid(float* scores, const uint8_t* allowed, int64_t size) {
  for (int64_t i = 0; i < size; ++i) scores[i] = allowed[i] ? scores[i] : -INFINITY;
}

int64_t draw_row(const float* model, const float* chosen, int64_t size, const Filters* filters, float* shares, float* log_probability) {
  const Summary own = summary_of(model, size), best = chosen == model ? own : summary_of(chosen, size);
  if (!own.finite) return -1;
  if (!best.finite) return best.most == -INFINITY ? -2 : -1;
  const double all = exponentials(model, size, own.most, 1.f, nullptr);
  int64_t id = -1;
  if (filters->temperature <= 0.f) {
    id = first_of(chosen, size, best.most);
  } else {
    const double total = exponentials(chosen, size, best.most, filters->temperature, shares);
    const std::vector<Candidate> kept = kept_of(chosen, size, best.most, *filters, shares, total);
    double mass = 0.0, reached = 0.0;
    for (const Candidate& each : kept) mass += each.share;
    id = kept.back().id;
    for (const Candidate& each : kept)
      if ((reached += each.share) > filters->number * mass) {
        id = each.id;
        break;
      }
  }
  *log_probability = static_cast<float>(model[id] - own.most - std::log(all));
  return id;
}

}  // extern "C"
