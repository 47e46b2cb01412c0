#pragma once
#include <cmath>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/suggest.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// A setting of an optimizer: its name in texts and options, its member (a floating-point number, an integer or a bool, which is
/// 0 or 1), the numbers that it allows, and one line of help.
template <class S, class Value>
struct OptimizerSetting {
  std::string_view name;
  Value S::*member;
  double low, high;
  std::string_view help;
};
template <class S, class Value>
constexpr OptimizerSetting<S, Value> optimizer_setting(std::string_view name, Value S::*member, double low, double high,
                                                       std::string_view help) {
  return {name, member, low, high, help};
}

/// The settings of an optimizer, a plain struct of values:
///   static constexpr std::string_view name = "lion", help = "the sign of a running mean";
///   static constexpr auto settings() { return std::tuple{optimizer_setting("beta1", &Lion::beta1, 0, 0.999, "...")}; }
///   template <class Backend> std::unique_ptr<Optimizer<Backend>> bind(BasicModel<Backend>&) const;  // train/optimizer.hpp
///   std::int64_t elements(std::span<const TensorInfo>) const;  // numbers that it needs beside parameters and gradients
/// An optimizer whose operations need scratch of the back end also has rehearse(backend, parameters), as AdamW has.
template <class S>
concept OptimizerSettings = requires {
  std::string_view(S::name);
  std::string_view(S::help);
  S::settings();
};

/// An optimizer by name, with the settings that differ from its own defaults: `{.optimizer = Adafactor{.beta2 = 0.99}}` or
/// `{.optimizer = {"lion", {{"beta1", 0.9}}}}`. Plain data: what the name stands for is known to Optimizers<Backend>.
struct OptimizerChoice {
  std::string name = "adamw";
  std::vector<std::pair<std::string, double>> settings{};

  OptimizerChoice() = default;
  OptimizerChoice(std::string optimizer, std::vector<std::pair<std::string, double>> given = {})
      : name(std::move(optimizer)), settings(std::move(given)) {}
  template <OptimizerSettings S>
  OptimizerChoice(const S& chosen) : name(S::name) {
    each_setting<S>([&](const auto& setting) {
      if (chosen.*setting.member != S{}.*setting.member)
        settings.emplace_back(setting.name, static_cast<double>(chosen.*setting.member));
    });
  }
  friend bool operator==(const OptimizerChoice&, const OptimizerChoice&) = default;

  template <OptimizerSettings S>
  static void each_setting(auto&& visit) {
    std::apply([&](const auto&... all) { (visit(all), ...); }, S::settings());
  }
  /// As the settings of an optimizer. Throws Exception (usage) when one is not known or not allowed.
  template <OptimizerSettings S>
  S as() const {
    S chosen;
    for (const auto& [setting, value] : settings) set(chosen, setting, value);
    return chosen;
  }

 private:
  template <class S>
  static void set(S& chosen, const std::string& name, double value) {
    bool found = false;
    grammar::Nearest nearest(name);
    std::string names;
    each_setting<S>([&](const auto& setting) {
      nearest.add(setting.name);
      names += (names.empty() ? "" : ", ") + std::string(setting.name);
      if (setting.name != name) return;
      found = true;
      if (!(value >= setting.low && value <= setting.high)) refuse_value<S>(name, setting.low, setting.high);
      using Value = std::remove_reference_t<decltype(chosen.*setting.member)>;
      if (std::is_integral_v<Value> && value != std::trunc(value))
        throw Exception({ErrorKind::usage, name + " of the optimizer " + std::string(S::name) + " is " + general_text(value) +
                                               "; an integer is needed"});
      chosen.*setting.member = static_cast<Value>(value);
    });
    if (found) return;
    const std::string guess = nearest.best().empty() ? "" : "; did you mean \"" + std::string(nearest.best()) + "\"?";
    throw Exception({ErrorKind::usage, "\"" + name + "\" is not a setting of the optimizer " + std::string(S::name) +
                                           "; allowed: " + names + guess});
  }
  template <class S>
  [[noreturn]] static void refuse_value(const std::string& name, double low, double high) {
    throw Exception({ErrorKind::usage, name + " of the optimizer " + std::string(S::name) +
                                           " is out of range; allowed: " + general_text(low) + " to " + general_text(high)});
  }
};

}  // namespace genoform::inner::train

namespace genoform::extend {
using inner::train::optimizer_setting;
using inner::train::OptimizerChoice;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
