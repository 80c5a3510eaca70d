// One matrix by itself, for tests and measuring: rows quantised and multiplied as a step does it.

#include <cstdlib>

#include "products.hpp"

extern "C" void product(const Matrix* matrix, const float* x, int64_t rows, int64_t inputs, float* out) {
  const int64_t groups = matrix->groups, stride = groups * GROUP * bytes_of(matrix->kind), ld = matrix->strips * STRIP;
  const Rows held = {static_cast<char*>(std::malloc(rows * stride)), static_cast<float*>(std::malloc(rows * groups * 4)),
                     static_cast<int32_t*>(std::malloc(rows * groups * 4)), stride};
  for (int64_t row = 0; row < rows; ++row) quantize_row(*matrix, x + row * inputs, inputs, held, row);
#pragma omp parallel for schedule(static)
  for (int64_t strip = 0; strip < matrix->strips; ++strip)
    for (int64_t row = 0; row < rows; row += TILE)
      multiply(*matrix, strip, held, row, std::min(TILE, rows - row), out + row * ld + strip * STRIP, ld);
  std::free(held.values);
  std::free(held.scales);
  std::free(held.offsets);
}

// Reads `bytes` of memory with as many threads and returns a sum of them: how fast weights could come at best.
extern "C" int64_t sweep(const char* memory, int64_t bytes, int64_t threads) {
  int64_t total = 0;
#pragma omp parallel for schedule(static) num_threads(static_cast<int>(threads)) reduction(+ : total)
  for (int64_t block = 0; block < bytes / 4096; ++block) {
    i32x16 sum[4] = {};
    for (int64_t at = 0; at < 4096; at += 256)
      for (int part = 0; part < 4; ++part) sum[part] += load_words(memory + block * 4096 + at + part * 64);
    total += ((sum[0] + sum[1]) + (sum[2] + sum[3]))[0];
  }
  return total;
}
