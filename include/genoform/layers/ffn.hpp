#pragma once
#include <algorithm>
#include <cstdint>

#include "genoform/core/part.hpp"
#include "genoform/layers/activation.hpp"
#include "genoform/layers/norm.hpp"

namespace genoform {

template <int N>
struct Hidden : Numbers<"Hidden", N> {};
struct Bias : Word<"Bias"> {};

/// The hidden width that a text leaves out: 4 D; with Glu 8 D / 3 rounded up to a multiple of 8. 0 where D is not known.
constexpr int default_hidden(Activation activation, const Around& around) {
  const std::int64_t width = around.width;
  const std::int64_t hidden = activation.gated ? ((8 * width + 2) / 3 + 7) / 8 * 8 : 4 * width;
  return static_cast<int>(std::min<std::int64_t>(hidden, largest_number));
}

template <class... Options>
struct Ffn;

/// Position-wise feed-forward sub-layer, y = Wdown act(Wup x); with Glu<A>, y = Wdown (A(Wgate x) * (Wup x)). x, y: [N, D].
/// spec/model.md sections 1.2 and 2.
struct FfnLayer : Normed {
  static constexpr std::string_view name = "Ffn";
  template <class... Options>
  using type = Ffn<Options...>;

  Activation activation{};
  int hidden = by_width;
  bool bias = false;

  static constexpr auto options() {
    using L = FfnLayer;
    return std::tuple{choice<&L::activation, Show::always>(),
                      count<Hidden, &L::hidden>([](const L& l, const Around& a) { return default_hidden(l.activation, a); }),
                      flag<Bias, &L::bias>()};
  }

  constexpr Broken broken(const Around& a) const {
    if (3.0 * hidden * (a.width + 1.0) >= largest_parameters) return {Rule::too_many_parameters, {"Hidden"}};
    return {};
  }
  friend constexpr bool operator==(const FfnLayer&, const FfnLayer&) = default;
};

template <class... Options>
struct Ffn : Part<FfnLayer, Options...> {};

}  // namespace genoform
