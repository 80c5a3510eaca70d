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
