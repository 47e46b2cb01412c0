#pragma once
#include <type_traits>

#include "genoform/core/tensor.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/count.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// What a layer must have, member by member; layers/example.hpp has a whole one with all that it may have.
namespace layer_member {

template <class L>
concept Weights = requires {
  typename L::Weights;
};
template <class L>
concept Saved = requires {
  typename L::Saved;
};
template <class L>
concept Declare = requires(const L& layer, typename L::Weights& w, Declaration& d) {
  layer.declare(w, d);
};
template <class L>
concept Forward = requires(const L& layer, Stream<Count>& ops, const typename L::Weights& w, typename L::Saved& s, Tensor t) {
  layer.forward(ops, w, s, t, t);
};
template <class L>
concept Backward = requires(const L& layer, Stream<Count>& ops, const typename L::Weights& w, const typename L::Saved& s,
                            Tensor t) {
  layer.backward(ops, w, s, t, t, t);
};

}  // namespace layer_member

/// A layer: what a sub-layer of a Block computes, [N, D] in and out.
template <class L>
concept Layer = layer_member::Weights<L> && layer_member::Saved<L> && layer_member::Declare<L> && layer_member::Forward<L> &&
    layer_member::Backward<L>;

/// Fails to compile with a sentence for the first member that a layer lacks.
template <class L>
constexpr void refuse_layer() {
  constexpr bool weights = layer_member::Weights<L>, saved = layer_member::Saved<L>, declares = layer_member::Declare<L>,
                 forward = layer_member::Forward<L>, backward = layer_member::Backward<L>;
  static_assert(weights,
                "a layer needs a struct Weights, the handles of its parameters, which may be empty; "
                "genoform/layers/example.hpp shows a whole layer");
  static_assert(saved || !weights,
                "a layer needs a struct Saved, what forward keeps for backward, which may be empty; "
                "genoform/layers/example.hpp shows a whole layer");
  if constexpr (weights && saved) {
    static_assert(declares,
                  "a layer needs declare(Weights& w, Declaration& d) const; genoform/layers/example.hpp shows a whole layer");
    static_assert(forward || !declares,
                  "a layer needs forward(auto& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const; "
                  "genoform/layers/example.hpp shows a whole layer");
    static_assert(backward || !forward || !declares,
                  "a layer needs backward(auto& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const; "
                  "genoform/layers/example.hpp shows a whole layer");
  }
}

/// Stands in for a layer that was refused, so that the sentence is the only error.
struct RefusedLayer {
  constexpr explicit RefusedLayer(const auto& /*refused*/) {}
  struct Weights {};
  struct Saved {};
  constexpr void declare(Weights&, Declaration&) const {}
  constexpr void forward(auto&, const Weights&, Saved&, Tensor, Tensor) const {}
  constexpr void backward(auto&, const Weights&, const Saved&, Tensor, Tensor, Tensor) const {}
};

namespace layer_member {

template <class L>
struct Accepted {
  static constexpr bool refused = (refuse_layer<L>(), true);
  using type = std::conditional_t<refused, RefusedLayer, L>;
};
template <Layer L>
struct Accepted<L> {
  using type = L;
};

}  // namespace layer_member

/// The layer, or after a compile error RefusedLayer.
template <class L>
using accepted_layer = typename layer_member::Accepted<L>::type;

}  // namespace genoform::inner::layers

namespace genoform::extend {
using inner::layers::Layer;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
