#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"

namespace genoform {

namespace text_forms {

template <class T>
constexpr void write(const Around& around, Writer& out);

template <class... Ps>
constexpr void write_parts(List<Ps...>, const Around& around, Writer& out) {
  (write<Ps>(around, out), ...);
}

template <class T>
struct Form {};  // sub-layers and what is not a part

template <class... Ps>
struct Form<Block<Ps...>> {
  static constexpr void write(const Around& around, Writer& out) {
    const int node = out.open("Block");
    write_parts(typename Block<Ps...>::sub_layers{}, around, out);
    out.close(node);
  }
};
template <class... Args>
struct Form<Parallel<Args...>> {
  static constexpr void write(const Around& around, Writer& out) {
    const int node = out.open("Parallel");
    write_parts(typename Parallel<Args...>::parts{}, around, out);
    print_options(Parallel<Args...>::norms, around, out);
    out.close(node);
  }
};
template <class B, int N>
struct Form<Stack<B, N>> {
  static constexpr void write(const Around& around, Writer& out) {
    using checked [[maybe_unused]] = typename Stack<B, N>::checked;
    const int node = out.open("Stack");
    Form<B>::write(around, out);
    out.number(N);
    out.close(node);
  }
};
template <class... Ss>
struct Form<Body<Ss...>> {
  static constexpr void write(const Around& around, Writer& out) {
    const int node = out.open("Body");
    write_parts(List<Ss...>{}, around, out);
    out.close(node);
  }
};
template <class B, class... Options>
struct Form<Decoder<B, Options...>> {
  static constexpr void write(const Around&, Writer& out) {
    constexpr DecoderLayer layer = Decoder<B, Options...>::value;
    using Stacks = typename part_rules::StacksOf<B>::type;
    const int node = out.open(DecoderLayer::name);
    if constexpr (Stacks::size == 1)
      write_parts(Stacks{}, layer.around(), out);
    else
      Form<B>::write(layer.around(), out);
    print_options(layer, Around{}, out);
    out.close(node);
  }
};

template <class P>
constexpr void write_sub_layer(const Around& around, Writer& out) {
  if constexpr (!requires { std::string_view(P::layer_type::name); })
    using refused [[maybe_unused]] = typename Refuse<Rule::name_missing, P, typename P::layer_type>::type;
  else
    print(P::value, around, out);
}

template <class T>
constexpr void write(const Around& around, Writer& out) {
  if constexpr (requires { Form<T>::write(around, out); })
    Form<T>::write(around, out);
  else if constexpr (part_rules::TypedPart<part_of<T>>)
    write_sub_layer<part_of<T>>(around, out);
  else
    using refused [[maybe_unused]] = typename Refuse<Rule::not_a_part, T, T>::type;
}

template <class T>
struct Stored {
  static constexpr std::size_t size = [] {
    Writer counter;
    write<T>(Around{}, counter);
    return counter.size();
  }();
  static constexpr std::array<char, size> characters = [] {
    std::array<char, size> text{};
    Writer writer{text};
    write<T>(Around{}, writer);
    return text;
  }();
};

}  // namespace text_forms

/// The canonical text of a Decoder, Body, Stack, Block or sub-layer type (spec/model.md section 1).
template <class T>
inline constexpr std::string_view text_of{text_forms::Stored<T>::characters.data(), text_forms::Stored<T>::size};

}  // namespace genoform
