#include "models.hpp"

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "genoform/backend/dry_run.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/report/trace.hpp"
#include "genoform/train/load_model.hpp"
#include "program.hpp"

namespace command {

using namespace genoform;
using namespace genoform::inner;

Kinds<Cpu>& kinds() {
  static Kinds<Cpu> all = builtin_kinds<Cpu>();
  return all;
}
Kinds<DryRun>& dry_kinds() {
  static Kinds<DryRun> all = builtin_kinds<DryRun>();
  return all;
}

Genome read_genome(const std::string& text) {
  if (text != "-") return kinds().parse(text);
  const std::string read(std::istreambuf_iterator<char>(std::cin), {});
  if (std::ferror(stdin) != 0) throw Exception({ErrorKind::input, "stdin: cannot be read"});
  return kinds().parse(read);
}

Genome with_sizes(const Genome& genome, const Sizes& sizes) {
  if (!genome.is_model()) throw Exception({ErrorKind::input, "a part cannot stand alone here; put it into a Decoder<...>"});
  const DecoderLayer all = genoform::inner::with_sizes(genome.decoder(), sizes.vocab, sizes.width, sizes.context);
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

Genome genome_of_folder(const std::string& folder) { return genome_of(load_folder(folder).value(), kinds().names()); }

std::unique_ptr<CpuModel> load_model(const std::string& folder, CpuOptions cpu) {
  return std::make_unique<CpuModel>(genoform::load_model<Cpu>(folder, kinds(), {.backend = Cpu(cpu)}));
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
