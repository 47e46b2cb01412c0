#pragma once

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::ops {

/// A question that is asked between two operations of a pass: whether to leave it. By default it is not asked.
struct Interruption {
  bool (*wanted)(const void* held) = nullptr;
  const void* held = nullptr;

  explicit operator bool() const { return wanted != nullptr; }
  bool operator()() const { return wanted(held); }
};

}  // namespace genoform::inner::ops
