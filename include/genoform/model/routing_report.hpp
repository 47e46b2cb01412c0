#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "genoform/core/math.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// What the router of one layer did in the last step of training, over all its micro-batches. Padding counts nowhere.
struct LayerRouting {
  std::string layer;         ///< the beginning of its tensors' names, as in "blocks.0.1"
  std::vector<double> load;  ///< share of each expert of all choices, before capacity; where experts choose, of the slots
  double dropped = 0;        ///< share of the choices that found no place
  double entropy = 0;        ///< of `load`, in nats; log(experts) when it is even

  /// How many times the even share the busiest expert has; 1 is balanced, the number of experts is collapse.
  double worst_load() const {
    return load.empty() ? 0 : *std::max_element(load.begin(), load.end()) * static_cast<double>(load.size());
  }
};

/// All routers of a model in three numbers, over those that have noted a choice; 0 when none has: a model without routers, a pass
/// without tokens, routers of one's own that note no loads.
struct RoutingSummary {
  std::int64_t layers = 0;  ///< how many have noted a choice
  double worst_load = 0;    ///< the largest of the layers
  double dropped = 0;       ///< the mean of the layers
  double entropy = 0;       ///< the mean, each relative to that of an even load: 1 is balanced

  bool exists() const { return layers > 0; }
};

namespace routing_report {

/// Of the counts that op::StepLoad leaves: E choices and the number of slots.
struct Figures {
  double choices = 0, worst_load = 0, dropped = 0, entropy = 0;
};
template <class Real>
Figures figures_of(std::span<const Real> counts) {
  Figures f;
  const std::size_t experts = counts.size() - 1;
  for (std::size_t e = 0; e < experts; ++e) f.choices += static_cast<double>(counts[e]);
  if (!(f.choices > 0)) return f;
  for (std::size_t e = 0; e < experts; ++e) {
    const double share = static_cast<double>(counts[e]) / f.choices;
    f.worst_load = std::max(f.worst_load, share * static_cast<double>(experts));
    if (share > 0) f.entropy -= share * math::log(share);
  }
  f.dropped = 1 - static_cast<double>(counts[experts]) / f.choices;
  return f;
}

}  // namespace routing_report

}  // namespace genoform::inner::model

#include "genoform/core/restore_macros.hpp"
