#pragma once
#include <cstdint>

/// The arguments of the kernels of mixers other than softmax attention: pointers, strides and sizes.
namespace genoform::cpu {

/// Positions that are processed together, and the row stride of their scores; equal to those of softmax attention.
inline constexpr std::int64_t mixer_block = 64, mixer_stride = mixer_block + 16;

constexpr std::int64_t whole_vectors(std::int64_t elements) { return (elements + 15) / 16 * 16; }

struct FeaturesArgs {
  const float *x = nullptr, *w = nullptr;
  float *y = nullptr, *shift = nullptr;
  const float* dy = nullptr;
  float* dx = nullptr;
  std::int64_t x_stride = 0, w_stride = 0, y_stride = 0, shift_stride = 0, dy_stride = 0, dx_stride = 0;
  std::int64_t heads = 0, features = 0, head_dim = 0;
  float root = 0, floor = 0;  ///< the factor of x; the constant added to a ReLU feature
  bool softmax = false, shifted = false;
};

struct LinearAttendArgs {
  const float *q = nullptr, *k = nullptr, *shift = nullptr, *v = nullptr;
  float *y = nullptr, *reciprocal = nullptr;
  const float* dy = nullptr;
  float *dq = nullptr, *dk = nullptr, *dv = nullptr;
  std::int64_t q_stride = 0, k_stride = 0, shift_stride = 0, v_stride = 0, y_stride = 0, reciprocal_stride = 0, dy_stride = 0,
               dq_stride = 0, dk_stride = 0, dv_stride = 0;
  std::int64_t heads = 0, kv_heads = 0, features = 0, head_dim = 0, context = 0;
};

/// The scratch of one thread for the packed operands and the running sums of a key head. Values have one more column, of ones,
/// so that the normaliser is one more channel of the sums.
struct LinearAttendScratch {
  std::int64_t elements = 0;
  float *max_shifts = nullptr, *keys = nullptr, *queries = nullptr, *values = nullptr, *transposed = nullptr, *scores = nullptr,
        *sums = nullptr, *aside = nullptr, *dscores = nullptr, *dvalues = nullptr, *later = nullptr, *transposed_sums = nullptr;

  /// `chunks`: the number of running sums that are kept: one in the forward pass, one for each block of positions in the
  /// backward pass.
  LinearAttendScratch(const LinearAttendArgs& args, std::int64_t chunks, float* memory) {
    const std::int64_t features = whole_vectors(args.features), channels = whole_vectors(args.head_dim + 1);
    const auto take = [&](std::int64_t count) {
      float* begin = memory == nullptr ? nullptr : memory + elements;
      elements += count;
      return begin;
    };
    max_shifts = take(whole_vectors(args.context));
    keys = take(mixer_block * features);
    queries = take(mixer_block * features);
    values = take(mixer_block * channels);
    transposed = take((features > channels ? features : channels) * mixer_stride);
    scores = take(mixer_block * mixer_stride);
    sums = take(chunks * features * channels);
    aside = take(mixer_block * (features > channels ? features : channels));
    if (args.dy == nullptr) return;
    dscores = take(mixer_block * mixer_stride);
    dvalues = take(mixer_block * channels);
    later = take(features * channels);
    transposed_sums = take(channels * features);
  }
};

struct ScaleOffsetArgs {
  const float *x = nullptr, *w = nullptr, *b = nullptr;
  float* y = nullptr;
  const float* dy = nullptr;
  float *dx = nullptr, *dw = nullptr, *db = nullptr;
  std::int64_t x_stride = 0, w_stride = 0, b_stride = 0, y_stride = 0, dy_stride = 0, dx_stride = 0, dw_stride = 0, db_stride = 0;
  std::int64_t rows = 0, channels = 0, copies = 0;
};

struct SquaredReluArgs {
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  float* y = nullptr;
  const float* dy = nullptr;
  float *dq = nullptr, *dk = nullptr, *dv = nullptr;
  std::int64_t q_stride = 0, k_stride = 0, v_stride = 0, y_stride = 0, dy_stride = 0, dq_stride = 0, dk_stride = 0, dv_stride = 0;
  std::int64_t score_channels = 0, channels = 0, context = 0;
  float scale = 0;
};

/// The scratch of one thread for the packed operands of a sequence.
struct SquaredReluScratch {
  std::int64_t elements = 0;
  float *transposed = nullptr, *keys = nullptr, *values = nullptr, *scores = nullptr, *dscores = nullptr, *queries = nullptr,
        *dy = nullptr;

  SquaredReluScratch(const SquaredReluArgs& args, float* memory) {
    const std::int64_t narrow = whole_vectors(args.score_channels), wide = whole_vectors(args.channels),
                       positions = whole_vectors(args.context);
    const auto take = [&](std::int64_t count) {
      float* begin = memory == nullptr ? nullptr : memory + elements;
      elements += count;
      return begin;
    };
    transposed = take((narrow > wide ? narrow : wide) * mixer_stride);
    keys = take(positions * narrow);
    values = take(positions * wide);
    scores = take(positions * mixer_stride);
    if (args.dy == nullptr) return;
    dscores = take(positions * mixer_stride);
    queries = take(mixer_block * narrow);
    dy = take(mixer_block * wide);
  }
};

}  // namespace genoform::cpu
