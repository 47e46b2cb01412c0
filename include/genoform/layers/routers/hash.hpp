#pragma once
#include "genoform/core/result.hpp"
#include "genoform/layers/routers/router.hpp"
#include "genoform/layers/routers/routing.hpp"

namespace genoform::inner::layers {

/// The expert of a token is written in a table [V], id mod E at the start; data/hash_table.hpp fills others. Nothing is learned.
struct HashRouting : Routing {
  static constexpr bool has_scores = false;

  constexpr void declare(RouterWeights& w, Declaration& d, std::int64_t experts) const {
    if (d.vocab() < 1 && d.list() != nullptr)
      throw Exception({ErrorKind::input, "Hash routes by token id and needs the vocabulary of the model; give {.vocab = ...}"});
    w.table = d.integers("moe.table", d.vocab(), Initializer::modulo(experts), experts);
  }
  constexpr void score(auto&, const RouterWeights&, RouterSaved&, Tensor) const {}
  constexpr void choose(auto& ops, const RouterWeights& w, RouterSaved&, const op::Assignment& to) const {
    ops(op::ChooseByTable{.table = w.table, .tokens = ops.step.tokens, .to = to});
    ops(op::AssignSlots{.to = to, .capacity = capacity(ops.tokens(), to.experts, ops.training())});
  }
  constexpr void choose_backward(auto&, const RouterWeights&, const RouterSaved&, const op::Assignment&, Tensor, Tensor) const {}
  constexpr void score_backward(auto& ops, const RouterWeights&, const RouterSaved&, Tensor, Tensor, Tensor dx) const {
    ops(op::Clear{.y = dx});
  }
};

/// Each token id has its expert (Roller et al., 2021).
struct Hash : Word<"Hash"> {
  static constexpr int choices = 1;
  static constexpr HashRouting routing(int, std::int64_t percent) { return {{1, percent}}; }
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Hash;
}  // namespace genoform
