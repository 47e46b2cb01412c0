#pragma once
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/io/model_folder.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/host_copy.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// The tensors of a model as its folder has them (docs/formats/model.md section 3), by a copy that must live as long.
template <class Backend>
std::vector<NamedTensor> named_tensors(BasicModel<Backend>& model, HostCopy<Backend>& copy) {
  static_assert(std::is_same_v<typename Backend::Real, float>, "model folders hold single precision");
  std::vector<NamedTensor> named;
  for (const TensorInfo& info : model.tensors()) {
    if (info.transient) continue;
    NamedTensor tensor{.name = info.name,
                       .shape = info.shape,
                       .values = copy.of(model, info),
                       .state = info.tensor.memory == Memory::state,
                       .optional = info.optional,
                       .must_be_f32 = info.is_f32};
    if (info.tensor.element_type == ElementType::index) {
      tensor.integers = {reinterpret_cast<std::int32_t*>(tensor.values.data()), tensor.values.size()};
      tensor.values = {};
      tensor.below = info.below;
    }
    named.push_back(std::move(tensor));
  }
  return named;
}

/// Writes config.json and model.safetensors into a folder, which is made where there is none; whole or not at all. Errors: what
/// the disk says (resources, input); a number that is not finite (not_finite); what was there stays.
template <class Backend>
Result<void> save(BasicModel<Backend>& model, const std::string& folder) {
  HostCopy<Backend> copy;
  return save_folder(folder, model.text(), named_tensors(model, copy));
}

/// Reads the weights of an opened folder, and what its routers remember, into a model; says what was loaded. The folder must hold
/// exactly the tensors of the model; with {.partial = true} those that fit are loaded, and the report names the others. Errors
/// (input), after which nothing has changed, name the file and the tensor: see fill().
template <class Backend>
Result<LoadReport> load(BasicModel<Backend>& model, const Folder& folder, LoadOptions options = {}) {
  HostCopy<Backend> copy;
  Result<LoadReport> filled = fill(folder, named_tensors(model, copy), options);
  if (filled) copy.write_back();
  return filled;
}
/// The same from the folder at a path: `load(model, "my-net").value()`. Unless `partial`, the folder must also name the text of
/// this model. Errors: also no folder, or a damaged one (input).
template <class Backend>
Result<LoadReport> load(BasicModel<Backend>& model, const std::string& path, LoadOptions options = {}) {
  const Result<Folder> folder = load_folder(path);
  if (!folder) return folder.error();
  if (!options.partial && folder->config.model != model.text())
    return Error{ErrorKind::input, path + ": another model: has \"" + folder->config.model + "\", not \"" + model.text() + "\""};
  return load(model, *folder, options);
}

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::load;
using inner::train::save;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
