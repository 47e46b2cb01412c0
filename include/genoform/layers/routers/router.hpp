#pragma once
#include <cstdint>

#include "genoform/core/part.hpp"

namespace genoform {

enum class RouterKind : std::uint8_t { top1, top2, topk, expert_choice, hash, base, loss_free, expert_threshold };

struct RouterWords;

/// Who chooses whom in a mixture of experts: tokens their k experts, or each expert its tokens (spec/model.md section 4).
struct Router {
  RouterKind kind = RouterKind::top2;
  int k = 2;  ///< choices of a token; 1 where experts choose

  using choices = RouterWords;
  friend constexpr bool operator==(const Router&, const Router&) = default;
};

}  // namespace genoform
