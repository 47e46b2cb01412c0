#include "models.hpp"

#include <iostream>
#include <iterator>
#include <vector>

#include "genoform/backend/trace.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/model_files.hpp"

namespace command {

using namespace genoform;

namespace {

const Kinds<Cpu>& kinds() {
  static const Kinds<Cpu> builtin = builtin_kinds<Cpu>();
  return builtin;
}

/// The genome that a folder's configuration names; errors name the file.
Genome genome_of(const Folder& folder) {
  const std::string where = model_folder::config_file(folder.path) + ": key \"model\": ";
  Result<Genome> genome = Genome::parse(folder.config.model);
  if (!genome) throw Failure({genome.error().fault, where + genome.error().message});
  if (!genome->is_model() || !genome->has_sizes())
    throw Failure({Fault::input, where + "must be a Decoder with Vocab, Width and Context"});
  return *genome;
}

}  // namespace

Genome read_genome(const std::string& text) {
  if (text != "-") return Genome::parse(text);
  return Genome::parse(std::string(std::istreambuf_iterator<char>(std::cin), {}));
}

Genome with_sizes(const Genome& genome, const Sizes& sizes) {
  if (!genome.is_model()) throw Failure({Fault::input, "a part cannot stand alone here; put it into a Decoder<...>"});
  const DecoderLayer all = genoform::with_sizes(genome.decoder(), sizes.vocab, sizes.width, sizes.context);
  return genome.with_sizes(all.vocab, all.width, all.context);
}

Cost cost_of(const Genome& genome, std::int64_t batch, std::int64_t context) { return kinds().cost_of(genome, batch, context); }

std::int64_t training_bytes(const Genome& genome, const Cost& cost, const OptimizerChoice& optimizer) {
  const std::vector<TensorInfo> tensors = kinds().tensors_of(genome);
  return 2 * cost.weight_bytes() + 4 * optimizer_cells(optimizer, tensors) + cost.workspace_bytes();
}

std::unique_ptr<CpuModel> make_model(const Genome& genome, std::uint64_t seed, CpuOptions cpu) {
  return std::make_unique<CpuModel>(kinds().build(genome, {.seed = seed, .backend = Cpu(cpu)}));
}

Genome genome_of_folder(const std::string& folder) { return genome_of(load_folder(folder).value()); }

std::unique_ptr<CpuModel> load_model(const std::string& path, CpuOptions cpu) {
  const Result<Folder> folder = load_folder(path);
  if (!folder) throw Failure(folder.error());
  const Genome genome = genome_of(*folder);
  // A small file that claims a huge model is a wrong file, not a lack of memory.
  std::uint64_t stored = 0;
  for (const auto& tensor : folder->weights.tensors()) stored += tensor.elements();
  const Cost cost = cost_of(genome, 1, 1);
  if (stored < static_cast<std::uint64_t>(cost.parameters) && 8 * cost.parameters > available_memory())
    throw Failure({Fault::input, folder->weights.path() + ": " + std::to_string(stored) + " numbers; the model needs " +
                                     std::to_string(cost.parameters)});
  auto model = make_model(genome, 1, cpu);
  load(*model, *folder).value();
  return model;
}

void print_trace(const Genome& genome, std::int64_t batch, std::int64_t context) {
  auto model = builtin_kinds<Trace>().build(genome, {.seed = 1, .backend = Trace(std::cout)}).value();
  const std::vector<Token> tokens(static_cast<std::size_t>(batch * context), 0);
  model.loss_and_gradient(tokens, tokens, batch);
  std::cout.flush();
}

}  // namespace command
