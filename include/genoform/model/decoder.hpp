#pragma once
#include <cstdint>

#include "genoform/layers/norm.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/input_positions.hpp"
#include "genoform/model/stack.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {
GENOFORM_RULE(DecoderForm, "a Decoder starts with its body: a Stack, a Body or a Block; its options come after");
GENOFORM_RULE(SinusoidWidthEven, "Sinusoid has a sine and a cosine of each angle, so Width must be even");
GENOFORM_RULE(SharedBiasHeads,
              "SharedRelBias is one table for all attention layers: it needs one at least, and the same Heads in all");
}  // namespace genoform::inner::rules

namespace genoform::inner::model {

template <int N>
struct Vocab : Numbers<"Vocab", N> {};
template <int N>
struct Width : Numbers<"Width", N> {};
template <int N>
struct Context : Numbers<"Context", N> {};
template <class N>
struct FinalNorm : Words<"FinalNorm", N> {};
struct Untied : Word<"Untied"> {};
template <class S>
struct LogitScale : Words<"LogitScale", S> {};

enum class LogitScaleKind : std::uint8_t { one, width_rsqrt };
struct WidthRsqrt : Word<"WidthRsqrt"> {
  static constexpr LogitScaleKind kind = LogitScaleKind::width_rsqrt;
};
/// What the logits are multiplied by: 1, or D^-0.5 (GLaM).
struct LogitScaling {
  LogitScaleKind kind = LogitScaleKind::one;

  using choices = OneOf<LogitScaling, WidthRsqrt>;
  friend constexpr bool operator==(const LogitScaling&, const LogitScaling&) = default;
};

/// What a model has besides its blocks: sizes (0: given at run time), positions, and what stands before and in the output.
struct DecoderLayer {
  static constexpr std::string_view name = "Decoder";

  int vocab = 0, width = 0, context = 0;
  InputPositions positions{};
  Norm final_norm{NormKind::rms};
  bool untied = false;
  LogitScaling logit_scale{};

