#pragma once
#include "genoform/model/block.hpp"

namespace genoform {

namespace part_rules {

template <class Whole, class B, int N>
constexpr auto checked_stack() {
  if constexpr (is_a_block<B> && N >= 1)
    return Type<Whole>{};
  else
    return Type<typename Refuse<Rule::stack_form, Whole, B>::type>{};
}

}  // namespace part_rules

/// N blocks of one type, each with weights of its own.
template <class B, int N>
struct Stack {
  using checked = decltype(part_rules::checked_stack<Stack, B, N>());
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
