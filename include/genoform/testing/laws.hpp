#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/testing/subject.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::testing {

/// What a part or a model promises. A test states all of it and compares with what is measured, so a property that a layer
/// silently gains or loses is seen either way.
struct Laws {
  bool causal = true;             ///< no output depends on a later position of its own sequence
  bool batch_independent = true;  ///< no output depends on another sequence of the batch
  bool deterministic = true;      ///< the same seed gives the same bits: outputs and gradients
  friend bool operator==(const Laws&, const Laws&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const Laws& laws) {
  const auto says = [&](bool holds, const char* law) { out << (holds ? "" : "not ") << law; };
  says(laws.causal, "causal, ");
  says(laws.batch_independent, "batch independent, ");
  says(laws.deterministic, "deterministic");
  return out;
}

namespace laws {

/// Puts other input at positions first .. T - 1 of sequence b.
template <class Backend, template <class> class Basic>
void replace_input(BasicSubject<Backend, Basic>& subject, std::int64_t b, std::int64_t first, std::uint64_t seed) {
  using Real = typename Backend::Real;
  const Random random(seed, stream_of("replacement"));
  const std::int64_t context = subject.sizes().context;
  for (std::int64_t n = b * context + first; n < (b + 1) * context; ++n) {
    if constexpr (BasicSubject<Backend, Basic>::is_model) {
      Token& token = subject.tokens()[static_cast<std::size_t>(n)];
      token = (token + 1 +
               static_cast<Token>(
                   random.below(static_cast<std::uint64_t>(n), static_cast<std::uint64_t>(subject.engine().sizes().vocab - 1)))) %
              subject.engine().sizes().vocab;
    } else {
      for (std::int64_t c = 0; c < subject.sizes().width; ++c) {
        const std::int64_t i = n * subject.sizes().width + c;
        subject.input()[static_cast<std::size_t>(i)] = static_cast<Real>(2 * random.normal(static_cast<std::uint64_t>(i)));
      }
    }
  }
}

/// Are rows [first, last) of two outputs the same, but for the order of sums?
template <class Real>
bool same_rows(const std::vector<Real>& a, const std::vector<Real>& b, std::int64_t rows, std::int64_t first, std::int64_t last) {
  const std::int64_t columns = static_cast<std::int64_t>(a.size()) / rows;
  double largest = 0;
  for (const Real value : a) largest = std::max(largest, std::abs(static_cast<double>(value)));
  const double allowed = 64 * static_cast<double>(std::numeric_limits<Real>::epsilon()) * largest;
  for (auto i = static_cast<std::size_t>(first * columns); i < static_cast<std::size_t>(last * columns); ++i)
    if (!(std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])) <= allowed)) return false;
  return true;
}

/// Does new input from each position on, in each sequence, leave what must not see it as it was?
template <class Backend, template <class> class Basic>
Laws measure_independence(BasicSubject<Backend, Basic>& subject, std::uint64_t seed, Pass pass) {
  Laws laws;
  const Sizes& sizes = subject.sizes();
  const std::vector<typename Backend::Real> y = subject.output(pass);
  const auto input = subject.input();
  const auto tokens = subject.tokens();
  const std::int64_t rows = sizes.batch * sizes.context;
  for (std::int64_t b = 0; b < sizes.batch; ++b)
    for (std::int64_t t = 0; t < sizes.context; ++t) {
      replace_input(subject, b, t, seed + static_cast<std::uint64_t>(t));
      const auto changed = subject.output(pass);
      const std::int64_t begin = b * sizes.context, end = begin + sizes.context;
      laws.causal = laws.causal && same_rows(y, changed, rows, begin, begin + t);
      laws.batch_independent =
          laws.batch_independent && same_rows(y, changed, rows, 0, begin) && same_rows(y, changed, rows, end, rows);
      subject.input() = input;
      subject.tokens() = tokens;
    }
  return laws;
}

/// Do two subjects of the same seed, the second one after other work, give the same bits?
template <class Backend, template <class> class Basic>
bool measure_determinism(BasicSubject<Backend, Basic>& a, BasicSubject<Backend, Basic>& b, Pass pass) {
  b.gradient();
  b.output(pass);
  const auto y_a = a.output(pass), y_b = b.output(pass);
  a.gradient();
  b.gradient();
  return y_a == y_b && a.gradients() == b.gradients() && a.input_gradient() == b.input_gradient();
}

}  // namespace laws

/// Measures the laws of a part or a model, in training (routing by pool) or in evaluation.
template <class T, class Backend = Reference>
Laws laws_of(Pass pass, const Sizes& sizes = {}, std::uint64_t seed = 1, const Backend& backend = Backend()) {
  using Base = SubjectBase<T, Backend>;
  Subject<T, Backend> changed(sizes, seed, backend), a(sizes, seed, backend), b(sizes, seed, backend);
  Laws found = laws::measure_independence(static_cast<Base&>(changed), seed, pass);
  found.deterministic = laws::measure_determinism(static_cast<Base&>(a), static_cast<Base&>(b), pass);
  return found;
}

}  // namespace genoform::testing

#include "genoform/core/restore_macros.hpp"
