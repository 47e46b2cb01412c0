#pragma once
#include <cstdint>

#include "genoform/backend/cpu/mixer_args.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/dense.hpp"

#include "genoform/core/hide_macros.hpp"

/// The arguments of the kernels of the CPU back end: pointers, strides and sizes without code, so that every instruction set
/// compiles the same structs. Strides are in elements.
namespace genoform::cpu {

/// Half of an f32: its sign, exponent and first 7 bits of the mantissa.
enum class Bf16 : std::uint16_t {};

/// An f32 that is multiplied as the three bf16 whose sum it is. Of the nine products of two such sums the six largest are
/// added; the rest is below the rounding of an f32 (Henry, Tang, Heinecke: Leveraging the bfloat16 Artificial Intelligence
/// Datatype For Higher-Precision Computations, 2019).
enum class Split : std::uint32_t {};
template <class T>
inline constexpr std::int64_t parts_of = 1;
template <>
inline constexpr std::int64_t parts_of<Split> = 3;

/// Work that runs while a block of a product is multiplied: `rows` handles product_tile rows, `ahead` packs the same share of
/// the next operand. Two functions, since most blocks have only `rows` to run and are short.
struct Beside {
  void (*rows)(const Beside& of, std::int64_t first, std::int64_t last) = nullptr;
  void (*ahead)(const Beside& of, std::int64_t first, std::int64_t last) = nullptr;
};

/// How an instruction set multiplies blocks of product_tile x product_tile in bf16, over `steps` steps of product_tile in
/// depth. Rows of `left` are left_row bytes apart and its steps left_step bytes; `right` is a panel of pack_right; c is f32
/// with a row stride of c_stride elements. Each step of split f32, whose left tiles are always packed, has its three parts one
/// after the other. One of `block` and `block_beside` is set.
struct ProductUnit {
  void (*begin)() = nullptr;  ///< called before a run of blocks on one thread, where the unit has a state; `end` after it
  void (*end)() = nullptr;
  void (*block)(std::int64_t steps, const char* left, std::int64_t left_row, std::int64_t left_step, const char* right, float* c,
                std::int64_t c_stride, bool accumulate) = nullptr;
  /// The same, with other work between the steps, while the vector registers are idle.
  void (*block_beside)(std::int64_t steps, const char* left, std::int64_t left_row, std::int64_t left_step, const char* right,
                       float* c, std::int64_t c_stride, bool accumulate, const Beside& beside) = nullptr;
};

/// c = f(a b + bias + added) or c += a b, in bf16 with sums in f32. a [rows, depth] and b [depth, columns] are f32 or bf16, and
/// either may be stored transposed. With `derivative_of` [rows, columns], of the element type of c: c = (a b) f'(u), where
/// derivative_of is f(u) of relu and relu^2, and f'(u) itself of other functions.
struct Bf16ProductArgs {
  const void *a = nullptr, *b = nullptr;
  void* c = nullptr;
  std::int64_t a_stride = 0, b_stride = 0, c_stride = 0;
  std::int64_t rows = 0, columns = 0, depth = 0;
  bool a_short = false, b_short = false, c_short = false;  ///< bf16, else f32
  bool a_transposed = false, b_transposed = false;
  bool accumulate = false;
  op::Function f = op::Function::identity;
  const float *bias = nullptr, *added = nullptr;
  std::int64_t added_stride = 0;
  const void* derivative_of = nullptr;
  std::int64_t derivative_stride = 0;
  bool split = false;  ///< f32 operands are multiplied as Split instead of being rounded to bf16; c is f32
};

/// Rows and columns of a block of a product, and its step in depth.
inline constexpr std::int64_t product_tile = 32;
/// Row tiles that are packed together: more than one if a is stored transposed, so that whole cache lines are read.
constexpr std::int64_t left_group(const Bf16ProductArgs& args) { return args.a_transposed ? 4 : 1; }
/// Packed row tiles for which there is memory: a group, or the tile that is multiplied and the next one, which is packed
/// meanwhile.
constexpr std::int64_t left_tiles(const Bf16ProductArgs& args) { return args.a_transposed ? left_group(args) : 2; }
constexpr std::int64_t in_tiles(std::int64_t n) { return (n + product_tile - 1) / product_tile; }

struct RotateArgs {
  void* x = nullptr;
  std::int64_t stride = 0;
  const float *cosines = nullptr, *sines = nullptr;  ///< [context, half]; sines negated for the inverse
  std::int64_t heads = 0, half = 0, context = 0;
};

struct NormalizeArgs {
  const float *x = nullptr, *w = nullptr, *b = nullptr;
  float* statistics = nullptr;
  void* y = nullptr;
  std::int64_t x_stride = 0, statistics_stride = 0, y_stride = 0, columns = 0;
  bool centred = false, y_short = false;  ///< y is bf16
};

struct NormalizeGradientArgs {
  const float *x = nullptr, *w = nullptr, *statistics = nullptr, *dy = nullptr;
  float* dx = nullptr;
  std::int64_t x_stride = 0, statistics_stride = 0, dy_stride = 0, dx_stride = 0, columns = 0;
  bool centred = false, accumulate = false;
};

/// y += the sums of the columns of x [rows, ...], f32 or bf16.
struct ColumnSumsArgs {
  const void* x = nullptr;
  float* y = nullptr;
  std::int64_t x_stride = 0, rows = 0;
  bool x_short = false;
};

/// A function of the rows of x (and z), written to the rows of y.
struct RowsArgs {
  const float *x = nullptr, *z = nullptr;
  float* y = nullptr;
  std::int64_t x_stride = 0, z_stride = 0, y_stride = 0, columns = 0;
};

struct CrossEntropyArgs {
  const float* logits = nullptr;
  const std::int32_t* targets = nullptr;
  float* dlogits = nullptr;
  std::int64_t logits_stride = 0, targets_stride = 0, dlogits_stride = 0, columns = 0;
};

/// Attention whose queries, keys, values, outputs and gradients have elements of type Value, f32 or bf16.
template <class Value>
struct AttendArgsOf {
  const Value *q = nullptr, *k = nullptr, *v = nullptr;
  Value* y = nullptr;
  float* log_sum_exps = nullptr;
  std::int64_t q_stride = 0, k_stride = 0, v_stride = 0, y_stride = 0, log_sums_stride = 0;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0, context = 0;
  float scale = 0;
  const Value* dy = nullptr;
  Value *dq = nullptr, *dk = nullptr, *dv = nullptr;
  std::int64_t dy_stride = 0, dq_stride = 0, dk_stride = 0, dv_stride = 0;
  const float* bias = nullptr;  ///< [heads, context] by distance
  float* bias_sums = nullptr;   ///< [sequences, heads, context]: each sequence's part of the gradient of the bias
  std::int64_t bias_stride = 0;
  std::int64_t window = 0;  ///< 0: all earlier positions, else less than the context
};
using AttendArgs = AttendArgsOf<float>;
using Bf16AttendArgs = AttendArgsOf<Bf16>;

/// Queries that are processed together, so that their scores stay in the first-level caches. The row stride of the scores is no
/// power of two, because rows at such strides would compete for a few sets of the cache.
inline constexpr std::int64_t query_block = 64, score_stride = query_block + 16;

/// The scratch of one thread for the packed operands of a head.
struct AttendScratch {
  std::int64_t elements = 0;
  float *queries_transposed = nullptr, *keys = nullptr, *values = nullptr, *scores = nullptr, *dscores = nullptr,
        *queries = nullptr, *dy = nullptr;
  float *bias = nullptr, *dbias = nullptr;  ///< of one head by distance, with room for a vector before distance 0

