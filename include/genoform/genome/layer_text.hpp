#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "genoform/core/part.hpp"

namespace genoform::inner::genome {

/// Appends to a string, with one space after each comma, as Writer (core/tree.hpp) does to a buffer of known size.
class TextWriter {
 public:
  std::string text;

  int open(std::string_view word) {
    leaf(word);
    text += '<';
    first_ = true;
    return 0;
  }
  void close(int) {
    text += '>';
    first_ = false;
  }
  void leaf(std::string_view word) {
    if (!first_) text += ", ";
    first_ = false;
    text += word;
  }
  void number(std::int64_t value) { leaf(std::to_string(value)); }

 private:
  bool first_ = true;
};

/// What `write(TextWriter&)` writes, as a string.
template <class Write>
std::string written(Write write) {
  TextWriter writer;
  write(writer);
  return std::move(writer.text);
}

/// The canonical text of a layer struct in the model around it.
template <class Layer>
std::string text_of_layer(const Layer& layer, const ModelContext& model_context) {
  return written([&](TextWriter& out) { print(layer, model_context, out); });
}

}  // namespace genoform::inner::genome
