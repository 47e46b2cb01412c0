#include <cstdio>

#include "common.hpp"
#include "genoform/backend/cpu/machine/cpu_report.hpp"
#include "genoform/backend/cpu/machine/peak.hpp"
#include "genoform/core/available_memory.hpp"
#include "genoform/core/listed.hpp"
#include "genoform/report/json.hpp"
#include "genoform/report/text_table.hpp"
#include "genoform/version.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  bool json = false;
};

/// What would make models faster or is not there at all; one line each.
std::vector<std::string> missing(const cpu::CpuReport& cpu_report) {
  std::vector<std::string> lines;
  if (cpu_report.instruction_sets.size() < 2)
    lines.emplace_back("the processor has neither AVX2 nor AVX-512: the portable kernels are several times slower");
  if (!cpu_report.instruction_sets.empty() && cpu_report.chosen != cpu_report.instruction_sets.back())
    lines.push_back("GENOFORM_ISA chooses " + cpu_report.chosen + "; the processor has " + cpu_report.instruction_sets.back());
  if (cpu_report.slow_products)
    lines.emplace_back("oneDNN takes a reference implementation for a product; another version or build of it is needed");
#ifndef _OPENMP
  lines.emplace_back("built without OpenMP: one thread only");
#endif
  return lines;
}

/// GFLOP/s of one thread at this moment.
struct Peaks {
  double f32 = 0, bf16 = 0;
};

/// "64, 4 usable: the quota of the control group is 4".
std::string processors_text(const Processors& processors) {
  const std::string reason = processors.reason();
  return std::to_string(processors.visible) +
         (reason.empty() ? "" : ", " + std::to_string(processors.usable()) + " usable: " + reason);
}

void print_text(const cpu::CpuReport& cpu_report, const std::vector<std::string>& lacks, const Peaks& peaks) {
  TextTable table({"genoform", library_version});
  table.add({"processor", cpu_report.processor.empty() ? "unknown" : cpu_report.processor});
  table.add({"instruction sets", listed(cpu_report.instruction_sets) + "; in use: " + cpu_report.chosen});
  char learning_rate[80];
  std::snprintf(learning_rate, sizeof learning_rate, "about %.0f GFLOP/s on one thread in f32, %.0f in bf16", peaks.f32,
                peaks.bf16);
  table.add({"peak of the moment", learning_rate});
  table.add({"threads", std::to_string(cpu::default_threads())});
  table.add({"processors", processors_text(cpu_report.processors)});
  const MemoryLimit memory = memory_limit();
  table.add({"memory available",
             "about " + bytes_text(memory.bytes) + (memory.name.empty() ? "" : ", by ") + std::string(memory.name)});
  table.add({"products of f32", cpu_report.splits ? "in three bf16 each on AMX; small ones by oneDNN" : "by oneDNN"});
  table.add({"oneDNN", "version " + cpu_report.onednn});
  for (const auto& [shape, implementation] : cpu_report.products) table.add({"  " + shape, implementation});
  std::fputs(table.text().c_str(), stdout);
  for (const std::string& line : lacks) std::printf("missing: %s\n", line.c_str());
  if (lacks.empty()) std::printf("nothing is missing\n");
}

void print_json(const cpu::CpuReport& cpu_report, const std::vector<std::string>& lacks, const Peaks& peaks) {
  const auto list = [](const std::vector<std::string>& items) {
    std::string text = "[";
    for (const std::string& item : items) text += (text.size() > 1 ? ", " : "") + json_quoted(item);
    return text + "]";
  };
  JsonObject json, products;
  for (const auto& [shape, implementation] : cpu_report.products) products.add(shape, implementation);
  json.add("genoform", library_version).add("processor", cpu_report.processor).add("threads", cpu::default_threads());
  json.add("processors", cpu_report.processors.visible).add("usable_processors", cpu_report.processors.usable());
  json.add_raw("instruction_sets", list(cpu_report.instruction_sets)).add("in_use", cpu_report.chosen);
  json.add("peak_gflops", peaks.f32).add("peak_gflops_bf16", peaks.bf16);
  json.add("bytes_available", available_memory())
      .add("splits_f32", cpu_report.splits)
      .add("onednn", cpu_report.onednn)
      .add_raw("products", products.text())
      .add_raw("missing", list(lacks));
  std::printf("%s\n", json.text().c_str());
}

int run(const Options& o) {
  const cpu::CpuReport cpu_report = cpu::cpu_report();
  const std::vector<std::string> lacks = missing(cpu_report);
  const Peaks peaks{.f32 = cpu::peak(cpu::Precision::f32, 1, 50), .bf16 = cpu::peak(cpu::Precision::bf16, 1, 50)};
  if (o.json)
    print_json(cpu_report, lacks, peaks);
  else
    print_text(cpu_report, lacks, peaks);
  return 0;
}

}  // namespace

void add_doctor(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "doctor",
      "Say what this machine has: processor, instruction sets, oneDNN and what it picks, threads, memory, and what is missing.",
      "  genoform doctor\n  genoform doctor --json", run);
  app->add_flag("--json", o->json, "print a JSON object");
}

}  // namespace command
