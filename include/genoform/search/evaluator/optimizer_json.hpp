#pragma once
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/train/optimizer_choice.hpp"

namespace genoform::search {

/// An optimizer with its settings in JSON: {"name": "adamw", "beta1": 0.9, ...}.
namespace optimizer_json {

struct AdamWFields : AdamW {
  static constexpr const char* name = "adamw";
  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("epsilon", self.epsilon);
    visit("weight_decay", self.weight_decay);
    visit("clip", self.clip);
  }
};

struct AdafactorFields : Adafactor {
  static constexpr const char* name = "adafactor";
  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("exponent", self.exponent);
    visit("update_clip", self.update_clip);
    visit("epsilon1", self.epsilon1);
    visit("epsilon2", self.epsilon2);
    visit("relative", self.relative);
    visit("weight_decay", self.weight_decay);
    visit("factor_from", self.factor_from);
  }
};

template <class Fields, class Settings>
nlohmann::json write(const Settings& settings) {
  nlohmann::json j = json_of(Fields{settings});
  j["name"] = Fields::name;
  return j;
}

}  // namespace optimizer_json

/// An OptimizerChoice as a field of a JsonStruct.
struct OptimizerField {
  OptimizerChoice choice{};

  nlohmann::json to_json() const {
    using namespace optimizer_json;
    if (const auto* adamw = std::get_if<AdamW>(&choice)) return write<AdamWFields>(*adamw);
    return write<AdafactorFields>(std::get<Adafactor>(choice));
  }
  /// Throws Exception (input) for an unknown name or setting.
  static OptimizerField from_json(const nlohmann::json& j) {
    using namespace optimizer_json;
    if (!j.is_object() || !j.contains("name")) throw Exception({ErrorKind::input, "optimizer: \"name\" is missing"});
    nlohmann::json settings = j;
    settings.erase("name");
    const nlohmann::json& name = j.at("name");
    if (name == AdamWFields::name) return {static_cast<AdamW>(genoform::from_json<AdamWFields>(settings, "adamw"))};
    if (name == AdafactorFields::name)
      return {static_cast<Adafactor>(genoform::from_json<AdafactorFields>(settings, "adafactor"))};
    throw Exception({ErrorKind::input, "optimizer: unknown " + name.dump() + "; known are adamw and adafactor"});
  }
};

}  // namespace genoform::search
