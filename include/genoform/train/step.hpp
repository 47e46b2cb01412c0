#pragma once
#include <cstdint>
#include <limits>

#include "genoform/model/routing_report.hpp"

namespace genoform {

/// What one step of training tells.
struct Step {
  int index = 0;             ///< counts from 1
  double bits_per_byte = 0;  ///< of the step's own batch before the update, routed by pool as in training
  double validation =
      std::numeric_limits<double>::quiet_NaN();  ///< causal bits per byte on the validation windows, where it was measured
  double aux_loss = 0;                           ///< nats
  double learning_rate = 0;
  double gradient_norm = 0;  ///< before clipping
  std::int64_t tokens = 0;   ///< trained on since the start of the run
  double seconds = 0;        ///< of this step, its evaluation left out
  double tokens_per_second = 0;
  RoutingSummary routing{};  ///< of all routers, over the micro-batches of the step; Model::routing() has the layers

  bool was_validated() const { return validation == validation; }
};

}  // namespace genoform
