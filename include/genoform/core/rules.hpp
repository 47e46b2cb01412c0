#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "genoform/core/list.hpp"

#include "genoform/core/hide_macros.hpp"

/// Defines a rule of the language, a type with its one sentence: `GENOFORM_RULE(EvenSteps, "Steps must be even; give an even
/// number");`. It stands in the header of the layer, option or grammar that has the rule. The parser and a layer's violation()
/// use it as a value; where a type breaks it, Refused fails to compile with the same sentence. It is a macro because the
/// message of a static_assert is a literal in C++20.
#define GENOFORM_RULE(name, text)                                          \
  struct name {                                                            \
    static constexpr std::string_view sentence = text;                     \
    template <class Part, class Option, class... Allowed>                  \
    struct Refused {                                                       \
      using type = Part;                                                   \
      static constexpr bool right = ::genoform::inner::rules::never<Part>; \
      static_assert(right, text);                                          \
    };                                                                     \
  }

/// The rules that the library has, each defined by whoever checks it.
namespace genoform::inner::rules {

template <class>
inline constexpr bool never = false;

}  // namespace genoform::inner::rules

namespace genoform::inner::core {

/// A rule as a value: none, or the sentence of one that was broken.
struct Rule {
  std::string_view sentence{};

  static const Rule none;
  constexpr Rule() = default;
  /// Any type that GENOFORM_RULE defines.
  template <class Tag>
  requires requires { Tag::sentence; }
  constexpr Rule(Tag) : sentence(Tag::sentence) {}
  friend constexpr bool operator==(const Rule&, const Rule&) = default;
};
inline constexpr Rule Rule::none{};

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
  constexpr bool fine() const { return rule == Rule::none; }
};

/// One rule of a layer and whether it is broken.
template <class Tag>
struct RefuseIf : Violation {};

/// Is the rule Tag broken? Up to three words of options name what to blame.
template <class Tag>
constexpr RefuseIf<Tag> refuse_if(bool broken, std::string_view word = {}, std::string_view otherwise = {},
                                  std::string_view last = {}) {
  if (!broken) return {};
  return {{Tag{}, {word, otherwise, last}}};
}

/// What violation() of a layer returns, all its rules in order: `return Violations{refuse_if<EvenSteps>(steps % 2 != 0,
/// "Steps")};`. The first broken one counts. Each condition must be safe to evaluate when those before it are broken.
template <class... Tags>
struct Violations : Violation {
  using refuses = List<Tags...>;

  constexpr Violations() = default;
  constexpr Violations(const RefuseIf<Tags>&... all) requires(sizeof...(Tags) > 0) {
    (void)((!all.fine() && (static_cast<Violation&>(*this) = all, true)) || ...);
  }
};
template <class... Tags>
Violations(RefuseIf<Tags>...) -> Violations<Tags...>;

/// The rules of both, those of `a` first.
template <class... As, class... Bs>
constexpr Violations<As..., Bs...> operator+(const Violations<As...>& a, const Violations<Bs...>& b) {
  Violations<As..., Bs...> both;
  static_cast<Violation&>(both) = a.fine() ? static_cast<const Violation&>(b) : a;
  return both;
}

/// The position of a rule in a list of rule types; the length of the list when it is not there.
template <class... Tags>
constexpr int find_rule(const Rule& rule, List<Tags...>) {
  int index = 0;
  (void)((rule == Rule(Tags{}) || (++index, false)) || ...);
  return index;
}

}  // namespace genoform::inner::core

namespace genoform::extend {
using inner::core::refuse_if;
using inner::core::Rule;
using inner::core::Violations;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
