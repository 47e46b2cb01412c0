#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "genoform/genome/genome.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/search/clock/cost_features.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/clock/step_table.hpp"

namespace genoform::search {

/// Sizes and work of a model for the shape of a training step, found by a dry run.
class ModelSizes {
 public:
  ModelSizes(int batch, int context, Kinds<FeatureCounter> kinds = builtin_kinds<FeatureCounter>())
      : shape_{batch, context}, kinds_(std::move(kinds)) {}

  Cost cost(const std::string& text) const { return kinds_.cost_of(kinds_.parse(text), shape_.batch, shape_.context); }
  CostFeatures items(const std::string& text) const {
    const FeatureCounter tally;
    BasicModel<FeatureCounter> model = kinds_.build(kinds_.parse(text), {.seed = 0, .storage = {}, .backend = tally});
    model.prepare(shape_, Pass::train);
    CostFeatures items = tally.items();
    items["step"] = 1;
    items["parameters"] = static_cast<double>(model.parameters().size());
    items["tensors"] = static_cast<double>(model.tensors().size());
    return items;
  }
  /// An estimate without step time.
  Estimate sizes(const std::string& text) const {
    const Cost c = cost(text);
    return {.step_seconds = {},
            .parameters = c.parameters,
            .activated_parameters = c.activated_parameters,
            .bytes = c.weight_bytes() + c.workspace_bytes()};
  }

 private:
  Shape shape_;
  Kinds<FeatureCounter> kinds_;
};

/// Step times from a table that was fitted at the start of the study: repeatable.
class TableOracle : public Estimator {
 public:
  TableOracle(ModelSizes sizes, StepTable table) : sizes_(std::move(sizes)), table_(std::move(table)) {}
  std::string name() const override { return "table"; }
  Estimate estimate(const std::string& text) const override {
    Estimate e = sizes_.sizes(text);
    e.step_seconds = table_.seconds(sizes_.items(text));
    return e;
  }

 private:
  ModelSizes sizes_;
  StepTable table_;
};

/// Step times as if every useful FLOP took the same time: repeatable and the same on every machine, but blind to what is slow.
class FlopsOracle : public Estimator {
 public:
  FlopsOracle(ModelSizes sizes, double flops_per_second) : sizes_(std::move(sizes)), flops_per_second_(flops_per_second) {}
  std::string name() const override { return "flops"; }
  Estimate estimate(const std::string& text) const override {
    Estimate e = sizes_.sizes(text);
    e.step_seconds = static_cast<double>(sizes_.cost(text).training_flops()) / flops_per_second_;
    return e;
  }

 private:
  ModelSizes sizes_;
  double flops_per_second_;
};

/// Leaves the step time to the worker, which measures it before it trains: true, but not repeatable.
class MeasuredOracle : public Estimator {
 public:
  explicit MeasuredOracle(ModelSizes sizes) : sizes_(std::move(sizes)) {}
  std::string name() const override { return "measured"; }
  Estimate estimate(const std::string& text) const override { return sizes_.sizes(text); }

 private:
  ModelSizes sizes_;
};

}  // namespace genoform::search
