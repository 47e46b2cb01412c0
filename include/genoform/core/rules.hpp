#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace genoform {

// Every rule of the language with its one sentence. The parser adds place, numbers and the nearest word; a wrong type shows
// the same sentence as a static_assert, with the part and the option in the compiler's own lines beside it.
#define GENOFORM_RULES(RULE)                                                                                              \
  RULE(empty_text, "the text is empty; a model starts with Decoder<, a part with Block< or a sub-layer")                  \
  RULE(bad_character, "this character has no meaning here; allowed are words, numbers, < > , and white space")            \
  RULE(argument_missing, "an argument is missing; after < or , stands a word or a number")                                \
  RULE(close_missing, "a > is missing; every < needs its >")                                                              \
  RULE(separator_missing, "a , or > is missing before this; arguments are separated by commas")                           \
  RULE(text_goes_on, "the text goes on after its end; one text is one model or one part")                                 \
  RULE(bad_number, "a number starts with a zero; numbers are decimal digits without a leading zero")                      \
  RULE(number_too_large, "the number is too large; numbers are at most 2147483647")                                       \
  RULE(string_open, "the string does not end; a string stands between two \"")                                            \
  RULE(bad_escape, "this escape is not known; allowed in a string are \\\" and \\\\")                                     \
  RULE(string_here, "a string has no meaning here; strings are reserved for Program")                                     \
  RULE(text_too_long, "the text is too long; allowed are 65536 characters")                                               \
  RULE(too_deep, "the text is nested too deeply; allowed are 64 levels")                                                  \
  RULE(too_many_sub_layers, "the model has too many sub-layers; allowed are 10000")                                       \
  RULE(too_many_parameters, "the model is too large; parameters must stay below 2^48")                                    \
  RULE(unknown_word, "this word is not known here")                                                                       \
  RULE(unknown_option, "this is not an option of this part")                                                              \
  RULE(unknown_kind, "this is not a sub-layer; a Block holds sub-layers, such as Attention<>, Ffn<SqReLU> or Moe<Top2>")  \
  RULE(stray_number, "a number has no meaning here; numbers stand inside an option, as in Heads<8>")                      \
  RULE(needs_number, "this word takes exactly one number, as in Heads<8>")                                                \
  RULE(needs_two_numbers, "this word takes exactly two numbers, as in RelBias<32, 128>")                                  \
  RULE(needs_choice, "this word takes exactly one choice, as in Pre<RmsNorm>")                                            \
  RULE(glu_form, "Glu takes exactly one plain activation: ReLU, GeLU, Swish, SqReLU or Identity")                         \
  RULE(needs_brackets, "this word is a template; write its < >, as in Attention<>")                                       \
  RULE(no_arguments, "this word takes no arguments; write it without < >")                                                \
  RULE(given_twice, "this is given twice; give it once")                                                                  \
  RULE(out_of_range, "the number is out of range")                                                                        \
  RULE(router_missing, "the router is missing; a Moe starts with one, as in Moe<Top2>")                                   \
  RULE(block_empty, "the Block is empty; it needs at least one sub-layer")                                                \
  RULE(parallel_empty, "the Parallel is empty; it needs at least one part, as in Parallel<Attention<>, Ffn<SqReLU>>")     \
  RULE(parallel_form, "this is neither a sub-layer nor a norm; a Parallel holds sub-layers, and Pre, Post and Inner")     \
  RULE(parallel_in_parallel, "a Parallel does not stand in a Parallel; write all parts in one")                           \
  RULE(parallel_part_norms, "a part of a Parallel has no norms of its own; write them beside the parts")                  \
  RULE(stack_form, "a Stack takes a Block and a count, as in Stack<Block<Ffn<SqReLU>>, 4>")                               \
  RULE(body_form, "a Body takes stacks, as in Body<Stack<Block<Attention<>>, 2>, Stack<Block<Ffn<SqReLU>>, 2>>")          \
  RULE(decoder_form, "a Decoder starts with its body: a Stack, a Body or a Block; its options come after")                \
  RULE(not_a_part, "this is neither a model nor a part; allowed are Decoder, Body, Stack, Block and sub-layers")          \
  RULE(heads_divide_width, "Heads must divide Width when HeadDim is left out; give HeadDim or another Heads")             \
  RULE(kv_heads_divide_heads, "KvHeads must divide Heads")                                                                \
  RULE(head_dim_even, "Rope turns pairs of channels, so HeadDim must be even; give an even HeadDim or NoPos")             \
  RULE(bias_distance, "the distance of a relative bias must be more than half its buckets, as in RelBias<32, 128>")       \
  RULE(shared_qk_heads, "SharedQk makes the queries from the keys, so KvHeads must equal Heads; leave KvHeads out")       \
  RULE(sinusoid_width_even, "Sinusoid has a sine and a cosine of each angle, so Width must be even")                      \
  RULE(shared_bias_heads,                                                                                                 \
       "SharedRelBias is one table for all attention layers: it needs one at least, and the same Heads in all")           \
  RULE(capacity_of_expert_choice, "ExpertChoice fills a fixed capacity; Capacity must be at least 1 (100 when left out)") \
  RULE(choices_of_router, "a router cannot choose more experts than there are; raise Experts or choose fewer")            \
  RULE(rank_of_dense, "Rank factors the table of RandomLogits and RandomPlus; dense logits have none")                    \
  RULE(hidden_even, "SpatialGate splits its hidden channels in halves; Hidden must be even")                              \
  RULE(heads_divide_channels, "Heads must divide the mixed channels: Width of TokenMix, half of Hidden of SpatialGate")   \
  RULE(side_within_hidden, "the narrow branch of a Conv is added to the wide one; Side must be at most Hidden")           \
  RULE(name_missing, "a layer needs a name for its text; add static constexpr std::string_view name")

enum class Rule : std::uint8_t {
  none,
#define GENOFORM_RULE(name, sentence) name,
  GENOFORM_RULES(GENOFORM_RULE)
#undef GENOFORM_RULE
};

/// The sentence of a rule, as compile errors and the parser say it.
constexpr std::string_view sentence_of(Rule rule) {
  constexpr std::string_view sentences[] = {"",
#define GENOFORM_RULE(name, sentence) sentence,
                                            GENOFORM_RULES(GENOFORM_RULE)
#undef GENOFORM_RULE
  };
  return sentences[static_cast<int>(rule)];
}

/// What a check found: the rule that is broken (none: all is well), the node to blame, and the allowed range where there is one.
struct CheckResult {
  Rule rule = Rule::none;
  int node = 0;
  std::int64_t low = 0, high = 0;
  constexpr bool fine() const { return rule == Rule::none; }
};

/// A rule broken by resolved values, with the words that may be to blame: the first of them that is written is reported.
struct Violation {
  Rule rule = Rule::none;
  std::array<std::string_view, 3> words{};
};

/// Always false. Compilers print its arguments: the part, the option to blame and what the part takes.
template <class Part, class Option, class... Allowed>
inline constexpr bool takes = false;

/// Refuse<rule, ...> fails to compile with the rule's sentence.
template <Rule rule, class Part, class Option, class... Allowed>
struct Refuse;
#define GENOFORM_RULE(name, sentence)                         \
  template <class Part, class Option, class... Allowed>       \
  struct Refuse<Rule::name, Part, Option, Allowed...> {       \
    static_assert(takes<Part, Option, Allowed...>, sentence); \
    using type = Part;                                        \
  };
GENOFORM_RULES(GENOFORM_RULE)
#undef GENOFORM_RULE
#undef GENOFORM_RULES

}  // namespace genoform
