#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "genoform/core/list.hpp"
#include "genoform/core/tree.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// A string literal as a template argument.
template <std::size_t Size>
struct Text {
  char characters[Size]{};
  constexpr Text(const char (&literal)[Size]) {
    for (std::size_t i = 0; i < Size; ++i) characters[i] = literal[i];
  }
  constexpr std::string_view view() const { return {characters, Size - 1}; }
};

/// A word of the language without arguments: `struct Bias : Word<"Bias"> {};`
template <Text W>
struct Word {
  static constexpr std::string_view word = W.view();
  static constexpr void spell(auto& out) { out.leaf(word); }
};

/// A word with one number or more: `template <int N> struct Heads : Numbers<"Heads", N> {};`
template <Text W, int... Ns>
struct Numbers {
  static constexpr std::string_view word = W.view();
  static constexpr void spell(auto& out) {
    const int node = out.open(word);
    (out.number(Ns), ...);
    out.close(node);
  }
};

/// A word around other words: `template <class N> struct Pre : Words<"Pre", N> {};`
template <Text W, class... Inner>
struct Words {
  static constexpr std::string_view word = W.view();
  static constexpr void spell(auto& out);
};

/// Can T be written in a text: is it a word, a kind or a part?
template <class T>
concept Spelled = requires(NodeCounter& out) {
  T::spell(out);
};

/// A struct of values with a name and no arguments: a layer that may stand in a Block as it is.
template <class T>
concept NamedLayer = !Spelled<T> && requires {
  std::string_view(T::name);
};

/// Writes T into a tree, a counter or a text.
template <class T>
constexpr void spell(auto& out) {
  if constexpr (Spelled<T>)
    T::spell(out);
  else if constexpr (NamedLayer<T>)
    out.leaf(T::name);
  else
    out.leaf("?");  // refused with a sentence by the part that it stands in
}

template <Text W, class... Inner>
constexpr void Words<W, Inner...>::spell(auto& out) {
  const int node = out.open(word);
  (inner::spell<Inner>(out), ...);
  out.close(node);
}

/// The nodes of a type, the same array that the parser makes from its text.
template <class T>
struct Spelling {
  static constexpr int count = [] {
    NodeCounter counter;
    inner::spell<T>(counter);
    return counter.count;
  }();
  static constexpr NodeArray<count> nodes = [] {
    NodeArray<count> array;
    inner::spell<T>(array);
    return array;
  }();
};

template <class T>
constexpr Tree tree_of() {
  return Spelling<T>::nodes.tree();
}

}  // namespace genoform::inner::core

namespace genoform::extend {
using inner::core::Numbers;
using inner::core::Word;
using inner::core::Words;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
