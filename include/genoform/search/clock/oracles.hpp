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
    for (const char* name : whole_step_items) items[name] = whole_step_amount(found, name);
    for (std::size_t i = 0; i < found.work.amounts().size(); ++i)
      if (const double amount = found.work.amounts()[i]; amount != 0) items[memory_->features.all()[i]] = amount;
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
  /// A table whose items are looked up once, not for each genome. For one ModelSizes and its copies, which use it one at a time.
  class Lookup {
   public:
    explicit Lookup(StepTable table) : table_(std::move(table)) {}

   private:
    friend class ModelSizes;
    struct Term {
      std::size_t number;  ///< of the feature
      std::string name;
      double seconds;
    };
    /// In the order of the names, so that the sum does not depend on which features were met first.
    const std::vector<Term>& terms(const FeatureNames& features) {
      if (features.all().size() == met_) return terms_;
      met_ = features.all().size();
      terms_.clear();
      for (const auto& [name, seconds] : table_.items()) terms_.push_back({features.find(name), name, seconds});
      return terms_;
    }

    StepTable table_;
    std::vector<Term> terms_;
    std::size_t met_ = static_cast<std::size_t>(-1);
  };
  /// An estimate with the step time of a table.
  Estimate sizes(const Genome& genome, Lookup& table) const {
    const std::lock_guard lock(memory_->mutex);
    const Walk found = walk(genome);
    Estimate e = estimate_of(found.cost);
    const std::vector<double>& amounts = found.work.amounts();
    double seconds = 0;
    for (const Lookup::Term& term : table.terms(memory_->features))
      seconds += term.seconds * (term.number < amounts.size() ? amounts[term.number] : whole_step_amount(found, term.name));
    e.step_seconds = seconds;
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
  /// An item that is no work of an operation; 0 for all others.
  static double whole_step_amount(const Walk& found, const std::string& name) {
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
  mutable ModelSizes::Lookup table_;
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
