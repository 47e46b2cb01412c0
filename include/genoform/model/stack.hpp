#pragma once
#include "genoform/model/block.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {
GENOFORM_RULE(StackForm, "a Stack takes a Block and a count, as in Stack<Block<Ffn<SqReLU>>, 4>");
GENOFORM_RULE(BodyForm, "a Body takes stacks, as in Body<Stack<Block<Attention<>>, 2>, Stack<Block<Ffn<SqReLU>>, 2>>");
}  // namespace genoform::inner::rules

namespace genoform::inner::model {

namespace block_rules {

template <class Whole, class B, int N>
constexpr auto refusals_of_stack() {
  if constexpr (is_a_block<B> && N >= 1)
    return List<>{};
  else
    return List<rules::StackForm::Refused<Whole, B>>{};
}

}  // namespace block_rules

/// N blocks of one type, each with weights of its own.
template <class B, int N>
struct Stack {
  using checked = typename part_rules::first_refusal<decltype(block_rules::refusals_of_stack<Stack, B, N>())>::type;
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

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Body;
using inner::model::Stack;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
