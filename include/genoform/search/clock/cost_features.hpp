#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "genoform/backend/memories.hpp"
#include "genoform/ops/joins.hpp"
#include "genoform/ops/operations.hpp"

namespace genoform::search {

/// How much of each kind of work a training step does: name -> amount. What a table of step times multiplies.
using CostFeatures = std::map<std::string, double, std::less<>>;

/// A back end that computes nothing and adds up the work of the operations that it is asked to prepare.
class FeatureCounter {
 public:
  using Real = float;
  using joins = DefaultJoins;

  FeatureCounter() : items_(std::make_shared<CostFeatures>()) {}

  const CostFeatures& items() const { return *items_; }
  void enter() const {}

  template <class Op>
  auto prepare(const Op& op, const Memories<Real>&) const {
    add("operations", 1);
    const std::string name = name_of(op);
    if constexpr (requires { op.to; }) {
      add_slots(op, name);
    } else {
      double elements = 0;
      for (const Operands& operands : {op.reads(), op.writes()})
        for (const Tensor& t : operands) elements += static_cast<double>(t.size());
      if (op.flops() > 0) add(name + " flops", static_cast<double>(op.flops()));
      add(name + (op.flops() > 0 ? " elements" : ""), elements);
    }
    return [] {};
  }

 private:
  void add(const std::string& name, double amount) const { (*items_)[name] += amount; }

  template <class Op>
  static std::string name_of(const Op& op) {
    std::string name(Op::name);
    if constexpr (requires { op.statistic; }) name += op.statistic == op::Statistic::rms ? " rms" : " layer";
    if constexpr (requires {
                    op.f;
                    op.gate;
                  })
      name += std::string(op.gate.exists() ? " gated " : " ") + std::to_string(static_cast<int>(op.f));
    return name;
  }

  /// Operations on routed rows: the memory is for the worst case, the work is that of the slots which an even load fills, padding
  /// included.
  template <class Op>
  void add_slots(const Op& op, const std::string& name) const {
    const double filled = static_cast<double>(op.to.useful_slots);
    const double slots = filled + 0.5 * static_cast<double>(op::slot_tile * op.to.experts);
    if constexpr (requires { op.p; })
      add(name, static_cast<double>(op.p.size()));
    else if constexpr (requires { op.w; })
      add_products(name, op, op.w, slots / filled);
    else if constexpr (requires { op.dw; })
      add_products(name, op, op.dw, slots / filled);
    else
      add(name, slots * static_cast<double>(op.reads().begin()->columns));
  }
  /// The matrices of all experts are read once, whatever the number of slots.
  template <class Op>
  void add_products(const std::string& name, const Op& op, const Tensor& matrices, double padding) const {
    add(name + " experts", static_cast<double>(op.to.experts));
    add(name + " flops", static_cast<double>(op.flops()) * padding);
    add(name + " elements", static_cast<double>(matrices.size()));
  }

  std::shared_ptr<CostFeatures> items_;
};

}  // namespace genoform::search
