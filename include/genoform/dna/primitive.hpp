#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "genoform/core/namespaces.hpp"

namespace genoform::dna {

/// What an instruction of a program does: the vocabulary of the Primer paper (So et al., arXiv 2109.08668, appendix A.1).
/// docs/formats/program.md has the formulas.
enum class Primitive : std::uint8_t {
  add,
  difference,
  divide,
  multiply,
  abs_root,
  square,
  exp,
  log,
  c_mul,
  abs,
  recip,
  sign,
  cos,
  sin,
  tanh,
  sigmoid,
  max,
  min,
  scale,
  shift,
  mask,
  cum_prod,
  cum_sum,
  red_mean,
  red_sum,
  red_min,
  red_max,
  red_prod,
  mat_mul,
  trans_mat_mul,
  conv_1x1,
  conv_3x1,
  conv_7x1,
  conv_15x1,
  conv_31x1,
  dconv_3x1,
  dconv_7x1,
  dconv_15x1,
  dconv_31x1
};

/// Primitives that are alike in inputs, shapes and weights.
enum class Family : std::uint8_t {
  binary,       ///< of two states, element by element
  unary,        ///< of one state, element by element
  constant,     ///< of one state and a constant, element by element
  vector,       ///< of one state and a learned element for each column
  mask,         ///< the lower triangle of the rows and columns
  cumulative,   ///< along the positions
  reduction,    ///< of the columns to one
  product,      ///< of two states
  convolution,  ///< along the positions, with a learned matrix for each tap
  depthwise     ///< along the positions, column by column
};

struct PrimitiveInfo {
  std::string_view word;
  Family family = Family::unary;
  int taps = 0;  ///< of a convolution
};

inline constexpr PrimitiveInfo primitives[] = {{"ADD", Family::binary},
                                               {"DIFFERENCE", Family::binary},
                                               {"DIVIDE", Family::binary},
                                               {"MULTIPLY", Family::binary},
                                               {"ABS_ROOT"},
                                               {"SQUARE"},
                                               {"EXP"},
                                               {"LOG"},
                                               {"C_MUL", Family::constant},
                                               {"ABS"},
                                               {"RECIP"},
                                               {"SIGN"},
                                               {"COS"},
                                               {"SIN"},
                                               {"TANH"},
                                               {"SIGMOID"},
                                               {"MAX", Family::constant},
                                               {"MIN", Family::constant},
                                               {"SCALE", Family::vector},
                                               {"SHIFT", Family::vector},
                                               {"MASK", Family::mask},
                                               {"CUM_PROD", Family::cumulative},
                                               {"CUM_SUM", Family::cumulative},
                                               {"RED_MEAN", Family::reduction},
                                               {"RED_SUM", Family::reduction},
                                               {"RED_MIN", Family::reduction},
                                               {"RED_MAX", Family::reduction},
                                               {"RED_PROD", Family::reduction},
                                               {"MAT_MUL", Family::product},
                                               {"TRANS_MAT_MUL", Family::product},
                                               {"CONV_1X1", Family::convolution, 1},
                                               {"CONV_3X1", Family::convolution, 3},
                                               {"CONV_7X1", Family::convolution, 7},
                                               {"CONV_15X1", Family::convolution, 15},
                                               {"CONV_31X1", Family::convolution, 31},
                                               {"DCONV_3X1", Family::depthwise, 3},
                                               {"DCONV_7X1", Family::depthwise, 7},
                                               {"DCONV_15X1", Family::depthwise, 15},
                                               {"DCONV_31X1", Family::depthwise, 31}};

inline constexpr std::size_t primitive_count = std::size(primitives);
static_assert(primitive_count == static_cast<std::size_t>(Primitive::dconv_31x1) + 1);

constexpr const PrimitiveInfo& info(Primitive p) { return primitives[static_cast<std::size_t>(p)]; }

constexpr bool reads_two(Primitive p) { return info(p).family == Family::binary || info(p).family == Family::product; }
constexpr bool reads_constant(Primitive p) { return info(p).family == Family::constant; }
constexpr bool reads_dimension(Primitive p) { return info(p).family == Family::convolution; }
constexpr bool is_commutative(Primitive p) { return p == Primitive::add || p == Primitive::multiply; }
/// Each instruction of such a primitive has weights of its own.
constexpr bool has_weights(Primitive p) {
  const Family family = info(p).family;
  return family == Family::vector || family == Family::convolution || family == Family::depthwise;
}

}  // namespace genoform::dna
