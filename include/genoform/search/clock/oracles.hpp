#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "genoform/cost/genome_cost.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/search/clock/cost_features.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/clock/step_table.hpp"

namespace genoform::search {

/// Sizes and work of genomes for the shape of a training step, from their trees: no model is made. Copies share what they
/// remember; several threads may ask.
class ModelSizes {
 public:
  ModelSizes(int batch, int context) : shape_{batch, context} {}

  /// The same for another number of sequences of a training step; 0: the own one.
  ModelSizes at(int batch) const {
    ModelSizes other = *this;
    if (batch > 0) other.shape_.batch = batch;
    return other;
  }

  /// Adds a kind of your own, so that genomes with it can be read and measured; before the first genome.
  template <class Layer>
  ModelSizes& add() {
    memory_->names.add<Layer>().value();
    memory_->costs.add<Layer>();
    return *this;
  }

  Cost cost(const Genome& genome) const {
    const std::lock_guard lock(memory_->mutex);
    return walk(genome).cost;
  }
  Cost cost(const std::string& text) const { return cost(read(text)); }

  /// The work by name, with the step itself, and what the optimizer walks through: parameters and tensors.
  CostFeatures items(const std::string& text) const {
    const Genome genome = read(text);
    const std::lock_guard lock(memory_->mutex);
    const Walk found = walk(genome);
    CostFeatures items;
    for (const char* name : {"operations", "step", "parameters", "tensors"}) items[name] = amount_of(found, name);
    for (const std::string& name : memory_->features.all())
      if (const double amount = amount_of(found, name); amount != 0) items[name] = amount;
    return items;
  }

  Genome read(const std::string& text) const { return Genome::parse(text, memory_->names); }
  /// An estimate without step time.
  Estimate sizes(const Genome& genome) const { return estimate_of(cost(genome)); }
  /// An estimate whose step time is that of its useful FLOPs.
  Estimate sizes(const Genome& genome, double flops_per_second) const {
    const Cost c = cost(genome);
    Estimate e = estimate_of(c);
    e.step_seconds = static_cast<double>(c.training_flops()) / flops_per_second;
    return e;
  }
  /// An estimate with the step time of a table.
  Estimate sizes(const Genome& genome, const StepTable& table) const {
    const std::lock_guard lock(memory_->mutex);
    const Walk found = walk(genome);
    Estimate e = estimate_of(found.cost);
    e.step_seconds = table.seconds_of([&](const std::string& name) { return amount_of(found, name); });
    return e;
  }

 private:
  using Walk = GenomeCosts<FeatureCounter>::Walk;

  struct Remembered {
    std::mutex mutex;
    FeatureNames features;
    KindNames names;
    GenomeCosts<FeatureCounter> costs{{}, FeatureCounter(features)};
  };

  Walk walk(const Genome& genome) const { return memory_->costs.walk(genome, shape_.batch, shape_.context); }
  double amount_of(const Walk& found, const std::string& name) const {
    if (const std::size_t i = memory_->features.find(name); i < found.work.amounts().size()) return found.work.amounts()[i];
    return name == "operations"   ? static_cast<double>(found.work.operations)
           : name == "step"       ? 1
           : name == "parameters" ? static_cast<double>(found.cost.parameters)
           : name == "tensors"    ? static_cast<double>(found.tensors)
                                  : 0;
  }
  static Estimate estimate_of(const Cost& c) {
    return {.step_seconds = {},
            .parameters = c.parameters,
            .activated_parameters = c.activated_parameters,
            .bytes = c.weight_bytes() + c.workspace_bytes()};
  }

  Shape shape_;
  std::shared_ptr<Remembered> memory_ = std::make_shared<Remembered>();
};

/// Step times from a table that was fitted at the start of the study: repeatable.
class TableOracle : public Estimator {
 public:
  TableOracle(ModelSizes sizes, StepTable table) : sizes_(std::move(sizes)), table_(std::move(table)) {}
  std::string name() const override { return "table"; }
  Estimate estimate(const std::string& text, int batch) const override {
    return sizes_.at(batch).sizes(sizes_.read(text), table_);
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
  Estimate estimate(const std::string& text, int batch) const override {
    return sizes_.at(batch).sizes(sizes_.read(text), flops_per_second_);
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
  Estimate estimate(const std::string& text, int batch) const override { return sizes_.at(batch).sizes(sizes_.read(text)); }

 private:
  ModelSizes sizes_;
};

}  // namespace genoform::search