  AttendScratch(const AttendArgs& args, float* memory) {
    const std::int64_t wide = (args.head_dim + 15) / 16 * 16, keys_padded = (args.context + 15) / 16 * 16;
    const auto take = [&](std::int64_t count) {
      float* begin = memory == nullptr ? nullptr : memory + elements;
      elements += count;
      return begin;
    };
    queries_transposed = take(args.head_dim * score_stride);
    keys = take(keys_padded * wide);
    values = take(keys_padded * wide);
    scores = take(keys_padded * score_stride);
    dscores = take(keys_padded * score_stride);
    queries = take(query_block * wide);
    dy = take(query_block * wide);
    if (args.bias == nullptr) return;
    bias = take(16 + keys_padded + 16);
    dbias = take(16 + keys_padded + 16);
    if (memory != nullptr) bias += 16, dbias += 16;
  }
};

/// The scratch of one thread for the operands of a head in bf16. Tiles and panels are those of Bf16ProductArgs; rows are padded
/// to whole tiles, so that each can be a left operand.
struct Bf16AttendScratch {
  std::int64_t bytes = 0;
  std::int64_t positions, wide;                       ///< of a sequence and of a head, rounded up to whole tiles
  float *scores, *dscores;                            ///< of a panel of queries [positions, tile]
  std::uint32_t *queries_transposed, *dy_transposed;  ///< a panel over the channels of a head
  std::uint32_t* tiles;                               ///< a row tile over all positions
  float* mixed;                                       ///< rows of a panel of queries [tile, wide]
  std::uint32_t* panels;                ///< of values, or of keys in the backward pass: [wide / tile] panels over all positions
  Bf16 *probabilities, *dscores_short;  ///< of a block of queries [positions, query_block]
  std::uint32_t *query_panels, *dy_panels;  ///< [wide / tile] panels over a block of queries
  float *dkeys, *dvalues;                   ///< sums over blocks of queries and over heads [positions, wide]
  Bf16 *keys, *values, *queries, *dy;       ///< copies of rows of a head that do not fill whole tiles
  float *bias = nullptr, *dbias = nullptr;  ///< as in AttendScratch

