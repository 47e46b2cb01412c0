#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/operations.hpp"
#include "tests/catch.hpp"

namespace genoform::tests {

using namespace inner;

/// A workspace for single operations on the reference back end. Each tensor has a stride of its own, and no two overlap.
class Bench {
 public:
  Bench() : elements_(1 << 16, untouched) { memories_[Memory::workspace] = elements_.data(); }

  static constexpr double untouched = -77.0;

  Tensor empty(std::int64_t rows, std::int64_t columns, ElementType element_type = ElementType::real) {
    const std::int64_t stride = columns == 1 ? 1 : columns + 2;
    const Tensor t{Memory::workspace, element_type, top_, rows, columns, stride};
    top_ += rows * stride + 3;
    REQUIRE(top_ < static_cast<std::int64_t>(elements_.size()));
    return t;
  }
  Tensor indices(std::int64_t rows, std::int64_t columns = 1) { return empty(rows, columns, ElementType::index); }
  Tensor of(std::int64_t rows, std::int64_t columns, std::initializer_list<double> values) {
    const Tensor t = empty(rows, columns);
    auto value = values.begin();
    each(t, [&](double& element) { element = *value++; });
    return t;
  }
  Tensor indices_of(std::initializer_list<std::int64_t> values) {
    const Tensor t = indices(static_cast<std::int64_t>(values.size()));
    std::int64_t row = 0;
    for (const std::int64_t value : values) reference::Host(memories_).indices(t)(row++) = value;
    return t;
  }
  /// Standard normal numbers.
  Tensor random(std::int64_t rows, std::int64_t columns) {
    const Tensor t = empty(rows, columns);
    each(t, [&](double& element) { element = random_.normal(drawn_++); });
    return t;
  }
  Tensor constant(std::int64_t rows, std::int64_t columns, double value) {
    const Tensor t = empty(rows, columns);
    each(t, [&](double& element) { element = value; });
    return t;
  }
  op::Assignment assignment(std::int64_t tokens, std::int64_t experts, std::int64_t choices, std::int64_t slots) {
    return {.expert_first = indices(experts + 1),
            .expert_count = indices(experts),
            .slot_token = indices(slots),
            .slot_weight = empty(slots, 1),
            .token_first = indices(tokens + 1),
            .token_slots = indices(slots),
            .choice_slot = indices(tokens, choices),
            .choice_expert = indices(tokens, choices),
            .first_share = empty(experts, 1),
            .experts = experts,
            .useful_slots = tokens * choices};
  }

  template <class Op>
  void run(const Op& op) {
    REQUIRE(op.fits());
    Reference().prepare(op, memories_)();
  }

  const Memories<double>& memories() const { return memories_; }
  double& at(const Tensor& t, std::int64_t row, std::int64_t column = 0) { return reference::Host(memories_)(t)(row, column); }
  std::vector<double> values(const Tensor& t) {
    std::vector<double> all;
    each(t, [&](double& element) { all.push_back(element); });
    return all;
  }
  std::vector<std::int64_t> integers(const Tensor& t) {
    std::vector<std::int64_t> all;
    const auto elements = reference::Host(memories_).indices(t);
    for (std::int64_t r = 0; r < t.rows; ++r)
      for (std::int64_t c = 0; c < t.columns; ++c) all.push_back(elements(r, c));
    return all;
  }
  /// sum of a * b.
  double dot(const Tensor& a, const Tensor& b) {
    const auto x = values(a), y = values(b);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
    return sum;
  }
  /// d loss / dx by central differences, five points.
  std::vector<double> differences(const Tensor& x, const std::function<double()>& loss) {
    constexpr double h = 1e-3;
    std::vector<double> all;
    each(x, [&](double& element) {
      const double middle = element;
      const auto at_offset = [&](double offset) {
        element = middle + offset;
        return loss();
      };
      all.push_back((8 * (at_offset(h) - at_offset(-h)) - (at_offset(2 * h) - at_offset(-2 * h))) / (12 * h));
      element = middle;
    });
    return all;
  }
  /// The gradient in `dx` is that of `loss`; its elements were `before` in the beginning.
  void require_gradient(const Tensor& dx, const Tensor& x, const std::function<double()>& loss, double before = 0) {
    const std::vector<double> found = values(dx), expected = differences(x, loss);
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO("element " << i);
      REQUIRE(found[i] - before == Approx(expected[i]).epsilon(1e-7).margin(1e-8));
    }
  }

 private:
  void each(const Tensor& t, const std::function<void(double&)>& f) {
    for (std::int64_t r = 0; r < t.rows; ++r)
      for (std::int64_t c = 0; c < t.columns; ++c) f(reference::Host(memories_)(t)(r, c));
  }

  std::vector<double> elements_;
  Memories<double> memories_;
  std::int64_t top_ = 5;
  Random random_{7, 1};
  std::uint64_t drawn_ = 0;
};

inline void require_close(const std::vector<double>& found, const std::vector<double>& expected, double margin = 1e-12) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    INFO("element " << i);
    REQUIRE(found[i] == Approx(expected[i]).margin(margin).epsilon(0));
  }
}

}  // namespace genoform::tests
