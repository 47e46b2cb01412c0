#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/memory.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/io/model_folder.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/model_files.hpp"

namespace genoform::inner::train {

/// The genome that an opened folder names, a Decoder with all its sizes; `names`: the kinds that it may use. Errors (input) name
/// the file and the position in the text.
inline Result<Genome> genome_of(const Folder& folder, const KindNames& names = {}) {
  const std::string where = model_folder::config_file(folder.path) + ": key \"model\": ";
  const Result<Genome> genome = Genome::parse(folder.config.model, names);
  if (!genome) return Error{genome.error().error_kind, where + genome.error().message};
  if (!genome->is_model() || !genome->has_sizes())
    return Error{ErrorKind::input, where + "must be a Decoder with Vocab, Width and Context"};
  return genome;
}

namespace model_loading {

/// Refuses a small file that claims a huge model, as a wrong file and not as a lack of memory.
template <class Backend>
Result<void> check_claim(const Folder& folder, const Genome& genome, const Kinds<Backend>& kinds) {
  const Result<std::vector<TensorInfo>> tensors = kinds.tensors_of(genome);
  if (!tensors) return tensors.error();
  std::int64_t stored = 0, needed = 0;
  for (const StoredTensor& tensor : folder.weights.tensors()) stored += static_cast<std::int64_t>(tensor.elements());
  for (const TensorInfo& info : *tensors)
    if (info.tensor.memory == Memory::weights) needed += info.tensor.size();
  const auto bytes = static_cast<double>(needed) * 2 * sizeof(typename Backend::Real);
  if (stored >= needed || bytes <= static_cast<double>(available_memory())) return {};
  return Error{ErrorKind::input,
               folder.weights.path() + ": " + std::to_string(stored) + " numbers; the model needs " + std::to_string(needed)};
}

}  // namespace model_loading

/// The model of an opened folder, with the weights of the folder and what its routers remember. No initial parameters are sampled
/// first. `options`: the back end, storage and training of routers; the folder has the sizes. Errors: a text that is not a model
/// of these kinds, tensors that do not fit it (input); too little memory (resources).
template <class Backend>
Result<BasicModel<Backend>> load_model(const Folder& folder, const Kinds<Backend>& kinds, ModelOptions<Backend> options = {}) {
  const Result<Genome> genome = genome_of(folder, kinds.names());
  if (!genome) return genome.error();
  if (Result<void> checked = model_loading::check_claim(folder, *genome, kinds); !checked) return checked.error();
  options.initialize = false;
  Result<BasicModel<Backend>> model = kinds.build(*genome, std::move(options));
  if (!model) return model;
  if (Result<LoadReport> loaded = load(*model, folder); !loaded) return loaded.error();
  return model;
}
/// The same from the folder at a path. Errors: also no folder, or a damaged one (input).
template <class Backend>
Result<BasicModel<Backend>> load_model(const std::string& path, const Kinds<Backend>& kinds, ModelOptions<Backend> options = {}) {
  const Result<Folder> folder = load_folder(path);
  if (!folder) return folder.error();
  return load_model(*folder, kinds, std::move(options));
}
/// The same of the library's own kinds: `BasicModel<Cpu> model = load_model<Cpu>("my-net");`. It compiles all of them; a program
/// that knows the type of its model makes a Model<Net, Backend> with {.initialize = false} and calls load().
template <class Backend>
Result<BasicModel<Backend>> load_model(const std::string& path, ModelOptions<Backend> options = {}) {
  return load_model(path, builtin_kinds<Backend>(), std::move(options));
}

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::load_model;
}  // namespace genoform
