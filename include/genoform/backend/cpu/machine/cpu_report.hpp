#pragma once
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/cpu/kernels.hpp"
#include "genoform/backend/cpu/products/onednn.hpp"
#include "genoform/core/processor_name.hpp"
#include "genoform/core/processors.hpp"

/// A description of the machine for reports of speed.
namespace genoform::cpu {

struct CpuReport {
  std::string processor;                      ///< the model name that Linux gives, empty elsewhere
  Processors processors;                      ///< those of the machine, and what this process may use of them
  std::vector<std::string> instruction_sets;  ///< those of ours that the processor has, narrowest first
  std::string chosen;                         ///< the one in use; the environment variable GENOFORM_ISA names another
  bool splits = false;  ///< large products of f32 are computed as sums of bf16 products (cpu::Split), not by oneDNN
  std::string onednn;   ///< version of the library that is linked
  std::vector<std::pair<std::string, std::string>> products;  ///< of typical matrix products: shape and oneDNN's implementation
  bool slow_products = false;                                 ///< one of them is a reference implementation
};

/// oneDNN's implementations for the products of one linear layer of `tokens` rows.
inline void add_products(CpuReport& cpu_report, std::int64_t tokens, std::int64_t in, std::int64_t out) {
  const onednn::Layout x{tokens, in, in, 1}, y{tokens, out, out, 1}, w{out, in, in, 1};
  const std::string sizes = std::to_string(tokens) + "x" + std::to_string(in) + "x" + std::to_string(out);
  const auto add = [&](const char* what, const onednn::ProductShape& shape) {
    const onednn::Product product(shape);
    cpu_report.products.emplace_back(what + sizes, product.implementation());
    cpu_report.slow_products |= product.slow();
  };
  add("forward ", {.a = x, .b = w.transposed(), .c = y});
  add("forward, squared ReLU ",
      {.a = x, .b = w.transposed(), .c = y, .bias = false, .accumulate = false, .f = op::Function::squared_relu});
  add("input gradient ", {.a = y, .b = w, .c = x});
  add("weight gradient ", {.a = y.transposed(), .b = x, .c = w, .bias = false, .accumulate = true});
}

inline CpuReport cpu_report() {
  CpuReport cpu_report;
  cpu_report.processor = processor_name();
  cpu_report.processors = processors();
  for (const auto set : all_instruction_sets)
    if (available(set)) cpu_report.instruction_sets.emplace_back(name_of(set));
  cpu_report.chosen = name_of(best_instruction_set());
  cpu_report.splits = split_products(best_instruction_set()) != nullptr;
  cpu_report.onednn = onednn::version();
  add_products(cpu_report, 768, 128, 512);
  add_products(cpu_report, 64, 128, 8);
  return cpu_report;
}

}  // namespace genoform::cpu
