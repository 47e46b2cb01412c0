#pragma once
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/io/model_folder.hpp"
#include "genoform/io/safetensors.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/host_copy.hpp"
#include "genoform/train/finite.hpp"
#include "genoform/train/optimizer.hpp"
#include "genoform/version.hpp"

#include "genoform/core/hide_macros.hpp"

/// A checkpoint holds everything that changes while a model is trained, so that a loop that is broken off goes on to the same
/// bits. Trainer::save() and resume() use it; a loop of the caller's own calls save() and load():
///
///   const auto optimizer = AdamW{}.bind(model);
///   std::int64_t step = 0;
///   if (checkpoint::exists(folder)) step = std::stoll(checkpoint::setting(*checkpoint::load(folder, model, *optimizer),
///   "step")); for (; step < steps; ++step) {
///     model.set_round(step);  // only routers with noise look at it
///     ...                     // a batch that depends on `step` alone, its gradient, optimizer->update(), model.after_step()
///     checkpoint::save(folder, model, *optimizer, {{"step", std::to_string(step + 1)}}).value();
///   }
///
/// It is one safetensors file, FOLDER/checkpoint.safetensors, so that one rename replaces all of it: `weights.<tensor>`,
/// `state.<tensor>`, the optimizer's state under its own names, and as metadata the settings of the run. Gradients are not in it:
/// save between two steps.
namespace genoform::checkpoint {

/// What a run was started with and how far it is: names and values of the caller's choice, in order.
using RunSettings = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view format = "genoform-checkpoint-1";
inline std::string path_in(const std::string& folder) { return model_folder::checkpoint_file(folder); }
inline bool exists(const std::string& folder) {
  std::error_code ignored;
  return std::filesystem::exists(path_in(folder), ignored);
}
/// The value of a setting; empty when there is none of that name.
inline std::string setting(const RunSettings& settings, const std::string& name) {
  for (const auto& [key, value] : settings)
    if (key == name) return value;
  return {};
}

/// Shows where two texts part: `... has "Ffn<SqReLU>>, 4>...", not "Ffn<ReLU>>, 4>..."`.
inline std::string difference(std::string_view found, std::string_view wanted) {
  std::size_t at = static_cast<std::size_t>(std::ranges::mismatch(found, wanted).in1 - found.begin());
  while (at > 0 && found[at - 1] != ' ' && found[at - 1] != '<') --at;
  const auto rest = [at](std::string_view text) {
    const bool cut = text.size() > at + 60;
    return "\"" + std::string(at > 0 ? "..." : "") + std::string(text.substr(std::min(at, text.size()), 60)) +
           (cut ? "..." : "") + "\"";
  };
  return "has " + rest(found) + " where " + rest(wanted) + " is wanted";
}

/// The shortest digits that read back as the same number.
inline std::string number_text(float number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

/// Does visit(name, info, owner) for everything that changes while a model is trained; owner.read(info, span) and
/// owner.write(info, span) copy its numbers.
template <class Backend, class Visit>
void each_tensor(BasicModel<Backend>& model, Optimizer<Backend>& optimizer, Visit&& visit) {
  for (const TensorInfo& info : model.tensors())
    visit((info.tensor.memory == Memory::state ? "state." : "weights.") + info.name, info, model);
  for (const OptimizerState& state : optimizer.state()) visit(state.name, state, optimizer);
}

/// Writes FOLDER/checkpoint.safetensors, whole or not at all; the folder is made where there is none. Errors: parameters that are
/// not finite (not_finite), what the disk says (resources); what was there stays.
template <class Backend>
Result<void> save(const std::string& folder, BasicModel<Backend>& model, Optimizer<Backend>& optimizer,
                  const RunSettings& settings = {}) {
  using Real = typename Backend::Real;
  const std::string path = path_in(folder);
  const std::string bad = first_not_finite(model, Memory::weights);
  if (!bad.empty()) return Error{ErrorKind::not_finite, path + ": not written: tensor " + bad + " is not finite"};
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error{ErrorKind::resources, folder + ": cannot be made: " + failed.message()};
  Metadata metadata{{"format", std::string(format)}, {"model", model.text()}, {"genoform", std::string(library_version)}};
  for (const auto& [name, value] : settings) metadata["run." + name] = value;
  std::vector<TensorData> tensors;
  HostCopy<Backend> copy;
  each_tensor(model, optimizer, [&](std::string name, const auto& info, auto& owner) {
    tensors.push_back(tensor_data(std::move(name), info.shape, std::span<const Real>(copy.of(owner, info))));
  });
  return write_safetensors(path, tensors, metadata);
}

/// The file of a checkpoint, its format checked.
inline Result<Safetensors> open(const std::string& folder) {
  Result<Safetensors> file = read_safetensors(path_in(folder));
  if (!file) return file;
  const auto found = file->metadata().find("format");
  if (found == file->metadata().end() || found->second != format)
    return Error{ErrorKind::input,
                 file->path() + ": not a checkpoint: metadata key \"format\" is not \"" + std::string(format) + "\""};
  return file;
}

/// A setting of the run that wrote the file; empty when there is none of that name.
inline std::string setting(const Safetensors& file, const std::string& name) {
  const auto found = file.metadata().find("run." + name);
  return found == file.metadata().end() ? std::string() : found->second;
}
inline RunSettings settings_of(const Safetensors& file) {
  RunSettings settings;
  for (const auto& [key, value] : file.metadata())
    if (key.starts_with("run.")) settings.emplace_back(key.substr(4), value);
  return settings;
}
/// Says which of these settings has another value in the file, if one has.
inline Result<void> check_settings(const Safetensors& file, const RunSettings& required) {
  for (const auto& [name, value] : required) {
    const std::string found = setting(file, name);
    if (found != value)
      return Error{ErrorKind::input, file.path() + ": the run has " + name + " " + (found.empty() ? "none" : found) +
                                         ", this one " + name + " " + (value.empty() ? "none" : value)};
  }
  return {};
}

/// Fills the model and the optimizer from a file that matches them in every name and shape; else changes nothing and says what
/// differs.
template <class Backend>
Result<void> fill(const Safetensors& file, BasicModel<Backend>& model, Optimizer<Backend>& optimizer) {
  using Real = typename Backend::Real;
  const auto text = file.metadata().find("model");
  if (text == file.metadata().end()) return Error{ErrorKind::input, file.path() + ": metadata key \"model\" is missing"};
  if (text->second != model.text())
    return Error{ErrorKind::input, file.path() + ": another model: " + difference(text->second, model.text())};
  std::string wrong;
  std::size_t expected = 0;
  each_tensor(model, optimizer, [&](const std::string& name, const auto& info, const auto&) {
    ++expected;
    const auto* stored = file.find(name);
    if (!wrong.empty()) return;
    if (stored == nullptr)
      wrong = "tensor \"" + name + "\" is missing";
    else if (stored->shape != info.shape || bits_of(stored->dtype) != 8 * sizeof(Real) ||
             static_cast<std::uint64_t>(info.tensor.size()) != stored->elements())
      wrong = "tensor \"" + name + "\" has another shape or type";
  });
  if (wrong.empty() && file.tensors().size() != expected) wrong = "it has further tensors";
  for (const TensorInfo& info : model.tensors()) {
    if (!wrong.empty() || info.below == 0) continue;
    std::vector<Real> elements(static_cast<std::size_t>(info.tensor.size()));
    file.copy(*file.find("state." + info.name), std::span<Real>(elements));
    const std::span<const IndexOf<Real>> integers(reinterpret_cast<const IndexOf<Real>*>(elements.data()), elements.size());
    if (std::ranges::any_of(integers, [&](auto i) { return i < 0 || i >= info.below; }))
      wrong = "tensor \"state." + info.name + "\" has a number that is not from 0 to " + std::to_string(info.below - 1);
  }
  if (!wrong.empty()) return Error{ErrorKind::input, file.path() + ": " + wrong};
  std::vector<Real> values;
  each_tensor(model, optimizer, [&](const std::string& name, const auto& info, auto& owner) {
    values.resize(static_cast<std::size_t>(info.tensor.size()));
    file.copy(*file.find(name), std::span<Real>(values));
    owner.write(info, values);
  });
  return {};
}

/// Reads what save() wrote into a model of the same text and an optimizer of the same kind; returns the settings of the run, by
/// name. `required`: settings that must be the same as in the file. Errors (input), after which nothing has changed: no
/// checkpoint, a damaged one, another model, optimizer or required setting; the message says what differs.
template <class Backend>
Result<RunSettings> load(const std::string& folder, BasicModel<Backend>& model, Optimizer<Backend>& optimizer,
                         const RunSettings& required = {}) {
  Result<Safetensors> file = open(folder);
  if (!file) return file.error();
  if (Result<void> same = check_settings(*file, required); !same) return same.error();
  if (Result<void> filled = fill(*file, model, optimizer); !filled) return filled.error();
  return settings_of(*file);
}

}  // namespace genoform::checkpoint

#include "genoform/core/restore_macros.hpp"
