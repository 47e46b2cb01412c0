#pragma once
#include "genoform/layers/routers/base.hpp"
#include "genoform/layers/routers/expert_choice.hpp"
#include "genoform/layers/routers/expert_threshold.hpp"
#include "genoform/layers/routers/hash.hpp"
#include "genoform/layers/routers/loss_free.hpp"
#include "genoform/layers/routers/top_k.hpp"

namespace genoform::inner::layers {

/// The routers of the library.
struct BuiltinRouters : RouterList<Top1, Top2, TopK<1>, ExpertChoice, Hash, Base, LossFree<1>, ExpertThreshold> {};

}  // namespace genoform::inner::layers
