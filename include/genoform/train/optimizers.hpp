#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/train/adafactor.hpp"
#include "genoform/train/adamw.hpp"
#include "genoform/train/optimizer.hpp"
#include "genoform/train/optimizer_choice.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// A setting as a program offers it.
struct OptimizerSettingInfo {
  std::string_view name;
  double otherwise, low, high;  ///< its default, and the numbers that it allows
  std::string_view help;
};

/// An optimizer that a program can choose by name.
template <class Backend>
struct OptimizerKind {
  std::string_view name, help;
  std::vector<OptimizerSettingInfo> settings;
  std::unique_ptr<Optimizer<Backend>> (*make)(const OptimizerChoice&, BasicModel<Backend>&);
  std::int64_t (*elements)(const OptimizerChoice&, std::span<const TensorInfo>);
  void (*rehearse)(const Backend&, std::int64_t parameters);
};

/// The optimizers that a program can choose by name on a back end. A plain value, as Kinds: nothing is global.
template <class Backend>
class Optimizers {
 public:
  /// Adds an optimizer by its settings: `optimizers.add<Lion>()`. A name that is taken throws Exception.
  template <OptimizerSettings S>
  Optimizers& add() {
    for (const OptimizerKind<Backend>& kind : kinds_)
      if (kind.name == S::name)
        throw Exception({ErrorKind::usage, "an optimizer named \"" + std::string(S::name) + "\" exists already"});
    kinds_.push_back({S::name, S::help, infos_of<S>(),
                      [](const OptimizerChoice& choice, BasicModel<Backend>& model) { return choice.as<S>().bind(model); },
                      [](const OptimizerChoice& choice, std::span<const TensorInfo> tensors) {
                        return std::int64_t{choice.as<S>().elements(tensors)};
                      },
                      &rehearse_one<S>});
    return *this;
  }

  /// The optimizer of a name; throws Exception (usage) when there is none.
  const OptimizerKind<Backend>& find(std::string_view name) const {
    grammar::Nearest nearest(name);
    std::string names;
    for (const OptimizerKind<Backend>& kind : kinds_) {
      if (kind.name == name) return kind;
      nearest.add(kind.name);
      names += (names.empty() ? "" : ", ") + std::string(kind.name);
    }
    const std::string guess = nearest.best().empty() ? "" : "; did you mean \"" + std::string(nearest.best()) + "\"?";
    throw Exception({ErrorKind::usage, "there is no optimizer \"" + std::string(name) + "\"; allowed: " + names + guess});
  }
  const std::vector<OptimizerKind<Backend>>& all() const { return kinds_; }

  /// The chosen optimizer, for one model, which must outlive it and stay where it is. Throws Exception when a setting makes no
  /// sense.
  std::unique_ptr<Optimizer<Backend>> make(const OptimizerChoice& choice, BasicModel<Backend>& model) const {
    return find(choice.name).make(choice, model);
  }
  /// Numbers of memory that it needs beside the parameters and gradients of a model of these tensors.
  std::int64_t elements(const OptimizerChoice& choice, std::span<const TensorInfo> tensors) const {
    return find(choice.name).elements(choice, tensors);
  }

 private:
  template <class S>
  static std::vector<OptimizerSettingInfo> infos_of() {
    std::vector<OptimizerSettingInfo> infos;
    OptimizerChoice::each_setting<S>([&](const auto& setting) {
      infos.push_back({setting.name, static_cast<double>(S{}.*setting.member), setting.low, setting.high, setting.help});
    });
    return infos;
  }
  template <class S>
  static void rehearse_one(const Backend& backend, std::int64_t parameters) {
    if constexpr (requires { S::rehearse(backend, parameters); }) S::rehearse(backend, parameters);
  }

  std::vector<OptimizerKind<Backend>> kinds_;
};

/// The library's optimizers on a back end.
template <class Backend>
Optimizers<Backend> builtin_optimizers() {
  Optimizers<Backend> optimizers;
  optimizers.template add<AdamW>().template add<Adafactor>();
  return optimizers;
}

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::Optimizers;
}  // namespace genoform

namespace genoform::extend {
using inner::train::builtin_optimizers;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