  static constexpr auto options() {
    using L = DecoderLayer;
    return Table{count<Vocab, &L::vocab>(),
                 count<Width, &L::width>(),
                 count<Context, &L::context>(),
                 wrapped<Positions, &L::positions>(),
                 wrapped<FinalNorm, &L::final_norm>(),
                 flag<Untied, &L::untied>(),
                 wrapped<LogitScale, &L::logit_scale>()};
  }
  constexpr auto violation(const ModelContext&) const {
    const bool learned = positions.kind == InputPositionsKind::learned;
    return Violations{
        too_many_parameters(static_cast<double>(vocab) * width, "Vocab", "Width"),
        too_many_parameters(learned ? static_cast<double>(context) * width : 0, "Context", "Width"),
        refuse_if<rules::SinusoidWidthEven>(positions.kind == InputPositionsKind::sinusoid && width % 2 != 0, "Width")};
  }
  /// What the sub-layers of this model see around them.
  constexpr ModelContext model_context() const {
    return {.width = width,
            .vocab = vocab,
            .context = context,
            .positions = positions.kind != InputPositionsKind::none,
            .whole = true};
  }
  constexpr bool shares_bias() const { return positions.kind == InputPositionsKind::shared_bias; }
  friend constexpr bool operator==(const DecoderLayer&, const DecoderLayer&) = default;
};

namespace block_rules {

template <class T>
struct StacksOf;  // List<Stack<...>, ...> of a body
template <class... Ps>
struct StacksOf<Block<Ps...>> {
  using type = List<Stack<Block<Ps...>, 1>>;
};
template <class B, int N>
struct StacksOf<Stack<B, N>> {
  using type = List<Stack<B, N>>;
};
template <class... Bs, int... Ns>
struct StacksOf<Body<Stack<Bs, Ns>...>> {
  using type = List<Stack<Bs, Ns>...>;
};

template <class T>
concept IsBody = requires {
  typename StacksOf<T>::type;
}
&&!std::is_same_v<T, Body<>>;

template <class Sub, int N>
struct PartsOfStack;
template <class... Ps, int N>
struct PartsOfStack<List<Ps...>, N> {
  using type = StackParts<N, Ps...>;
};
template <class Stacks>
struct PartsOfStacks;
template <class... Ss>
struct PartsOfStacks<List<Ss...>> {
  using type = List<typename PartsOfStack<typename Ss::block::sub_layers, Ss::count>::type...>;
};

/// The type's options read into a DecoderLayer; the first child of the tree is the body.
template <class... Options>
constexpr Reading<DecoderLayer> read_decoder() {
  NodeArray<2 + (Spelling<Options>::count + ... + 0)> nodes;
  const int self = nodes.open(DecoderLayer::name);
  nodes.leaf("body");
  (inner::spell<Options>(nodes), ...);
  nodes.close(self);
  Reading<DecoderLayer> r;
  r.check_result = read_arguments(nodes.tree(), 0, 2, r.layer);
  if (r.check_result.fine()) r.check_result = check_rules(nodes.tree(), 0, r.layer, ModelContext{});
  r.argument = r.check_result.fine() ? -1 : child_index(nodes.tree(), 0, r.check_result.node) - 1;
  return r;
}

/// The options of a Decoder type, read once.
template <class... Options>
struct ReadDecoder {
  static constexpr Reading<DecoderLayer> reading = read_decoder<Options...>();
  static constexpr ModelContext model_context = reading.layer.model_context();
};

/// One part in the model around it, D::model_context: its rules about sizes that the model gives.
template <class P, class D, class... Args>
struct ReadInModel {
  static constexpr Reading<typename P::layer_type> reading = [] {
    NodeArray<1 + (Spelling<Args>::count + ... + 0)> nodes;
    const int self = nodes.open("part");
    (inner::spell<Args>(nodes), ...);
    nodes.close(self);
    Reading<typename P::layer_type> r;
    r.check_result = check_rules(nodes.tree(), 0, P::value, D::model_context);
    r.argument = r.check_result.fine() ? -1 : child_index(nodes.tree(), 0, r.check_result.node);
    return r;
  }();
};
template <class P, class D, class... Args>
constexpr auto refusals_in_model(List<Args...>) {
  return refusals_of_options<ReadInModel<P, D, Args...>, typename P::layer_type, P, Args...>();
}
template <class P>
constexpr auto arguments_of() {
  if constexpr (requires { typename P::arguments; })
    return typename P::arguments{};
  else
    return List<>{};
}
template <class D, class... Ps>
constexpr auto refusals_of_parts(List<Ps...>);
/// The parts of a Parallel see the same model as it does.
template <class P, class D>
constexpr auto refusals_of_part() {
  if constexpr (is_a_parallel<P>)
    return refusals_of_parts<D>(typename P::parts{});
  else
    return refusals_in_model<P, D>(arguments_of<P>());
}
template <class D, class... Ps>
constexpr auto refusals_of_parts(List<Ps...>) {
  if constexpr ((TypedPart<Ps> && ...))
    return concat_t<List<>, decltype(refusals_of_part<Ps, D>())...>{};
  else
    return List<>{};  // the Block has said what is wrong
}
template <class D, class... Stacks>
constexpr auto refusals_of_stacks(List<Stacks...>) {
  return concat_t<List<>, decltype(refusals_of_parts<D>(typename Stacks::sub_layers{}))...>{};
}
/// A layer that can say what tensors it has; a kind of the language alone cannot.
template <class L>
concept Declares = requires(const L& layer, typename L::Weights& weights, Declaration& declaration) {
  layer.declare(weights, declaration);
};
/// The heads of the attention layers of a sub-layer, also of those inside it, found by declaring it.
template <class L>
constexpr std::int64_t heads_of(const L& layer, const ModelContext& model_context) {
  Declaration d(model_context);
  if constexpr (Declares<L>) {
    typename L::Weights weights{};
    layer.declare(weights, d);
  }
  return d.heads();
}
/// Joins the heads of attention layers as Declaration does; `place` is the first part that has other heads than those before it.
struct JoinedHeads {
  std::int64_t heads = 0;
  int place = -1, parts = 0;
  constexpr void add(std::int64_t more) {
    const std::int64_t before = heads;
    if (more != 0) heads = before == 0 || before == more ? more : Declaration::heads_differ;
    if (place < 0 && heads == Declaration::heads_differ) place = parts;
    ++parts;
  }
  constexpr bool fine() const { return heads > 0; }
};
template <class... Ps>
constexpr JoinedHeads joined_heads(List<Ps...>, const ModelContext& model_context) {
  JoinedHeads joined;
  (joined.add(heads_of(resolved(Ps::value, model_context), model_context)), ...);
  return joined;
}
/// Do the attention layers fit the table of SharedRelBias? That is known when there is a width.
template <class Whole, class D, class... Stacks>
constexpr auto refusals_of_shared_bias(List<Stacks...>) {
  if constexpr (D::reading.layer.shares_bias() && D::model_context.width > 0) {
    using Parts = concat_t<typename Stacks::sub_layers...>;
    constexpr JoinedHeads joined = joined_heads(Parts{}, D::model_context);
    if constexpr (joined.fine())
      return List<>{};
    else if constexpr (joined.place >= 0)
      return List<rules::SharedBiasHeads::Refused<Whole, nth_of_t<joined.place, Parts>>>{};
    else
      return List<rules::SharedBiasHeads::Refused<Whole, List<>>>{};
  } else {
    return List<>{};
  }
}
template <class Whole, class B, class D>
constexpr auto refusals_of_body() {
  if constexpr (IsBody<B>) {
    using Stacks = typename PartsOfStacks<typename StacksOf<B>::type>::type;
    using OfStacks = decltype(refusals_of_stacks<D>(Stacks{}));
    if constexpr (OfStacks::size > 0)
      return OfStacks{};
    else
      return refusals_of_shared_bias<Whole, D>(Stacks{});
  } else {
    return List<rules::DecoderForm::Refused<Whole, B>>{};
  }
}

}  // namespace block_rules

/// A whole model: a body (Stack, Body of stacks, or Block) and options in any order (docs/formats/model.md, section 1.1).
template <class B, class... Options>
struct Decoder {
 private:
  using Read = block_rules::ReadDecoder<Options...>;
  using of_options = decltype(part_rules::refusals_of_options<Read, DecoderLayer, Decoder, Options...>());
  using of_body = decltype(block_rules::refusals_of_body<Decoder, B, Read>());
  using checked = typename part_rules::first_refusal<concat_t<of_options, of_body>>::type;

 public:
  using body = B;
  static constexpr DecoderLayer value = Read::reading.layer;
};

/// The sizes and options of a Decoder type.
template <class T>
inline constexpr DecoderLayer decoder_of = T::value;

/// The stacks of a Decoder type, in order: List<StackParts<N, Part...>, ...>.
template <class T>
using stacks_of = typename block_rules::PartsOfStacks<typename block_rules::StacksOf<typename T::body>::type>::type;

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Context;
using inner::model::Decoder;
using inner::model::FinalNorm;
using inner::model::LogitScale;
using inner::model::Untied;
using inner::model::Vocab;
using inner::model::Width;
using inner::model::WidthRsqrt;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
