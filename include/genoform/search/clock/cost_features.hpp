#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/count.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/operation_info.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// How much of each kind of work a training step does: name -> amount. What a table of step times multiplies.
using CostFeatures = std::map<std::string, double, std::less<>>;
/// The features that are no work of an operation: the number of operations, the optimizer's work, and the step itself.
inline constexpr const char* whole_step_items[] = {"operations", "parameters", "step", "tensors"};

/// What the time of an operation may grow with. Of a product also the elements of each operand, numbered from `first_operand` on.
struct WorkUnit {
  static constexpr int calls = 0, flops = 1, elements = 2, first_operand = 3;

  static std::string name_of(int unit) {
    return unit == calls      ? " calls"
           : unit == flops    ? " flops"
           : unit == elements ? " elements"
                              : " operand " + std::to_string(unit - first_operand + 1);
  }
};

/// Calls add(name, variant, unit, amount) for the work of an operation. Shapes of routed rows are those of the worst case, which
/// grow with the rows that an even load fills. A product that has taken over a sum does the work of both.
template <class Add>
void visit_work(const OperationInfo& op, Add add) {
  add(op.name, op.variant, WorkUnit::calls, 1.0);
  double elements = 0;
  int operand = WorkUnit::first_operand;
  for (const Operands* operands : {&op.reads, &op.writes})
    for (const Tensor& t : *operands) {
      if (op.assignment.contains(t) || t == op.added || t.size() == 1) continue;  // of one element: flags and scales
      const auto size = static_cast<double>(t.size());
      elements += size;
      if (op.flops > 0) add(op.name, op.variant, operand++, size);
    }
  if (op.flops > 0)
    add(op.name, op.variant, WorkUnit::flops, static_cast<double>(op.flops));
  else
    add(op.name, op.variant, WorkUnit::elements, elements);
  if (!op.added.exists()) return;
  add(op::Add::name, 0, WorkUnit::calls, 1.0);
  add(op::Add::name, 0, WorkUnit::elements, 3.0 * static_cast<double>(op.added.size()));  // those of x, y and y again
}

/// The name of a feature, as in "linear flops".
inline std::string feature_name(std::string_view operation, int variant, int unit) {
  return std::string(operation) + (variant > 0 ? " " + std::to_string(variant) : "") + WorkUnit::name_of(unit);
}

/// The work of one operation.
inline CostFeatures features_of(const OperationInfo& op) {
  CostFeatures features;
  visit_work(op, [&](std::string_view name, int variant, int unit, double amount) {
    features[feature_name(name, variant, unit)] += amount;
  });
  return features;
}

/// The kinds of work that were met so far, numbered: what a walk adds up is an array.
class FeatureNames {
 public:
  /// The number of a feature.
  std::size_t index_of(std::string_view operation, int variant, int unit) {
    const auto [place, is_new] = numbers_.try_emplace(Key{operation, variant, unit}, names_.size());
    if (is_new) {
      names_.push_back(feature_name(operation, variant, unit));
      by_name_.emplace(names_.back(), place->second);
    }
    return place->second;
  }
  /// The number of a feature by its whole name, the count of all when it was not met.
  std::size_t find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? names_.size() : found->second;
  }
  const std::vector<std::string>& all() const { return names_; }

 private:
  struct Key {
    std::string_view operation;
    int variant, unit;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.operation) + 31U * static_cast<std::size_t>(key.variant) +
             1009U * static_cast<std::size_t>(key.unit);
    }
  };

  std::unordered_map<Key, std::size_t, Hash> numbers_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

/// A sink that adds up the work of operations.
class FeatureCounter : public Count {
 public:
  explicit FeatureCounter(FeatureNames& names) : names_(&names) {}

  /// The amounts in the order of the names; missing ones at the end are 0.
  const std::vector<double>& amounts() const { return amounts_; }

  template <class Op>
  void operator()(const Op& op) {
    Count::operator()(op);
    add(info_of(op));
  }
  FeatureCounter& operator+=(const FeatureCounter& more) {
    Count::operator+=(more);
    if (amounts_.size() < more.amounts_.size()) amounts_.resize(more.amounts_.size());
    for (std::size_t i = 0; i < more.amounts_.size(); ++i) amounts_[i] += more.amounts_[i];
    return *this;
  }

 private:
  void add(const OperationInfo& op) {
    visit_work(op, [&](std::string_view name, int variant, int unit, double amount) {
      const std::size_t i = names_->index_of(name, variant, unit);
      if (amounts_.size() <= i) amounts_.resize(i + 1);
      amounts_[i] += amount;
    });
  }

  FeatureNames* names_;
  std::vector<double> amounts_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
