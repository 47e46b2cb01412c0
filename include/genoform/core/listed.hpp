#pragma once
#include <string>
#include <string_view>
#include <type_traits>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::core {

/// The texts or numbers of a range with something between them: "a, b, c".
template <class Range>
std::string listed(const Range& range, std::string_view between = ", ") {
  std::string text;
  for (const auto& element : range) {
    if (!text.empty()) text += between;
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(element)>>)
      text += std::to_string(element);
    else
      text += element;
  }
  return text;
}

}  // namespace genoform::inner::core
