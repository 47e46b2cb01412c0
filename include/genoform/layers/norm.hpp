#pragma once
#include <cstdint>

#include "genoform/core/part.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

enum class NormKind : std::uint8_t { none, rms, layer, primer };

struct RmsNorm : Word<"RmsNorm"> {
  static constexpr NormKind kind = NormKind::rms;
};
struct LayerNorm : Word<"LayerNorm"> {
  static constexpr NormKind kind = NormKind::layer;
};
/// LayerNorm with mean(x(x - mean)) for the variance, which is the same number.
struct PrimerNorm : Word<"PrimerNorm"> {
  static constexpr NormKind kind = NormKind::primer;
};
struct NoNorm : Word<"NoNorm"> {
  static constexpr NormKind kind = NormKind::none;
};

/// A normalisation of rows [N, D] (docs/formats/model.md section 2).
struct Norm {
  NormKind kind = NormKind::none;

  using choices = OneOf<Norm, RmsNorm, LayerNorm, PrimerNorm, NoNorm>;
  friend constexpr bool operator==(const Norm&, const Norm&) = default;
};

template <class N>
struct Pre : Words<"Pre", N> {};
template <class N>
struct Post : Words<"Post", N> {};
template <class N>
struct Inner : Words<"Inner", N> {};

/// The norms around a sub-layer f: x <- post(x + inner(f(pre(x)))). Without post and inner, pre is an RmsNorm unless written.
struct Normed {
  Norm pre{NormKind::rms}, post{}, inner{};

  static constexpr auto wrapper_options() {
    return Table{wrapped<Pre, &Normed::pre>([](const Normed& model_context, const ModelContext&) {
                   const bool alone = model_context.post == Norm{} && model_context.inner == Norm{};
                   return Norm{alone ? NormKind::rms : NormKind::none};
                 }),
                 wrapped<Post, &Normed::post>(), wrapped<Inner, &Normed::inner>()};
  }
  friend constexpr bool operator==(const Normed&, const Normed&) = default;
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Inner;
using inner::layers::LayerNorm;
using inner::layers::NoNorm;
using inner::layers::Post;
using inner::layers::Pre;
using inner::layers::PrimerNorm;
using inner::layers::RmsNorm;
}  // namespace genoform

namespace genoform::extend {
using inner::layers::Normed;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
