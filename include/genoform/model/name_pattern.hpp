#pragma once
#include <cstddef>
#include <string_view>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::model {

/// Does a name match a pattern, in which * stands for any characters, also none? "blocks.0.*" matches every tensor of block 0.
constexpr bool matches(std::string_view name, std::string_view pattern) {
  std::size_t n = 0, p = 0, star = pattern.size(), after_star = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (star < pattern.size()) {  // the last * takes one character more
      p = star + 1;
      n = ++after_star;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace genoform::inner::model
