#pragma once
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/atomic_file.hpp"
#include "genoform/io/config.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/io/safetensors.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

/// A tensor of a model under the name that it has in files (docs/formats/model.md section 3), and the memory of its values.
struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<float> values;
  bool state = false;                     ///< not trained by gradient; F32, or I32 when it has `integers`
  bool optional = false;                  ///< may be missing in a file, and then keeps its values
  bool must_be_f32 = false;               ///< BF16 is refused, as for routers
  std::span<std::int32_t> integers = {};  ///< of a tensor of I32, instead of `values`
  std::int64_t below = 0;                 ///< integers are at least 0 and below this
};

/// How load() fills a model from a folder.
struct LoadOptions {
  /// Loads the tensors whose name and shape the model and the file have in common and leaves the others as they are, for
  /// fine-tuning: another vocabulary or head, more blocks, another kind of sub-layer. Without it every tensor must be there and
  /// fit, and the file may have no other.
  bool partial = false;
};

/// What load() did, by the names of tensors.
struct LoadReport {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;      ///< the model has it, the file does not: as it was
  std::vector<std::string> other_shape;  ///< both have it in different shapes: as it was
  std::vector<std::string> further;      ///< the file has it, the model does not: not used
};

/// A model folder that was opened: its configuration, and its tensors, checked for themselves but not yet against a model.
struct Folder {
  std::string path;
  Config config;
  Safetensors weights;
};