  Bf16AttendScratch(const Bf16AttendArgs& args, void* memory)
      : positions(in_tiles(args.context) * product_tile), wide(in_tiles(args.head_dim) * product_tile) {
    const auto take = [&]<class T>(T*& begin, std::int64_t elements) {
      begin = memory == nullptr ? nullptr : reinterpret_cast<T*>(static_cast<char*>(memory) + bytes);
      bytes += elements * static_cast<std::int64_t>(sizeof(T));
    };
    for (float** rows : {&scores, &dscores}) take(*rows, positions * product_tile);
    for (std::uint32_t** panel : {&queries_transposed, &dy_transposed}) take(*panel, product_tile * wide / 2);
    take(tiles, positions * product_tile / 2);
    take(mixed, product_tile * wide);
    take(panels, positions * wide / 2);
    for (Bf16** rows : {&probabilities, &dscores_short}) take(*rows, positions * query_block);
    for (std::uint32_t** block : {&query_panels, &dy_panels}) take(*block, query_block * wide / 2);
    for (float** rows : {&dkeys, &dvalues}) take(*rows, positions * wide);
    for (Bf16** rows : {&keys, &values}) take(*rows, positions * wide);
    for (Bf16** rows : {&queries, &dy}) take(*rows, query_block * wide);
    if (args.bias == nullptr) return;
    take(bias, 16 + positions + 16);
    take(dbias, 16 + positions + 16);
    if (memory != nullptr) bias += 16, dbias += 16;
  }
};

struct ConvolutionArgs {
  const void *x = nullptr, *dy = nullptr;
  void *y = nullptr, *dx = nullptr;
  const float* w = nullptr;
  float* dw = nullptr;
  std::int64_t x_stride = 0, w_stride = 0, dy_stride = 0, y_stride = 0, dx_stride = 0, dw_stride = 0;
  std::int64_t rows = 0, channels = 0, width = 0, context = 0;
  const float *cosines = nullptr, *sines = nullptr;  ///< [context, head_dim / 2], of the first `rotated_channels` channels
  std::int64_t rotated_channels = 0, head_dim = 0;
};
constexpr std::int64_t convolution_stride(std::int64_t channels) { return (channels + 15) / 16 * 16; }

/// The rows of an operand over sequences, groups and positions (op::Grouped).
struct GroupedRows {
  float* first = nullptr;
  std::int64_t sequence = 0, group = 0, position = 0;
  float* row(std::int64_t b, std::int64_t g, std::int64_t t) const { return first + b * sequence + g * group + t * position; }
};
struct MixArgs {
  GroupedRows w, x, y;
  const float* bias = nullptr;  ///< [groups, positions] or null
  std::int64_t bias_stride = 0, context = 0, width = 0;
  float scale = 0;
  bool accumulate = false;
};
struct OuterArgs {
  GroupedRows left, right, added, y;
  float* left_sums = nullptr;  ///< [groups, positions] or null: the sums of the left rows are added there
  std::int64_t left_sums_stride = 0, context = 0, width = 0;
  float scale = 0;
};
/// Positions that `outer` processes together, and the stride of its rows, which is no power of two (see score_stride).
inline constexpr std::int64_t mix_block = 64;
constexpr std::int64_t mix_stride(std::int64_t context) { return (context + 15) / 16 * 16 + 16; }
/// Elements of scratch of a thread; a tile has at most 8 rows.
constexpr std::int64_t mix_elements(std::int64_t context, std::int64_t width) {
  return (context + 15) / 16 * 16 * ((width + 15) / 16 * 16) + 8 * mix_stride(context);
}
constexpr std::int64_t outer_elements(std::int64_t context, std::int64_t width) {
  return mix_block * ((width + 15) / 16 * 16) + (width + 8) * mix_stride(context);
}

/// Single heads, columns h*K .. of a row: x in place. In the backward pass y is the output, and x becomes dx.
struct HeadsArgs {
  void* x = nullptr;
  float* scales = nullptr;
  const void *y = nullptr, *dy = nullptr;
  std::int64_t x_stride = 0, scales_stride = 0, y_stride = 0, dy_stride = 0, heads = 0, head_dim = 0;
};

/// Up to this many columns, rows are transposed and processed side by side in the lanes of a vector.
inline constexpr std::int64_t few_columns = 16;

/// The scores of tokens at experts [tokens, experts] as a router compares them.
struct ScoresArgs {
  const float* scores;
  std::int64_t stride, tokens, experts;
  const std::int32_t* token_ids;  ///< -1: padding; may be null
  const float* bias;              ///< [experts], added to the scores for the comparison; may be null
};
/// Elements between the keys of one expert and the next: whole vectors.
constexpr std::int64_t keys_stride(std::int64_t tokens) { return (tokens + 15) / 16 * 16; }

/// Copies of rows between tokens and slots. Rows of slots may be bf16, rows of tokens where they are gathered.
struct SlotArgs {
  const void* x = nullptr;
  const float* z = nullptr;
  void* y = nullptr;
  float* dweight = nullptr;
  std::int64_t x_stride = 0, z_stride = 0, y_stride = 0, columns = 0;
  const std::int32_t *slot_token = nullptr, *token_first = nullptr, *token_slots = nullptr;
  const float* slot_weight = nullptr;
  bool accumulate = false, x_short = false, y_short = false;
};

struct AdamWArgs {
  float* w = nullptr;
  const float* g = nullptr;
  float *m = nullptr, *v = nullptr;
};
struct AdamWScalars {
  float shrink, learning_rate, beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon, weight_decay, over_correction1,
      over_correction2;
};

/// A tensor of Adafactor. Factored: matrices [rows, columns] one after the other; else `squares`, one for each element.
struct AdafactorArgs {
  float* w = nullptr;
  const float* g = nullptr;
  float *m = nullptr, *squares = nullptr, *row_means = nullptr, *column_means = nullptr, *row_factors = nullptr,
        *column_factors = nullptr;
  std::int64_t rows = 0, columns = 0;
};
struct AdafactorScalars {
  float beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon1, step = 0, keep = 1;
};

/// The kernels of one instruction set. Ranges of rows, heads or elements are half-open; the same range gives the same bits in any
/// thread.
struct Kernels {
  std::int64_t lanes = 0;
  void (*add)(const float*, float*, std::int64_t) = nullptr;
  void (*exponentials)(const float*, float*, std::int64_t) = nullptr;
  void (*activate)(op::Function, const float*, const float*, float*, float*, std::int64_t) = nullptr;
  void (*activate_gradient)(op::Function, const float*, const float*, const float*, float*, std::int64_t) = nullptr;
  void (*gate_gradient)(op::Function, const float*, const float*, const float*, float*, float*, std::int64_t) = nullptr;
  void (*rotate)(const RotateArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*normalize)(const NormalizeArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*normalize_gradient)(const NormalizeGradientArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*add_rows)(const float*, std::int64_t, std::int64_t, std::int64_t, float*) = nullptr;
  void (*softmax)(const RowsArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*softmax_gradient)(const RowsArgs&, std::int64_t, std::int64_t) = nullptr;
  double (*cross_entropy)(const CrossEntropyArgs&, float, std::int64_t, std::int64_t) = nullptr;
  void (*column_sums)(const ColumnSumsArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*attend)(const AttendArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*attend_gradient)(const AttendArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*spread_filters)(const ConvolutionArgs&, float*) = nullptr;
  void (*convolve)(const ConvolutionArgs&, const float*, std::int64_t, std::int64_t) = nullptr;
  void (*convolve_gradient)(const ConvolutionArgs&, float*, std::int64_t, std::int64_t) = nullptr;
  double (*sum_of_squares)(const float*, std::int64_t) = nullptr;
  void (*adamw)(const AdamWArgs&, const AdamWScalars&, std::int64_t, std::int64_t) = nullptr;
  void (*normals)(const Random&, double, std::int64_t, std::int64_t, float*) = nullptr;
  void (*gather_rows)(const SlotArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*combine_rows)(const SlotArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*combine_rows_gradient)(const SlotArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*choose_top_k)(const ScoresArgs&, std::int64_t, std::int32_t*, std::int64_t, std::int64_t) = nullptr;
  void (*score_keys)(const ScoresArgs&, std::int32_t*, std::int64_t, std::int64_t) = nullptr;
  std::int32_t (*take_top_k)(const std::int32_t*, std::int64_t, std::int64_t, std::int32_t*) = nullptr;
  void (*adafactor_squares)(const AdafactorArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*adafactor_rows)(const AdafactorArgs&, const AdafactorScalars&, std::int64_t) = nullptr;
  void (*adafactor_columns)(const AdafactorArgs&, const AdafactorScalars&, std::int64_t, const float*, std::int64_t, std::int64_t,
                            std::int64_t) = nullptr;
  void (*adafactor_sizes)(const AdafactorArgs&, std::int64_t, std::int64_t, double*) = nullptr;
  void (*adafactor_full_sizes)(const AdafactorArgs&, const AdafactorScalars&, std::int64_t, std::int64_t, double*) = nullptr;
  void (*adafactor_step)(const AdafactorArgs&, const AdafactorScalars&, std::int64_t, std::int64_t) = nullptr;
  void (*adafactor_full_step)(const AdafactorArgs&, const AdafactorScalars&, std::int64_t, std::int64_t) = nullptr;
  void (*mix)(const MixArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*mix_backward)(const MixArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*outer)(const OuterArgs&, std::int64_t, std::int64_t, std::int64_t, float*) = nullptr;
  void (*random_features)(const FeaturesArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*random_features_gradient)(const FeaturesArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*transpose_features)(const FeaturesArgs&, float*) = nullptr;
  void (*pack_features)(const FeaturesArgs&, float*) = nullptr;
  void (*linear_attend)(const LinearAttendArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*linear_attend_gradient)(const LinearAttendArgs&, std::int64_t, std::int64_t, float*) = nullptr;
  void (*scale_offset)(const ScaleOffsetArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*scale_offset_gradient)(const ScaleOffsetArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*squared_relu_attend)(const SquaredReluArgs&, std::int64_t, float*) = nullptr;
  void (*squared_relu_attend_gradient)(const SquaredReluArgs&, std::int64_t, float*) = nullptr;
  void (*normalize_heads)(const HeadsArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*normalize_heads_gradient)(const HeadsArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*scale_by)(const float*, float*, std::int64_t, float) = nullptr;
  void (*sigmoid)(const float*, float*, std::int64_t) = nullptr;
  void (*sigmoid_gradient)(const float*, const float*, float*, std::int64_t) = nullptr;
};

/// Products of one instruction set in bf16, or of f32 that are Split.
struct ProductKernels {
  ProductUnit unit;
  void (*pack_right)(const Bf16ProductArgs&, std::int64_t, std::int64_t, std::uint32_t*) = nullptr;
  void (*multiply)(const Bf16ProductArgs&, const ProductUnit&, std::int64_t, std::int64_t, const std::uint32_t*, std::int64_t,
                   std::int64_t, std::uint32_t*) = nullptr;
};

/// The kernels of one instruction set that compute with bf16. They are a table of their own, so that a program that never asks
/// for bf16 compiles none of them.
struct Bf16Kernels {
  ProductKernels products;
  void (*widen)(const Bf16*, float*, std::int64_t) = nullptr;
  void (*narrow)(const float*, Bf16*, std::int64_t) = nullptr;
  // The same operations on bf16.
  void (*activate)(op::Function, const Bf16*, const Bf16*, Bf16*, Bf16*, std::int64_t) = nullptr;
  void (*activate_gradient)(op::Function, const Bf16*, const Bf16*, const Bf16*, Bf16*, std::int64_t) = nullptr;
  void (*gate_gradient)(op::Function, const Bf16*, const Bf16*, const Bf16*, Bf16*, Bf16*, std::int64_t) = nullptr;
  void (*rotate)(const RotateArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*normalize_heads)(const HeadsArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*normalize_heads_gradient)(const HeadsArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*convolve)(const ConvolutionArgs&, const float*, std::int64_t, std::int64_t) = nullptr;
  void (*convolve_gradient)(const ConvolutionArgs&, float*, std::int64_t, std::int64_t) = nullptr;
  void (*attend)(const Bf16AttendArgs&, const ProductUnit&, std::int64_t, std::int64_t, void*) = nullptr;
  void (*attend_gradient)(const Bf16AttendArgs&, const ProductUnit&, std::int64_t, std::int64_t, void*) = nullptr;
  void (*normalize)(const NormalizeArgs&, std::int64_t, std::int64_t) = nullptr;  ///< to bf16
  void (*column_sums)(const ColumnSumsArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*gather_rows)(const SlotArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*combine_rows)(const SlotArgs&, std::int64_t, std::int64_t) = nullptr;
  void (*combine_rows_gradient)(const SlotArgs&, std::int64_t, std::int64_t) = nullptr;
};

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
