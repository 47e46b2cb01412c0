#pragma once
#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

// std::min and std::max without <algorithm>, which takes 0.04 s to compile.

template <class T>
constexpr T smaller_of(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T larger_of(T a, T b) {
  return a < b ? b : a;
}

}  // namespace genoform::inner::core

#include "genoform/core/restore_macros.hpp"
