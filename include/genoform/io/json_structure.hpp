#pragma once
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "genoform/io/quote.hpp"

namespace genoform::inner::io {

/// Reads JSON as a stream of events and looks for what the JSON library would accept: doubled keys and deep nesting.
class JsonStructure : public nlohmann::json_sax<nlohmann::json> {
 public:
  static constexpr std::size_t max_depth = 64;
  std::string message;  ///< of the first mistake; bytes count from 0

  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(std::string& text) override {
    return keys_.back().insert(text).second || refuse("key " + in_quotes(text) + " stands twice");
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(nlohmann::json::binary_t&) override { return true; }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::json::exception&) override {
    return refuse("byte " + std::to_string(position == 0 ? 0 : position - 1) + ": not JSON, near " + in_quotes(token));
  }

 private:
  bool refuse(std::string text) {
    message = std::move(text);
    return false;
  }
  bool enter() {
    keys_.emplace_back();
    return keys_.size() <= max_depth || refuse("nested deeper than " + std::to_string(max_depth) + " levels");
  }
  bool leave() {
    keys_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> keys_;
};

}  // namespace genoform::inner::io
