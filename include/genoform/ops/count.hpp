#pragma once
#include <cstdint>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::ops {

/// The sink of a dry run: useful FLOPs and number of operations.
struct Count {
  std::int64_t flops = 0, operations = 0;
  template <class Op>
  constexpr void operator()(const Op& op) {
    flops += op.flops();
    ++operations;
  }
  constexpr Count& operator+=(const Count& more) {
    flops += more.flops;
    operations += more.operations;
    return *this;
  }
  constexpr void repeat(std::int64_t times, const Count& before) {
    flops += (times - 1) * (flops - before.flops);
    operations += (times - 1) * (operations - before.operations);
  }
};

}  // namespace genoform::inner::ops