namespace model_folder {

inline std::string file_in(const std::string& folder, std::string_view name) {
  return (std::filesystem::path(folder) / name).string();
}
inline std::string config_file(const std::string& folder) { return file_in(folder, "config.json"); }
inline std::string weights_file(const std::string& folder) { return file_in(folder, "model.safetensors"); }
/// Of a run that may go on (train/checkpoint.hpp).
inline std::string checkpoint_file(const std::string& folder) { return file_in(folder, "checkpoint.safetensors"); }

/// What a folder is that has no configuration: that of a run that was stopped, or no model folder at all.
inline Error no_config(const std::string& folder, const Error& error) {
  std::error_code ignored;
  if (std::filesystem::exists(config_file(folder), ignored) || !std::filesystem::exists(checkpoint_file(folder), ignored))
    return error;
  return {ErrorKind::input, folder +
                                ": holds the checkpoint of a run that was stopped, not yet a model; finish the run with "
                                "genoform train and --resume, or with Trainer::resume() and save()"};
}

/// The configuration of the weights that are about to be written. The rename of the weights is the one moment at which a
/// save takes effect: they name their model in their metadata, so a reader who finds this file knows which one holds.
inline std::string next_config_file(const std::string& folder) { return file_in(folder, "config.json.next"); }

/// The configuration that belongs to `weights`, and whether it still stands in config.json.next since a save was killed.
inline Result<std::pair<Config, bool>> config_of(const std::string& folder, const Metadata& weights) {
  Result<Config> current = read_config(config_file(folder));
  const auto model = weights.find("model");
  if (model != weights.end() && !(current && current->model == model->second)) {
    Result<Config> next = read_config(next_config_file(folder));
    if (next && next->model == model->second) return std::pair(std::move(*next), true);
  }
  if (!current) return current.error();
  return std::pair(std::move(*current), false);
}

/// Makes config.json.next the config.json. Where that is a link, what is behind it is replaced.
inline Result<void> take_next_config(const std::string& folder) {
  std::error_code failed;
  if (std::filesystem::is_symlink(config_file(folder), failed)) {
    const Result<MappedFile> next = MappedFile::open(next_config_file(folder));
    if (!next) return next.error();
    if (Result<void> written = write_file_atomically(config_file(folder), next->text()); !written) return written;
    std::filesystem::remove(next_config_file(folder), failed);
    return atomic_file::sync_folder(folder);
  }
  if (std::rename(next_config_file(folder).c_str(), config_file(folder).c_str()) != 0)
    return file_error(config_file(folder), "replace", errno);
  return atomic_file::sync_folder(folder);
}

/// The index of the first NaN or infinity, or the size.
inline std::size_t first_non_finite(std::span<const float> values) {
  std::size_t i = 0;
  while (i < values.size() && math::is_finite(values[i])) ++i;
  return i;
}
inline std::string non_finite_text(const std::string& file, const std::string& tensor, std::size_t index, float value) {
  return file + ": tensor " + in_quotes(tensor) + ": element " + std::to_string(index) + " is " +
         (value > 0   ? "inf"
          : value < 0 ? "-inf"
                      : "nan");
}

/// Why `wanted` cannot be read from `found`; empty when it can.
inline std::string mismatch(const NamedTensor& wanted, const StoredTensor& found) {
  if (found.shape != wanted.shape)
    return "found shape " + safetensors::shape_text(found.shape) + "; the model needs " + safetensors::shape_text(wanted.shape);
  const bool integers = !wanted.integers.empty();
  const bool bf16 = !integers && !wanted.state && !wanted.must_be_f32;
  if (found.dtype == (integers ? Dtype::I32 : Dtype::F32) || (bf16 && found.dtype == Dtype::BF16)) return {};
  return "found " + std::string(name_of(found.dtype)) + "; allowed is " + (integers ? "I32" : bf16 ? "F32 or BF16" : "F32");
}

/// Checks a tensor of a file that is about to be read; a missing optional one is fine.
inline Result<void> check(const Safetensors& weights, const NamedTensor& wanted) {
  const std::string where = weights.path() + ": tensor " + in_quotes(wanted.name) + ": ";
  const std::size_t size = wanted.integers.empty() ? wanted.values.size() : wanted.integers.size();
  if (safetensors::byte_count(Dtype::U8, wanted.shape) != size)
    return Error{ErrorKind::usage,
                 where + "memory for " + std::to_string(size) + " values is not " + safetensors::shape_text(wanted.shape)};
  const StoredTensor* const found = weights.find(wanted.name);
  if (found == nullptr && wanted.optional) return {};
  if (found == nullptr)
    return Error{ErrorKind::input, where + "missing; the model needs " + safetensors::shape_text(wanted.shape)};
  if (const std::string wrong = mismatch(wanted, *found); !wrong.empty()) return Error{ErrorKind::input, where + wrong};
  if (!wanted.integers.empty()) {
    std::vector<std::int32_t> integers(size);
    weights.copy(*found, std::span<std::int32_t>(integers));
    for (std::size_t i = 0; i < size && wanted.below > 0; ++i)
      if (integers[i] < 0 || integers[i] >= wanted.below)
        return Error{ErrorKind::input, where + "element " + std::to_string(i) + " is " + std::to_string(integers[i]) +
                                           "; allowed are 0 to " + std::to_string(wanted.below - 1)};
    return {};
  }
  std::vector<float> values(size);
  weights.copy(*found, std::span<float>(values));
  const std::size_t index = first_non_finite(values);
  if (index < size) return Error{ErrorKind::input, non_finite_text(weights.path(), wanted.name, index, values[index])};
  return {};
}

}  // namespace model_folder

/// Opens a model folder. Errors: no folder, or what read_config and read_safetensors refuse.
inline Result<Folder> load_folder(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return Error{ErrorKind::input, path + ": no such model folder"};
  Result<Safetensors> weights = read_safetensors(model_folder::weights_file(path));
  if (!weights) {
    // A broken configuration is the plainer news where both are broken or missing.
    const Result<Config> config = read_config(model_folder::config_file(path));
    return config ? weights.error() : model_folder::no_config(path, config.error());
  }
  Result<std::pair<Config, bool>> config = model_folder::config_of(path, weights->metadata());
  if (!config) return config.error();
  return Folder{path, std::move(config->first), std::move(*weights)};
}

namespace model_folder {

/// Sorts the tensors of a model and of a file by what load() can do with them.
inline LoadReport compare(const Safetensors& weights, std::span<const NamedTensor> tensors) {
  LoadReport report;
  std::set<std::string_view> known;
  for (const NamedTensor& tensor : tensors) {
    known.insert(tensor.name);
    const StoredTensor* const found = weights.find(tensor.name);
    auto& names = found == nullptr ? report.missing : found->shape != tensor.shape ? report.other_shape : report.loaded;
    names.push_back(tensor.name);
  }
  for (const StoredTensor& found : weights.tensors())
    if (!known.contains(found.name)) report.further.push_back(found.name);
  return report;
}

}  // namespace model_folder

