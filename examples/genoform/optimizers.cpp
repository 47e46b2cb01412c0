#include "optimizers.hpp"

#include <vector>

#include "common.hpp"

namespace command {

using namespace genoform;
using namespace genoform::inner;

Optimizers<Cpu>& optimizers() {
  static Optimizers<Cpu> all = builtin_optimizers<Cpu>();
  return all;
}

namespace {

/// Who has a setting, as in "adamw" or "adafactor".
std::string owners_of(const std::string& setting) {
  std::string owners;
  for (const auto& kind : optimizers().all())
    for (const OptimizerSettingInfo& info : kind.settings)
      if (info.name == setting) owners += (owners.empty() ? "" : " and ") + std::string(kind.name);
  return owners;
}

/// The help of each setting: `adamw: ... (default: 0.9); adafactor: ...`.
std::map<std::string, std::string> help_of_settings() {
  std::map<std::string, std::string> help;
  for (const auto& kind : optimizers().all())
    for (const OptimizerSettingInfo& info : kind.settings) {
      std::string& text = help[std::string(info.name)];
      text += (text.empty() ? "" : "; ") + std::string(kind.name) + ": " + std::string(info.help) +
              " (default: " + general_text(info.otherwise) + ")";
    }
  return help;
}

}  // namespace

void add_optimizer(CLI::App& app, OptimizerOptions& o) {
  std::vector<std::string> names;
  std::string help;
  for (const auto& kind : optimizers().all()) {
    names.emplace_back(kind.name);
    help += (help.empty() ? "" : "; ") + std::string(kind.name) + ": " + std::string(kind.help);
  }
  app.add_option("--optimizer", o.name, help)->check(CLI::IsMember(names))->capture_default_str();
  for (const auto& [setting, text] : help_of_settings())
    app.add_option_function<std::string>(
           "--" + setting, [&o, setting = setting](const std::string& value) { o.settings[setting] = *number_of<double>(value); },
           text)
        ->check(CLI::Validator([](std::string& value) { return complaint_about<double>(value, any_number()); }, ""))
        ->type_name("FLOAT");
}

OptimizerChoice optimizer_of(const OptimizerOptions& o) {
  OptimizerChoice choice(o.name);
  const auto& known = optimizers().find(o.name).settings;
  for (const auto& [setting, value] : o.settings) {
    bool is_known = false;
    for (const OptimizerSettingInfo& info : known) is_known = is_known || info.name == setting;
    if (!is_known) usage_error("--" + setting + " is a setting of " + owners_of(setting) + ", not of " + o.name);
    choice.settings.emplace_back(setting, value);
  }
  optimizers().elements(choice, {});  // refuses numbers that a setting does not allow before anything is read
  return choice;
}

}  // namespace command
