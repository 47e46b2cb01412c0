#pragma once
#include "genoform/layers/routers/router.hpp"

namespace genoform {

/// Each expert takes its capacity of tokens, those of largest probability (Zhou et al., 2022).
struct ExpertChoice : Word<"ExpertChoice"> {
  static constexpr Router value{RouterKind::expert_choice, 1};
};

}  // namespace genoform
