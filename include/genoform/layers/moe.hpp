#pragma once
#include "genoform/core/part.hpp"
#include "genoform/layers/activation.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/routers/words.hpp"

namespace genoform {

template <int N>
struct Experts : Numbers<"Experts", N> {};
/// Percent of the slots that an even load needs; 0: no token is dropped.
template <int Percent>
struct Capacity : Numbers<"Capacity", Percent> {};

template <class... Options>
struct Moe;

/// Mixture of experts: a router sends each token to some of E feed-forward layers, y = sum of g_e expert_e(x). x, y: [N, D].
/// spec/model.md sections 1.2 and 4.
struct MoeLayer : Normed {
  static constexpr std::string_view name = "Moe";
  template <class... Options>
  using type = Moe<Options...>;

  Router router{};
  Activation activation{};
  int experts = 8, hidden = by_width;
  int capacity = 0;  ///< percent; 0: no limit
  int shared = 0;    ///< experts that every token uses

  static constexpr auto options() {
    using L = MoeLayer;
    return std::tuple{choice<&L::router, Show::must_be_given>(),
                      count<Experts, &L::experts>(),
                      choice<&L::activation>(),
                      count<Hidden, &L::hidden>([](const L& l, const Around& a) { return default_hidden(l.activation, a); }),
                      count<Capacity, &L::capacity, 0>([](const L& l, const Around&) {
                        return l.router.kind == RouterKind::expert_choice ? 100 : 0;
                      })};
  }

  constexpr Broken broken(const Around& a) const {
    if (router.kind == RouterKind::expert_choice && capacity == 0) return {Rule::capacity_of_expert_choice, {"Capacity"}};
    if (router.k > experts) return {Rule::choices_of_router, {"TopK", "Top2"}};
    const double all = static_cast<double>(experts) + shared;
    if (all * (3.0 * hidden + 1.0) * a.width >= largest_parameters) return {Rule::too_many_parameters, {"Experts", "Hidden"}};
    return {};
  }
  friend constexpr bool operator==(const MoeLayer&, const MoeLayer&) = default;
};

template <class... Options>
struct Moe : Part<MoeLayer, Options...> {};

}  // namespace genoform
