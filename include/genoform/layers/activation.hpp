#pragma once
#include <cstdint>

#include "genoform/core/part.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

enum class ActivationKind : std::uint8_t { relu, gelu, swish, sqrelu, identity };

struct ReLU : Word<"ReLU"> {
  static constexpr ActivationKind kind = ActivationKind::relu;
};
struct GeLU : Word<"GeLU"> {
  static constexpr ActivationKind kind = ActivationKind::gelu;
};
struct Swish : Word<"Swish"> {
  static constexpr ActivationKind kind = ActivationKind::swish;
};
struct SqReLU : Word<"SqReLU"> {
  static constexpr ActivationKind kind = ActivationKind::sqrelu;
};
struct Identity : Word<"Identity"> {
  static constexpr ActivationKind kind = ActivationKind::identity;
};

/// The gated form of an activation: A(Wgate x) * (Wup x).
template <class A>
struct Glu : Words<"Glu", A> {};
using SwiGlu = Glu<Swish>;
using GeGlu = Glu<GeLU>;
using ReGlu = Glu<ReLU>;

struct ActivationWords;

/// The activation between the matrices of a feed-forward layer; `gated` is Glu<...>.
struct Activation {
  ActivationKind kind = ActivationKind::sqrelu;
  bool gated = false;

  using choices = ActivationWords;
  friend constexpr bool operator==(const Activation&, const Activation&) = default;
};

}  // namespace genoform::inner::layers

namespace genoform::inner::rules {
GENOFORM_RULE(GluForm, "Glu takes exactly one plain activation: ReLU, GeLU, Swish, SqReLU or Identity");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

/// How activations are written: a plain word, or one inside Glu<...>.
struct ActivationWords {
  using refuses = List<rules::GluForm>;
  using Plain = OneOf<Activation, ReLU, GeLU, Swish, SqReLU, Identity>;

  static constexpr bool names(std::string_view word) { return word == "Glu" || Plain::names(word); }
  static constexpr void each_word(auto visit) {
    Plain::each_word(visit);
    visit("Glu");
  }
  static constexpr bool is_open(const Activation&) { return false; }
  static constexpr CheckResult read(Tree tree, int node, Activation& value) {
    if (node_at(tree, node).word != "Glu") return Plain::read(tree, node, value);
    const int child = first_child(node);
    if (count_children(tree, node) != 1) return {rules::GluForm{}, node};
    if (!Plain::names(node_at(tree, child).word)) return {rules::GluForm{}, child};
    value.gated = true;
    return Plain::read(tree, child, value);
  }
  static constexpr void print(const Activation& value, auto& out) {
    if (!value.gated) return Plain::print(value, out);
    const int node = out.open("Glu");
    Plain::print(value, out);
    out.close(node);
  }
  template <auto V>
  using tag = std::conditional_t<V.gated, Glu<Plain::tag<V>>, Plain::tag<V>>;
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::GeGlu;
using inner::layers::GeLU;
using inner::layers::Glu;
using inner::layers::Identity;
using inner::layers::ReGlu;
using inner::layers::ReLU;
using inner::layers::SqReLU;
using inner::layers::SwiGlu;
using inner::layers::Swish;
}  // namespace genoform

namespace genoform::extend {
using inner::layers::ActivationKind;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
