#pragma once
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include "genoform/core/decimal.hpp"
#include "genoform/dna/program.hpp"
#include "genoform/dna/program_text.hpp"

#include "genoform/core/hide_macros.hpp"

/// Known blocks as programs: where a search starts, and what it may find.
namespace genoform::dna {

/// The sizes of a block of attention and FFN. The paper's: width 512, 8 heads, hidden width 4 times the width.
struct BlockSizes {
  int width = 512;
  int heads = 8;      ///< 1, 2, 4, 8 or 16
  int expansion = 4;  ///< the hidden width over the width
};

namespace seeds {

/// The banks: d0 is the width of the model, d1 that of a head, d2 the hidden one; c0 is 0, c1 the scale of attention.
inline std::string banks(const BlockSizes& sizes) {
  const std::string scale = general_text(1 / std::sqrt(static_cast<double>(sizes.width) / sizes.heads), 15);
  return "dims " + std::to_string(sizes.heads) + " 1 " + std::to_string(sizes.expansion * sizes.heads) + "; constants 0 " +
         scale + ";";
}
inline std::string branched(const BlockSizes& sizes) { return sizes.heads > 1 ? " x" + std::to_string(sizes.heads) : ""; }

/// The Transformer cut along the concepts of the field, S0 to S9.
struct Concepts {
  std::string main;
  std::string_view attention =
      "h2 = S3(h0); h3 = S3(h0); h4 = S3(h0); h5 = TRANS_MAT_MUL(h2, h3); h6 = C_MUL(h5) c1; h7 = S4(h6); h8 = MAT_MUL(h7, h4)";
  std::string_view feed_forward = "h2 = CONV_1X1(h0) d2; h3 = S9(h2); h4 = CONV_1X1(h3)";
  std::string_view projection = "h2 = CONV_1X1(h0) d1";
  std::string_view softmax = "h2 = EXP(h0); h3 = MASK(h2); h4 = RED_SUM(h3); h5 = DIVIDE(h3, h4)";
  std::string_view norm = "h2 = S6(h0); h3 = S7(h2)";
  std::string_view z_score =
      "h2 = RED_MEAN(h0); h3 = DIFFERENCE(h0, h2); h4 = SQUARE(h3); h5 = RED_MEAN(h4); h6 = ABS_ROOT(h5); h7 = DIVIDE(h3, h6)";
  std::string_view scale_shift = "h2 = SCALE(h0); h3 = SHIFT(h2)";
  std::string_view residual = "h2 = ADD(h0, h1)";
  std::string_view activation = "h2 = MAX(h0)";

  explicit Concepts(const BlockSizes& sizes)
      : main("h2 = S5(h0); h3 = S1(h2)" + branched(sizes) +
             "; h4 = CONV_1X1(h3); h5 = S8(h4, h0); h6 = S5(h5); h7 = S2(h6); h8 = S8(h7, h5)") {}

  Program program(const BlockSizes& sizes) const {
    std::string text = banks(sizes);
    int number = 0;
    for (const std::string_view code :
         {std::string_view(main), attention, feed_forward, projection, softmax, norm, z_score, scale_shift, residual, activation})
      text += " S" + std::to_string(number++) + " { " + std::string(code) + " }";
    return parse_program(text).value();
  }
};

inline Concepts primer_ez(const BlockSizes& sizes) {
  Concepts primer(sizes);
  primer.projection = "h2 = CONV_1X1(h0) d1; h3 = DCONV_3X1(h2)";
  primer.activation = "h2 = MAX(h0); h3 = SQUARE(h2)";
  return primer;
}

}  // namespace seeds

/// The pre-norm Transformer with ReLU and without biases, in ten subprograms: the paper's conceptual initialization.
inline Program transformer_program(const BlockSizes& sizes = {}) { return seeds::Concepts(sizes).program(sizes); }

/// The same block with one subprogram beside the main one, a head.
inline Program flat_transformer_program(const BlockSizes& sizes = {}) {
  const std::string text =
      " S0 { h2 = RED_MEAN(h0); h3 = DIFFERENCE(h0, h2); h4 = SQUARE(h3); h5 = RED_MEAN(h4); h6 = ABS_ROOT(h5); "
      "h7 = DIVIDE(h3, h6); h8 = SCALE(h7); h9 = SHIFT(h8); h10 = S1(h9)" +
      seeds::branched(sizes) +
      "; h11 = CONV_1X1(h10); h12 = ADD(h11, h0); h13 = RED_MEAN(h12); h14 = DIFFERENCE(h12, h13); h15 = SQUARE(h14); "
      "h16 = RED_MEAN(h15); h17 = ABS_ROOT(h16); h18 = DIVIDE(h14, h17); h19 = SCALE(h18); h20 = SHIFT(h19); "
      "h21 = CONV_1X1(h20) d2; h22 = MAX(h21); h23 = CONV_1X1(h22); h24 = ADD(h23, h12) } "
      "S1 { h2 = CONV_1X1(h0) d1; h3 = CONV_1X1(h0) d1; h4 = CONV_1X1(h0) d1; h5 = TRANS_MAT_MUL(h2, h3); h6 = C_MUL(h5) c1; "
      "h7 = EXP(h6); h8 = MASK(h7); h9 = RED_SUM(h8); h10 = DIVIDE(h8, h9); h11 = MAT_MUL(h10, h4) }";
  return parse_program(seeds::banks(sizes) + text).value();
}

/// Primer-EZ: squared ReLU, and a depthwise convolution of 3 positions after each projection.
inline Program primer_ez_program(const BlockSizes& sizes = {}) { return seeds::primer_ez(sizes).program(sizes); }

/// Primer: Primer-EZ with queries made of the keys (head by head), the norm of the feed-forward layer after it, and x (x - mean)
/// in place of (x - mean)^2 under the root.
inline Program primer_program(const BlockSizes& sizes = {}) {
  seeds::Concepts primer = seeds::primer_ez(sizes);
  primer.main = "h2 = S5(h0); h3 = S1(h2)" + seeds::branched(sizes) +
                "; h4 = CONV_1X1(h3); h5 = S8(h4, h0); h6 = S2(h5); h7 = S5(h6); h8 = S8(h7, h5)";
  primer.attention =
      "h2 = S3(h0); h3 = CONV_1X1(h2) d1; h4 = S3(h0); h5 = TRANS_MAT_MUL(h3, h2); h6 = C_MUL(h5) c1; h7 = S4(h6); "
      "h8 = MAT_MUL(h7, h4)";
  primer.z_score =
      "h2 = RED_MEAN(h0); h3 = DIFFERENCE(h0, h2); h4 = MULTIPLY(h0, h3); h5 = RED_MEAN(h4); h6 = ABS_ROOT(h5); h7 = DIVIDE(h3, "
      "h6)";
  return primer.program(sizes);
}

/// A program with a name.
struct NamedProgram {
  std::string_view name, what;
  Program (*program)(const BlockSizes&);
};

inline std::span<const NamedProgram> named_programs() {
  static constexpr NamedProgram all[] = {
      {"transformer", "pre-norm Transformer with ReLU, a subprogram for each concept", transformer_program},
      {"flat", "the same block with one subprogram beside the main one", flat_transformer_program},
      {"primer-ez", "the Transformer with squared ReLU and convolutions after the projections", primer_ez_program},
      {"primer", "the same with queries made of the keys, and the norms that the paper's search found", primer_program}};
  return all;
}

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
