#pragma once
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/search/clock/estimator.hpp"

namespace genoform::search {

/// The same step time for every genome and batch, and no sizes: for evaluators of one's own that do not train against a clock.
class ConstantOracle : public Estimator {
 public:
  explicit ConstantOracle(double step_seconds) : step_seconds_(step_seconds) {
    if (!(step_seconds > 0)) throw Exception({ErrorKind::usage, "the step time must be above 0"});
  }
  std::string name() const override { return "constant"; }
  Estimate estimate(const std::string&, int) const override {
    Estimate e;
    e.step_seconds = step_seconds_;
    return e;
  }

 private:
  double step_seconds_;
};

}  // namespace genoform::search
