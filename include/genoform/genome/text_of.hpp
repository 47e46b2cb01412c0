#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {
GENOFORM_RULE(NameMissing, "a layer needs a name for its text; add static constexpr std::string_view name");
}  // namespace genoform::inner::rules

namespace genoform::inner::genome {

namespace text_forms {

template <class T>
constexpr void write(const ModelContext& model_context, Writer& out);

template <class... Ps>
constexpr void write_parts(List<Ps...>, const ModelContext& model_context, Writer& out) {
  (write<Ps>(model_context, out), ...);
}

template <class T>
struct Form {};  // sub-layers and what is not a part

template <class... Ps>
struct Form<Block<Ps...>> {
  static constexpr void write(const ModelContext& model_context, Writer& out) {
    const int node = out.open("Block");
    write_parts(typename Block<Ps...>::sub_layers{}, model_context, out);
    out.close(node);
  }
};
template <class... Args>
struct Form<Parallel<Args...>> {
  static constexpr void write(const ModelContext& model_context, Writer& out) {
    const int node = out.open("Parallel");
    write_parts(typename Parallel<Args...>::parts{}, model_context, out);
    print_options(Parallel<Args...>::norms, model_context, out);
    out.close(node);
  }
};
template <class B, int N>
struct Form<Stack<B, N>> {
  static constexpr void write(const ModelContext& model_context, Writer& out) {
    using checked [[maybe_unused]] = typename Stack<B, N>::checked;
    const int node = out.open("Stack");
    Form<B>::write(model_context, out);
    out.number(N);
    out.close(node);
  }
};
template <class... Ss>
struct Form<Body<Ss...>> {
  static constexpr void write(const ModelContext& model_context, Writer& out) {
    const int node = out.open("Body");
    write_parts(List<Ss...>{}, model_context, out);
    out.close(node);
  }
};
template <class B, class... Options>
struct Form<Decoder<B, Options...>> {
  static constexpr void write(const ModelContext&, Writer& out) {
    constexpr DecoderLayer layer = Decoder<B, Options...>::value;
    using Stacks = typename block_rules::StacksOf<B>::type;
    const int node = out.open(DecoderLayer::name);
    if constexpr (Stacks::size == 1)
      write_parts(Stacks{}, layer.model_context(), out);
    else
      Form<B>::write(layer.model_context(), out);
    print_options(layer, ModelContext{}, out);
    out.close(node);
  }
};

template <class P>
constexpr void write_sub_layer(const ModelContext& model_context, Writer& out) {
  if constexpr (!requires { std::string_view(P::layer_type::name); })
    using refused [[maybe_unused]] = typename rules::NameMissing::Refused<P, typename P::layer_type>::type;
  else
    print(P::value, model_context, out);
}

template <class T>
constexpr void write(const ModelContext& model_context, Writer& out) {
  if constexpr (requires { Form<T>::write(model_context, out); })
    Form<T>::write(model_context, out);
  else if constexpr (block_rules::TypedPart<part_of<T>>)
    write_sub_layer<part_of<T>>(model_context, out);
  else
    using refused [[maybe_unused]] = typename rules::NotAPart::Refused<T, T>::type;
}

template <class T>
struct Stored {
  static constexpr std::size_t size = [] {
    Writer counter;
    write<T>(ModelContext{}, counter);
    return counter.size();
  }();
  static constexpr std::array<char, size> characters = [] {
    std::array<char, size> text{};
    Writer writer{text};
    write<T>(ModelContext{}, writer);
    return text;
  }();
};

}  // namespace text_forms

/// The canonical text of a Decoder, Body, Stack, Block or sub-layer type (docs/formats/model.md, section 1).
template <class T>
inline constexpr std::string_view text_of{text_forms::Stored<T>::characters.data(), text_forms::Stored<T>::size};

}  // namespace genoform::inner::genome

namespace genoform {
using inner::genome::text_of;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
