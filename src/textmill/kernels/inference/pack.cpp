// Weights into strips, quantised on the way: the numbers of GGUF's Q8_0 and Q4_0 (see products.hpp for the layout).

#include "model.hpp"
#include "vectors.hpp"

namespace {

uint16_t to_half(float x) {  // to the nearest, half to even
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);
  if (size >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);
  if (size < 0x38800000) {  // below 2⁻¹⁴: whole multiples of 2⁻²⁴
    float value;
    std::memcpy(&value, &size, 4);
    value += 0.5f;  // whose last bit is 2⁻²⁴
    std::memcpy(&bits, &value, 4);
    return static_cast<uint16_t>(sign | (bits - 0x3f000000));
  }
  return static_cast<uint16_t>(sign | ((size + 0xfff + (size >> 13 & 1) - 0x38000000) >> 13));
}

float read(const void* source, int64_t kind, int64_t at) {
  return kind == FP32 ? static_cast<const float*>(source)[at] : from_bf16(static_cast<const bf16*>(source)[at]);
}

bf16 narrow(float x) {
  float held[16] = {x};
  bf16 out[16];
  store_bf16(out, load(held));
  return out[0];
}

void pack_bytes(int64_t kind, const float* x, int64_t lane, char* codes, uint16_t* scales) {  // a group of one output
  float most = 0.f;
  for (int i = 0; i < GROUP; ++i)
    if (std::fabs(x[i]) > std::fabs(most)) most = x[i];
  const float scale = kind == INT8 ? std::fabs(most) / 127.f : most / -8.f;
  const float inverse = scale != 0.f ? 1.f / scale : 0.f;
  scales[lane] = to_half(scale);
  uint8_t q[GROUP];
  for (int i = 0; i < GROUP; ++i) {
    const float value = x[i] * inverse, size = std::fabs(value), whole = std::floor(size);
    const float rounded = whole + (size - whole >= 0.5f ? 1.f : 0.f);
    q[i] = kind == INT8 ? static_cast<uint8_t>(128 + static_cast<int>(std::copysign(rounded, value)))
                        : static_cast<uint8_t>(std::min(15.f, std::max(0.f, std::floor(value + 8.5f))));
  }
  const int steps = kind == INT8 ? 8 : 4;
  for (int step = 0; step < steps; ++step)
    for (int i = 0; i < 4; ++i)
      codes[step * 128 + lane * 4 + i] = static_cast<char>(kind == INT8 ? q[step * 4 + i] : q[step * 4 + i] | q[16 + step * 4 + i] << 4);
}

}  // namespace

// Writes `outputs` × `inputs` of fp32 or bf16 into strips first, first + stride …; what is beyond them is zero.
extern "C" void pack(int64_t kind, const void* source, int64_t source_kind, int64_t outputs, int64_t inputs, int64_t first,
                     int64_t stride, int64_t groups, void* codes, uint16_t* scales) {
  const int64_t strips = (outputs + STRIP - 1) / STRIP, values = groups * GROUP * STRIP;
  const int64_t bytes = kind == FP32 ? values * 4 : kind == BF16 ? values * 2 : kind == INT8 ? values : values / 2;
#pragma omp parallel for schedule(static)
  for (int64_t strip = 0; strip < strips; ++strip) {
    char* place = static_cast<char*>(codes) + (first + strip * stride) * bytes;
    for (int64_t lane = 0; lane < STRIP; ++lane)
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t output = strip * STRIP + lane;
        float x[GROUP];
        for (int64_t i = 0; i < GROUP; ++i) {
          const int64_t input = group * GROUP + i;
          x[i] = output < outputs && input < inputs ? read(source, source_kind, output * inputs + input) : 0.f;
          if (kind == FP32) reinterpret_cast<float*>(place)[input * STRIP + lane] = x[i];
          if (kind == BF16) reinterpret_cast<bf16*>(place)[(input / 2 * STRIP + lane) * 2 + input % 2] = narrow(x[i]);
        }
        if (kind >= INT8) pack_bytes(kind, x, lane, place + group * (bytes / groups), scales + ((first + strip * stride) * groups + group) * STRIP);
      }
  }
}
