#pragma once
#include <cstdint>
#include <limits>

#include "genoform/core/math.hpp"
#include "genoform/model/routing_report.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// What one step of training tells.
struct Step {
  int index = 0;  ///< counts from 1 over the whole run
  /// Loss of the step's own batch before the update, routed by pool as in training, mean over the targets that are not masked.
  /// Bits per byte of text by the bytes_per_token of the corpus or source; where that is 1, bits per token.
  double bits_per_byte = 0;
  /// Causal bits per byte on the validation windows after the update; NaN where it was not measured.
  double validation = std::numeric_limits<double>::quiet_NaN();
  double aux_loss = 0;           ///< sum of the routers' losses, nats; 0 without routers
  double learning_rate = 0;      ///< of this step, the schedule applied
  double gradient_norm = 0;      ///< global norm over the tensors that are not frozen, before clipping
  std::int64_t tokens = 0;       ///< trained on since the start of the run, masked ones included
  double seconds = 0;            ///< wall-clock time of this step, its batches included, its validation left out
  double tokens_per_second = 0;  ///< of this step
  RoutingSummary routing{};      ///< of all routers, over the micro-batches of the step; BasicModel::routing() has the layers

  bool was_validated() const { return math::is_finite(validation); }
};

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::Step;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
