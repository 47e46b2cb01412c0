#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/count.hpp"
#include "genoform/ops/operations.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// How much of each kind of work a training step does: name -> amount. What a table of step times multiplies.
using CostFeatures = std::map<std::string, double, std::less<>>;

/// The kinds of work that were met so far, numbered: what a walk adds up is an array.
class FeatureNames {
 public:
  /// The number of the feature `operation variant unit`; `variant` and `unit` name themselves, see name_of().
  std::size_t index_of(std::string_view operation, int variant, const char* unit) {
    const auto [place, is_new] = numbers_.try_emplace(Key{operation, variant, unit}, names_.size());
    if (is_new) {
      names_.push_back(std::string(operation) + name_of(variant) + unit);
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

  static constexpr int rms = 1, layer = 2, function = 16, gated = 32;  ///< function and gated: plus the number of the function

 private:
  struct Key {
    std::string_view operation;
    int variant;
    std::string_view unit;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.operation) + 31U * static_cast<std::size_t>(key.variant) + 1009U * key.unit.size();
    }
  };
  static std::string name_of(int variant) {
    if (variant >= gated) return " gated " + std::to_string(variant - gated);
    if (variant >= function) return " " + std::to_string(variant - function);
    return variant == rms ? " rms" : variant == layer ? " layer" : "";
  }

  std::unordered_map<Key, std::size_t, Hash> numbers_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

/// A sink that adds up the work of operations, each a product of FLOPs or a number of elements.
class FeatureCounter : public Count {
 public:
  explicit FeatureCounter(FeatureNames& names) : names_(&names) {}

  /// The amounts in the order of the names; missing ones at the end are 0.
  const std::vector<double>& amounts() const { return amounts_; }

  template <class Op>
  void operator()(const Op& op) {
    Count::operator()(op);
    const int variant = variant_of(op);
    if constexpr (requires { op.to; }) {
      add_slots(op, variant);
    } else {
      double elements = 0;
      for (const Operands& operands : {op.reads(), op.writes()})
        for (const Tensor& t : operands) elements += static_cast<double>(t.size());
      if (op.flops() > 0) add<Op>(variant, " flops", static_cast<double>(op.flops()));
      add<Op>(variant, op.flops() > 0 ? " elements" : "", elements);
    }
  }
  FeatureCounter& operator+=(const FeatureCounter& more) {
    Count::operator+=(more);
    if (amounts_.size() < more.amounts_.size()) amounts_.resize(more.amounts_.size());
    for (std::size_t i = 0; i < more.amounts_.size(); ++i) amounts_[i] += more.amounts_[i];
    return *this;
  }

 private:
  template <class Op>
  void add(int variant, const char* unit, double amount) {
    const std::size_t i = names_->index_of(Op::name, variant, unit);
    if (amounts_.size() <= i) amounts_.resize(i + 1);
    amounts_[i] += amount;
  }

  template <class Op>
  static int variant_of(const Op& op) {
    if constexpr (requires { op.statistic; })
      return op.statistic == op::Statistic::rms ? FeatureNames::rms : FeatureNames::layer;
    else if constexpr (requires {
                         op.f;
                         op.gate;
                       })
      return (op.gate.exists() ? FeatureNames::gated : FeatureNames::function) + static_cast<int>(op.f);
    else
      return 0;
  }

  /// Operations on routed rows: the memory is for the worst case, the work is that of the slots which an even load fills, padding
  /// included.
  template <class Op>
  void add_slots(const Op& op, int variant) {
    const double filled = static_cast<double>(op.to.useful_slots);
    const double slots = filled + 0.5 * static_cast<double>(op::slot_tile * op.to.experts);
    if constexpr (requires { op.p; })
      add<Op>(variant, "", static_cast<double>(op.p.size()));
    else if constexpr (requires { op.w; })
      add_products(variant, op, op.w, slots / filled);
    else if constexpr (requires { op.dw; })
      add_products(variant, op, op.dw, slots / filled);
    else
      add<Op>(variant, "", slots * static_cast<double>(op.reads().begin()->columns));
  }
  /// The matrices of all experts are read once, whatever the number of slots.
  template <class Op>
  void add_products(int variant, const Op& op, const Tensor& matrices, double padding) {
    add<Op>(variant, " experts", static_cast<double>(op.to.experts));
    add<Op>(variant, " flops", static_cast<double>(op.flops()) * padding);
    add<Op>(variant, " elements", static_cast<double>(matrices.size()));
  }

  FeatureNames* names_;
  std::vector<double> amounts_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
