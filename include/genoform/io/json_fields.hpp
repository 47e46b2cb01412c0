#pragma once
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "genoform/core/result.hpp"
#include "genoform/core/utf8.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

/// A struct that lists its fields once, as a JSON object has them:
///   template <class Self, class Visit>
///   static void fields(Self& self, Visit visit) { visit("seed", self.seed); visit("loss", self.loss); }
template <class T>
concept JsonStruct = requires(T& value) {
  T::fields(value, [](const char*, auto&) {});
};

/// A string; one that is no UTF-8, as a path may be, has no string in JSON and becomes the list of its bytes.
inline nlohmann::json string_json(const std::string& text) {
  if (!first_invalid_utf8(text)) return text;
  nlohmann::json bytes = nlohmann::json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

namespace json_fields {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

}  // namespace json_fields

/// A JSON object with every field of the struct; an std::optional without a value is left out. T may also be what nlohmann-json
/// knows, and a class with to_json() and from_json().
template <class T>
nlohmann::json json_of(const T& value) {
  if constexpr (JsonStruct<T>) {
    nlohmann::json j = nlohmann::json::object();
    T::fields(value, [&](const char* key, const auto& field) {
      if constexpr (requires { field.has_value(); }) {
        if (field) j[key] = json_of(*field);
      } else {
        j[key] = json_of(field);
      }
    });
    return j;
  } else if constexpr (requires { value.to_json(); }) {
    return value.to_json();
  } else if constexpr (std::same_as<T, std::string>) {
    return string_json(value);
  } else if constexpr (json_fields::is_vector<T>) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& one : value) list.push_back(json_of(one));
    return list;
  } else {
    return value;
  }
}

namespace json_fields {

[[noreturn]] inline void refuse(const std::string& what, const std::string& found) {
  throw Exception({ErrorKind::input, what + ", not " + found.substr(0, 60)});
}

template <class T>
T number(const nlohmann::json& j, const std::string& path) {
  if constexpr (std::floating_point<T>) {
    if (!j.is_number()) refuse(path + " must be a number", j.dump());
    return j.get<T>();
  } else {
    const bool fits = j.is_number_unsigned() ? std::in_range<T>(j.get<std::uint64_t>())
                                             : j.is_number_integer() && std::in_range<T>(j.get<std::int64_t>());
    if (!fits) refuse(path + " must be an integer" + (std::is_unsigned_v<T> ? " of at least 0" : ""), j.dump());
    return j.get<T>();
  }
}

template <JsonStruct T>
T object(const nlohmann::json& j, const std::string& path);

/// One value; `path` names it in errors.
template <class T>
T read(const nlohmann::json& j, const std::string& path) {
  if constexpr (JsonStruct<T>) {
    return object<T>(j, path);
  } else if constexpr (requires { T::from_json(j); }) {
    return T::from_json(j);
  } else if constexpr (std::same_as<T, bool>) {
    if (!j.is_boolean()) refuse(path + " must be true or false", j.dump());
    return j.get<bool>();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return number<T>(j, path);
  } else if constexpr (std::same_as<T, std::string>) {
    if (j.is_array()) {
      std::string text;
      for (const nlohmann::json& byte : j) text += static_cast<char>(number<std::uint8_t>(byte, path));
      return text;
    }
    if (!j.is_string()) refuse(path + " must be a string, or a list of its bytes", j.dump());
    return j.get<std::string>();
  } else if constexpr (is_vector<T>) {
    if (!j.is_array()) refuse(path + " must be a list", j.dump());
    T values;
    for (const nlohmann::json& value : j) values.push_back(read<typename T::value_type>(value, path));
    return values;
  } else {
    static_assert(std::same_as<T, nlohmann::json>, "json_fields: a field of a type that has no JSON form");
    return j;
  }
}

template <JsonStruct T>
T object(const nlohmann::json& j, const std::string& path) {
  if (!j.is_object()) refuse(path + " must be an object", j.dump());
  T value;
  std::size_t known = 0;
  std::string keys;
  T::fields(value, [&](const char* key, auto& field) {
    using Field = std::remove_cvref_t<decltype(field)>;
    keys += (keys.empty() ? "" : ", ") + std::string(key);
    const auto found = j.find(key);
    if (found != j.end()) {
      ++known;
      const std::string inner = path + ", \"" + key + "\":";
      if constexpr (is_optional<Field>)
        field = read<typename Field::value_type>(*found, inner);
      else
        field = read<Field>(*found, inner);
    } else if constexpr (!is_optional<Field>) {
      throw Exception({ErrorKind::input, path + ": \"" + key + "\" is missing"});
    }
  });
  if (known == j.size()) return value;
  for (const auto& entry : j.items()) {
    const std::string& key = entry.key();
    bool is_known = false;
    T::fields(value, [&](const char* name, auto&) { is_known = is_known || key == name; });
    if (!is_known) throw Exception({ErrorKind::input, path + ": unknown \"" + key + "\"; it has " + keys});
  }
  return value;
}

}  // namespace json_fields

/// Reads what json_of() wrote. Strict: a missing key, an unknown one or a value of another type throws Exception (input) that
/// names it. `what`: the name of the thing in that error, as in "train request".
template <class T>
T from_json(const nlohmann::json& j, std::string_view what) {
  return json_fields::read<T>(j, std::string(what));
}

}  // namespace genoform::inner::io

#include "genoform/core/restore_macros.hpp"
