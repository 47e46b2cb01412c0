#pragma once
#include <span>
#include <string>

#include "genoform/core/part.hpp"

namespace genoform {

/// What `write(Writer&)` writes, as a string.
template <class Write>
std::string written(Write write) {
  Writer counter;
  write(counter);
  std::string text(counter.size(), ' ');
  Writer writer{std::span<char>(text)};
  write(writer);
  return text;
}

/// The canonical text of a layer struct in the model around it.
template <class Layer>
std::string text_of_layer(const Layer& layer, const ModelContext& model_context) {
  return written([&](Writer& out) { print(layer, model_context, out); });
}

}  // namespace genoform