/// Reads the tensors of a folder into their memory and reports which. A mistyped or non-finite one, or, unless `partial`, a
/// missing, further or misshapen one is an error that names it (input), and then no value has changed (doubled ones were refused
/// by load_folder). So is a partial load that finds nothing.
inline Result<LoadReport> fill(const Folder& folder, std::span<const NamedTensor> tensors, LoadOptions options = {}) {
  LoadReport report = model_folder::compare(folder.weights, tensors);
  const std::set<std::string_view> fitting(report.loaded.begin(), report.loaded.end());
  for (const NamedTensor& tensor : tensors)
    if (!options.partial || fitting.contains(tensor.name))
      if (Result<void> checked = model_folder::check(folder.weights, tensor); !checked) return checked.error();
  if (!options.partial && !report.further.empty())
    return Error{ErrorKind::input,
                 folder.weights.path() + ": tensor " + in_quotes(report.further[0]) + ": the model has none of this name"};
  if (options.partial && report.loaded.empty())
    return Error{ErrorKind::input, folder.weights.path() + ": no tensor has the name and shape of one of the model"};
  for (const NamedTensor& tensor : tensors) {
    if (!fitting.contains(tensor.name)) continue;
    const StoredTensor* const found = folder.weights.find(tensor.name);
    if (tensor.integers.empty())
      folder.weights.copy(*found, tensor.values);
    else
      folder.weights.copy(*found, tensor.integers);
  }
  return report;
}

/// Writes a model folder: `text` is the model's canonical text, `tokenizer` a JSON object; further keys of a configuration
/// that is there are kept. Killed at any moment it leaves the old model or the new one. Errors: a non-finite value
/// (ErrorKind::not_finite), a config.json that is not ours, what the disk says; all leave the old model.
inline Result<void> save_folder(const std::string& path, const std::string& text, std::span<const NamedTensor> tensors,
                                const std::string& tokenizer = "{}") {
  std::vector<TensorData> data;
  for (const NamedTensor& tensor : tensors) {
    if (const std::size_t i = model_folder::first_non_finite(tensor.values); i < tensor.values.size())
      return Error{ErrorKind::not_finite,
                   model_folder::non_finite_text(model_folder::weights_file(path), tensor.name, i, tensor.values[i])};
    data.push_back(tensor.integers.empty()
                       ? tensor_data(tensor.name, tensor.shape, std::span<const float>(tensor.values))
                       : tensor_data(tensor.name, tensor.shape, std::span<const std::int32_t>(tensor.integers)));
  }
  std::error_code failed;
  const bool is_new = std::filesystem::create_directories(path, failed);
  if (failed) return file_error(path, "create", failed.value());
  if (is_new)
    if (Result<void> synced = atomic_file::sync_folder(atomic_file::folder_of(path)); !synced) return synced;

  Config config{.model = text, .tokenizer = tokenizer};
  const Result<Safetensors> old_weights = read_safetensors(model_folder::weights_file(path));
  if (std::filesystem::exists(model_folder::config_file(path), failed) ||
      std::filesystem::exists(model_folder::weights_file(path), failed)) {
    const Result<std::pair<Config, bool>> old = model_folder::config_of(path, old_weights ? old_weights->metadata() : Metadata{});
    if (!old) return Error{old.error().error_kind, old.error().message + " (only a model folder is written over)"};
    config.further = old->first.further;
    // Else a second interrupted save would lose the configuration of the weights that are there.
    if (old->second)
      if (Result<void> taken = model_folder::take_next_config(path); !taken) return taken;
  }
  if (Result<void> staged = write_config(model_folder::next_config_file(path), config); !staged) return staged;
  const Metadata metadata{{"format", std::string(config::format)}, {"model", text}};
  if (Result<void> written = write_safetensors(model_folder::weights_file(path), data, metadata); !written) return written;
  return model_folder::take_next_config(path);
}

}  // namespace genoform::inner::io

namespace genoform {
using inner::io::LoadReport;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
