#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "genoform/backend/cpu.hpp"
#include "genoform/cost/cost.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/report/kept_memory.hpp"
#include "genoform/train/optimizer_choice.hpp"

/// Texts, folders and the models they become. models.cpp is the only file that instantiates the registry. All of it throws
/// Exception.
namespace command {

using CpuModel = genoform::BasicModel<genoform::Cpu>;

/// Sizes that a text leaves open; 0: not given.
struct Sizes {
  int vocab = 0, width = 0, context = 0;
};

/// The genome of a text; "-" reads it from stdin.
genoform::Genome read_genome(const std::string& text);
/// The same with all sizes; an error where one is missing or contradicts.
genoform::Genome with_sizes(const genoform::Genome& genome, const Sizes& sizes);
/// How training passes lie in memory, of a model whose weights change.
constexpr genoform::inner::PassLayout training_layout(bool recompute, genoform::cpu::Precision precision) {
  return {.hold = false, .recompute = recompute, .activations = precision.activations()};
}
/// The cost of a genome that has all sizes.
genoform::Cost cost_of(const genoform::Genome& genome, std::int64_t batch, std::int64_t context,
                       const genoform::inner::PassLayout& layout = {.hold = false});
/// Bytes of what an optimizer remembers of it.
std::int64_t optimizer_bytes(const genoform::Genome& genome, const genoform::inner::OptimizerChoice& optimizer);
/// Bytes of training it: parameters, gradients, activations, and what the optimizer remembers.
std::int64_t training_bytes(const genoform::Genome& genome, const genoform::Cost& cost,
                            const genoform::inner::OptimizerChoice& optimizer);

/// The memory of a training step with that optimizer on the cpu back end, without the optimizer's state.
genoform::inner::MemoryUse memory_of(const genoform::Genome& genome, genoform::Shape shape,
                                     const genoform::inner::PassLayout& layout, genoform::CpuOptions cpu,
                                     const genoform::inner::OptimizerChoice& optimizer);
/// What that step keeps for its backward pass, and why.
genoform::KeptMemory kept_memory_of(const genoform::Genome& genome, genoform::Shape shape,
                                    const genoform::inner::PassLayout& layout);

/// The model of a genome that has all sizes, on the cpu back end. Threads 0: one a processor.
std::unique_ptr<CpuModel> make_model(const genoform::Genome& genome, std::uint64_t seed, genoform::CpuOptions cpu);
/// The genome of a model folder, which must exist.
genoform::Genome genome_of_folder(const std::string& folder);
/// The model of a folder with its weights.
std::unique_ptr<CpuModel> load_model(const std::string& folder, genoform::CpuOptions cpu);
/// Writes the stream of operations of one training step to stdout.
void print_trace(const genoform::Genome& genome, genoform::Shape shape, const genoform::inner::PassLayout& layout);

}  // namespace command
