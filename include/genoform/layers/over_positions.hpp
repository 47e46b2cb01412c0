#pragma once
#include <string>
#include <string_view>

#include "genoform/core/result.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/mixing.hpp"

namespace genoform::inner::rules {
GENOFORM_RULE(HeadsDivideChannels, "Heads must divide the mixed channels: Width of TokenMix, half of Hidden of SpatialGate");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

/// What the kinds share whose weights are tables over positions, as long as the longest sequence of the model. Both throw
/// Exception (input).
namespace over_positions {

/// A table needs to know the longest sequence when tensors are made; counting leaves it open.
constexpr void require_context(const Declaration& d, std::string_view kind) {
  if (d.list() != nullptr && d.context() < 1)
    throw Exception({ErrorKind::input, std::string(kind) +
                                           " has weights for each position, so it needs the longest sequence; give the "
                                           "model a Context, or the part {.context = ...}"});
}

template <class Ops>
constexpr void require_fit(const Ops& ops, const op::Grouped& table, std::string_view kind) {
  if (ops.shape().context > table.positions)
    throw Exception({ErrorKind::input, std::string(kind) + " has weights for " + std::to_string(table.positions) +
                                           " positions; the sequences have " + std::to_string(ops.shape().context)});
}

}  // namespace over_positions

}  // namespace genoform::inner::layers
