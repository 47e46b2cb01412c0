#pragma once
#include <string_view>

#include "genoform/core/words.hpp"

namespace genoform {

/// The words of spec/model.md that are known and refused: "known, not built yet". The one list of them.
inline constexpr std::string_view not_built_words[] = {
    "SharedQk", "RelBias",    "Window", "QkNorm", "PrimerNorm", "Sinusoid",        "Learned", "SharedRelBias",
    "Untied",   "LogitScale", "Hash",   "Base",   "LossFree",   "ExpertThreshold", "Shared",  "Program"};

constexpr bool is_not_built(std::string_view word) {
  for (const std::string_view known : not_built_words)
    if (known == word) return true;
  return false;
}

template <Text W>
struct NotBuilt : Word<W> {
  static_assert(is_not_built(W.view()), "a word that is not built stands in not_built_words");
};
template <Text W, class... Inner>
struct NotBuiltOf : Words<W, Inner...> {
  static_assert(is_not_built(W.view()), "a word that is not built stands in not_built_words");
};
template <Text W, int... Ns>
struct NotBuiltNumbers : Numbers<W, Ns...> {
  static_assert(is_not_built(W.view()), "a word that is not built stands in not_built_words");
};

// Attention
struct SharedQk : NotBuilt<"SharedQk"> {};
struct QkNorm : NotBuilt<"QkNorm"> {};
template <int Buckets, int Distance>
struct RelBias : NotBuiltNumbers<"RelBias", Buckets, Distance> {};
template <int N>
struct Window : NotBuiltNumbers<"Window", N> {};

// Norms, positions and output of the model
struct PrimerNorm : NotBuilt<"PrimerNorm"> {};
struct Sinusoid : NotBuilt<"Sinusoid"> {};
struct Learned : NotBuilt<"Learned"> {};
template <int Buckets, int Distance>
struct SharedRelBias : NotBuiltNumbers<"SharedRelBias", Buckets, Distance> {};
struct Untied : NotBuilt<"Untied"> {};
struct WidthRsqrt : Word<"WidthRsqrt"> {};
template <class Scale>
struct LogitScale : NotBuiltOf<"LogitScale", Scale> {};

// Mixture of experts
template <int N>
struct Shared : NotBuiltNumbers<"Shared", N> {};
struct Hash : NotBuilt<"Hash"> {};
struct Base : NotBuilt<"Base"> {};
template <int K>
struct LossFree : NotBuiltNumbers<"LossFree", K> {};
struct ExpertThreshold : NotBuilt<"ExpertThreshold"> {};

// Sub-layers
template <Text Code>
struct Program : NotBuilt<"Program"> {};

}  // namespace genoform
