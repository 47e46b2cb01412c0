#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/operands.hpp"

namespace genoform::inner::ops {

/// An operation without its type: what reports, traces and tests of operations derive their figures from.
struct OperationInfo {
  std::string_view name;
  std::int64_t flops = 0;  ///< useful ones, docs/formats/model.md section 6
  Operands reads{}, writes{};
  Operands assignment{};  ///< of tokens to experts, all of it; empty without one. It is among `reads` or `writes` too
  Tensor added{};         ///< the sum that a product has taken over (ops/joins.hpp), among `reads` too; absent: none
  int variant = 0;        ///< tells operations of one name apart whose speed differs, from 1 on: info_of() says by what
  std::array<void*, Memories<float>::count> addresses{};  ///< of the memories, as the back end sees them

  /// What an operation moves when no cache holds any of it: all that it reads and all that it writes.
  constexpr std::int64_t bytes(std::int64_t bytes_per_element) const {
    std::int64_t sum = 0;
    for (const Tensor& t : reads) sum += t.bytes(bytes_per_element);
    for (const Tensor& t : writes) sum += t.bytes(bytes_per_element);
    return sum;
  }
};

/// Heads of whole vectors, of 16 channels or 8, are faster than others.
constexpr int variant_of_head(std::int64_t head_dim) { return head_dim % 16 == 0 ? 1 : head_dim % 8 == 0 ? 2 : 3; }

/// The variant is the function of an activation, the statistic of a norm, or how heads fill vectors where those are attended to
/// or rotated. Not inlined, and cold: it runs when a recording is made, and is the one place where the lists of an operation are
/// compiled.
template <class Op>
[[gnu::cold, gnu::noinline]] constexpr OperationInfo info_of(const Op& op) {
  OperationInfo info{.name = Op::name, .flops = op.flops(), .reads = op.reads(), .writes = op.writes()};
  if constexpr (requires { op.to.tensors(); }) info.assignment = op.to.tensors();
  if constexpr (requires { op.added; }) info.added = op.added;
  if constexpr (requires { op.sizes.head_dim; }) info.variant = variant_of_head(op.sizes.head_dim);
  if constexpr (requires { op.rotation; })
    if (op.rotation.channels > 0) info.variant = variant_of_head(op.rotation.head_dim);
  if constexpr (requires {
                  op.head_dim;
                  op.inverse;
                })
    info.variant = variant_of_head(op.head_dim);
  if constexpr (requires { op.statistic; }) info.variant = 1 + static_cast<int>(op.statistic);
  if constexpr (requires {
                  op.f;
                  op.gate;
                })
    info.variant = 1 + static_cast<int>(op.f);
  return info;
}
template <class Op, class Real>
OperationInfo info_of(const Op& op, const Memories<Real>& memories) {
  OperationInfo info = info_of(op);
  for (std::size_t i = 0; i < info.addresses.size(); ++i) info.addresses[i] = memories.base[i];
  return info;
}

}  // namespace genoform::inner::ops
