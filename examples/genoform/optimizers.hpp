#pragma once
#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "genoform/backend/cpu.hpp"
#include "genoform/train/optimizers.hpp"

namespace command {

/// The optimizers that the program offers: the library's, and those that a main() of your own adds first.
genoform::Optimizers<genoform::Cpu>& optimizers();

/// --optimizer and its settings; those that were not given keep the optimizer's own default.
struct OptimizerOptions {
  std::string name = "adamw";
  std::map<std::string, double> settings;
};
/// Adds --optimizer, and an option for each setting of any optimizer.
void add_optimizer(CLI::App& app, OptimizerOptions& o);
/// Throws an error of usage for a setting of another optimizer.
genoform::inner::OptimizerChoice optimizer_of(const OptimizerOptions& o);

}  // namespace command
