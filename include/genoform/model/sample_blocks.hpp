#pragma once
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "genoform/core/list.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/layer.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/slot.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// The slots of one block of a type.
template <class SubLayers>
class BlockSlots;
template <class... Parts>
class BlockSlots<List<Parts...>> {
 public:
  [[gnu::cold]] constexpr explicit BlockSlots(const ModelContext& model_context)
      : slots_(SlotOf<Parts>(accepted_layer<typename Parts::layer_type>(resolved(Parts::value, model_context)))...) {}

  BlockRun run;

  static constexpr std::int64_t size() { return sizeof...(Parts); }

  constexpr void each(std::int64_t block, auto&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f(std::get<I>(slots_), block, static_cast<std::int64_t>(I)), ...); }
    (std::index_sequence_for<Parts...>{});
  }
  constexpr void each_backward(std::int64_t block, auto&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::get<sizeof...(Parts) - 1 - I>(slots_), block, static_cast<std::int64_t>(sizeof...(Parts) - 1 - I)), ...);
    }
    (std::index_sequence_for<Parts...>{});
  }

 private:
  template <class P>
  using SlotOf = Slot<accepted_layer<typename P::layer_type>>;

  std::tuple<SlotOf<Parts>...> slots_;
};

/// One block of each stack, standing for all of them: what a constant expression can afford at any depth. For dry runs only.
template <class Stacks>
class SampleBlocks;
template <class... Stacks>
class SampleBlocks<List<Stacks...>> {
 public:
  constexpr explicit SampleBlocks(const ModelContext& model_context)
      : samples_(BlockSlots<typename Stacks::sub_layers>(model_context)...) {}

  constexpr void each(auto& meter, auto&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (meter.repeat(Stacks::count, [&] { f(std::get<I>(samples_), std::int64_t{0}); }), ...);
    }
    (std::index_sequence_for<Stacks...>{});
  }
  constexpr void each_backward(auto& meter, auto&& f) {
    constexpr std::size_t last = sizeof...(Stacks) - 1;
    constexpr int counts[] = {Stacks::count...};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (meter.repeat(counts[last - I], [&] { f(std::get<last - I>(samples_), std::int64_t{0}); }), ...);
    }
    (std::index_sequence_for<Stacks...>{});
  }

 private:
  std::tuple<BlockSlots<typename Stacks::sub_layers>...> samples_;
};

namespace block_rules {

template <class T>
struct StacksOfPart;  // a block, a stack or one sub-layer as a list of stacks
template <class... Ps>
struct StacksOfPart<Block<Ps...>> {
  using type = List<StackParts<1, inner::part_of<Ps>...>>;
};
template <class... Ps, int N>
struct StacksOfPart<Stack<Block<Ps...>, N>> {
  using type = List<StackParts<N, inner::part_of<Ps>...>>;
};
template <class T>
struct StacksOfPart {
  using type = List<StackParts<1, inner::part_of<T>>>;
};

}  // namespace block_rules

/// The stacks of a Block, a Stack or a single sub-layer.
template <class T>
using stacks_of_part = typename block_rules::StacksOfPart<T>::type;

}  // namespace genoform::inner::model

#include "genoform/core/restore_macros.hpp"
