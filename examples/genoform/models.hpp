#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "genoform/backend/cpu.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/model/basic_model.hpp"

/// Texts, folders and the models they become. models.cpp is the only file that instantiates the registry.
namespace command {

using CpuModel = genoform::BasicModel<genoform::Cpu>;

/// What a text leaves open and the machine decides. Sizes of 0 are not given.
struct ModelRequest {
  int vocab = 0, width = 0, context = 0;
  std::uint64_t seed = 1;
  int threads = 0;  ///< 0: one a processor
};

/// TEXT itself, or what stands in the file behind "@".
genoform::Genome read_genome(const std::string& text);
/// The model of a text on the cpu back end; throws Failure.
std::unique_ptr<CpuModel> make_model(const genoform::Genome& genome, const ModelRequest& request);
/// The model of a folder with its weights; throws Failure.
std::unique_ptr<CpuModel> load_model(const std::string& folder, int threads);

}  // namespace command
