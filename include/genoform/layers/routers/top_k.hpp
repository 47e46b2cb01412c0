#pragma once
#include "genoform/layers/routers/router.hpp"

namespace genoform {

/// Each token takes the expert of largest probability (Switch).
struct Top1 : Word<"Top1"> {
  static constexpr Router value{RouterKind::top1, 1};
};
/// Each token takes its two experts of largest probability (GShard, GLaM).
struct Top2 : Word<"Top2"> {
  static constexpr Router value{RouterKind::top2, 2};
};
/// Each token takes its K experts of largest probability.
template <int K>
struct TopK : Numbers<"TopK", K> {
  static constexpr Router value{RouterKind::topk, K};
};

}  // namespace genoform
