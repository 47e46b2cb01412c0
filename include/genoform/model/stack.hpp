#pragma once
#include "genoform/model/block.hpp"

namespace genoform {

/// N blocks of one type, each with weights of its own.
template <class B, int N>
struct Stack {
  static_assert(parts::is_a_block<B>, "a Stack takes a Block and a count, as in Stack<Block<Ffn<SqReLU>>, 4>");
  static_assert(N >= 1, "a Stack takes a Block and a count, as in Stack<Block<Ffn<SqReLU>>, 4>");
  using block = B;
  static constexpr int count = N;
};

/// Several stacks, one after the other.
template <class... Stacks>
struct Body {};

/// A stack as the library uses it: N times the sub-layers Parts, each with layer_type and value.
template <int N, class... Parts>
struct StackParts {
  static constexpr int count = N;
  using sub_layers = List<Parts...>;
};

}  // namespace genoform
