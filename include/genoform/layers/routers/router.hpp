#pragma once
#include "genoform/core/part.hpp"

namespace genoform {

struct RouterWords;

/// Who chooses whom in a mixture of experts: tokens their k experts, or each expert its tokens (spec/model.md section 4).
struct Router {
  int kind = 1;  ///< its place in Routers (layers/routers/words.hpp)
  int k = 2;     ///< choices of a token; 1 where experts choose or nobody does

  using choices = RouterWords;
  friend constexpr bool operator==(const Router&, const Router&) = default;
};

}  // namespace genoform
