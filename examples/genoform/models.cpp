#include "models.hpp"

#include <iostream>
#include <iterator>
#include <memory>
#include <vector>

#include "genoform/backend/dry_run.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/report/trace.hpp"
#include "genoform/train/model_files.hpp"
#include "program.hpp"

namespace command {

using namespace genoform;

Kinds<Cpu>& kinds() {
  static Kinds<Cpu> all = builtin_kinds<Cpu>();
  return all;
}
Kinds<DryRun>& dry_kinds() {
  static Kinds<DryRun> all = builtin_kinds<DryRun>();
  return all;
}

namespace {

/// The genome that a folder's configuration names; errors name the file.
Genome genome_of(const Folder& folder) {
  const std::string where = model_folder::config_file(folder.path) + ": key \"model\": ";
  Result<Genome> genome = kinds().parse(folder.config.model);
  if (!genome) throw Exception({genome.error().error_kind, where + genome.error().message});
  if (!genome->is_model() || !genome->has_sizes())
    throw Exception({ErrorKind::input, where + "must be a Decoder with Vocab, Width and Context"});
  return *genome;
}

}  // namespace

Genome read_genome(const std::string& text) {
  if (text != "-") return kinds().parse(text);
  return kinds().parse(std::string(std::istreambuf_iterator<char>(std::cin), {}));
}

Genome with_sizes(const Genome& genome, const Sizes& sizes) {
  if (!genome.is_model()) throw Exception({ErrorKind::input, "a part cannot stand alone here; put it into a Decoder<...>"});
  const DecoderLayer all = genoform::with_sizes(genome.decoder(), sizes.vocab, sizes.width, sizes.context);
  return genome.with_sizes(all.vocab, all.width, all.context);
}

Cost cost_of(const Genome& genome, std::int64_t batch, std::int64_t context, const PassLayout& layout) {
  return kinds().cost_of(genome, batch, context, layout);
}

std::int64_t optimizer_bytes(const Genome& genome, const OptimizerChoice& optimizer) {
  const std::vector<TensorInfo> tensors = kinds().tensors_of(genome);
  return HostBuffer<float>::bytes_of(optimizers().elements(optimizer, tensors));
}

std::int64_t training_bytes(const Genome& genome, const Cost& cost, const OptimizerChoice& optimizer) {
  return 2 * cost.weight_bytes() + optimizer_bytes(genome, optimizer) + cost.workspace_bytes();
}

MemoryUse memory_of(const Genome& genome, Shape shape, const PassLayout& layout, CpuOptions cpu,
                    const OptimizerChoice& optimizer) {
  const UniquePtr<AnyNetwork<Cpu>> network = kinds().network_of(genome);
  return memory_needed(*network, Cpu(cpu), shape, Pass::train, layout, {}, optimizers().find(optimizer.name).rehearse);
}

KeptMemory kept_memory_of(const Genome& genome, Shape shape, const PassLayout& layout) {
  KeptMemory memory;
  const UniquePtr<AnyNetwork<DryRun>> network = dry_kinds().network_of(genome);
  rehearse(*network, DryRun(), shape, Pass::train, layout, {}, &memory);
  return memory;
}

std::unique_ptr<CpuModel> make_model(const Genome& genome, std::uint64_t seed, CpuOptions cpu) {
  return std::make_unique<CpuModel>(kinds().build(genome, {.seed = seed, .backend = Cpu(cpu)}));
}

Genome genome_of_folder(const std::string& folder) { return genome_of(load_folder(folder).value()); }

std::unique_ptr<CpuModel> load_model(const std::string& path, CpuOptions cpu) {
  const Result<Folder> folder = load_folder(path);
  if (!folder) throw Exception(folder.error());
  const Genome genome = genome_of(*folder);
  // A small file that claims a huge model is a wrong file, not a lack of memory.
  std::uint64_t stored = 0;
  for (const auto& tensor : folder->weights.tensors()) stored += tensor.elements();
  const Cost cost = cost_of(genome, 1, 1);
  if (stored < static_cast<std::uint64_t>(cost.parameters) && 8 * cost.parameters > available_memory())
    throw Exception({ErrorKind::input, folder->weights.path() + ": " + std::to_string(stored) + " numbers; the model needs " +
                                           std::to_string(cost.parameters)});
  auto model = make_model(genome, 1, cpu);
  load(*model, *folder).value();
  return model;
}

void print_trace(const Genome& genome, Shape shape, const PassLayout& layout) {
  struct Lines final : Observer {
    std::size_t record(Phase, const OperationInfo& op) override {
      std::cout << trace_line(op);
      return 0;
    }
  } lines;
  const UniquePtr<AnyNetwork<DryRun>> network = dry_kinds().network_of(genome);
  rehearse(*network, DryRun(), shape, Pass::train, layout, {}, &lines);
  std::cout.flush();
}

}  // namespace command
