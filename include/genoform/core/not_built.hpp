#pragma once
#include <string_view>

#include "genoform/core/words.hpp"

namespace genoform {

/// The words of spec/model.md that are known and refused: "known, not built yet". The one list of them.
inline constexpr std::string_view not_built_words[] = {"Program"};

constexpr bool is_not_built(std::string_view word) {
  for (const std::string_view known : not_built_words)
    if (known == word) return true;
  return false;
}

template <Text W>
struct NotBuilt : Word<W> {
  static_assert(is_not_built(W.view()), "a word that is not built stands in not_built_words");
};
template <Text W, class... Inner>
struct NotBuiltOf : Words<W, Inner...> {
  static_assert(is_not_built(W.view()), "a word that is not built stands in not_built_words");
};
template <Text W, int... Ns>
struct NotBuiltNumbers : Numbers<W, Ns...> {
  static_assert(is_not_built(W.view()), "a word that is not built stands in not_built_words");
};

// Sub-layers
template <Text Code>
struct Program : NotBuilt<"Program"> {};

}  // namespace genoform
