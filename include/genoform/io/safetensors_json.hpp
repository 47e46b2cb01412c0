#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/io/safetensors.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io::safetensors {

/// Reads the JSON of a header as a stream of events, so that doubled keys are seen and a hostile header builds nothing
/// but its own tensors. Every event says whether reading goes on; `fault` then holds what was wrong.
class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;
  std::string message;

  bool start_object(std::size_t) override {
    switch (state_) {
      case State::start: state_ = State::top; return true;
      case State::entry: state_ = is_metadata_ ? State::metadata : State::tensor; return true;
      default: return unexpected("an object");
    }
  }
  bool key(std::string& text) override {
    switch (state_) {
      case State::top: return begin_entry(text);
      case State::metadata:
        key_ = text;
        return !header.metadata.contains(text) || refuse("metadata key " + in_quotes(text) + " stands twice");
      default: return begin_field(text);
    }
  }
  bool end_object() override {
    if (state_ == State::tensor && !(has_dtype_ && has_shape_ && has_offsets_))
      return refuse(where() + "lacks " + (!has_dtype_ ? "\"dtype\"" : !has_shape_ ? "\"shape\"" : "\"data_offsets\""));
    state_ = state_ == State::top ? State::end : State::top;
    return true;
  }
  bool start_array(std::size_t) override {
    if (state_ != State::tensor || field_ == Field::dtype) return unexpected("an array");
    state_ = field_ == Field::shape ? State::shape : State::offsets;
    offsets_read_ = 0;
    return true;
  }
  bool end_array() override {
    if (state_ == State::offsets && offsets_read_ != 2) return refuse(where() + "\"data_offsets\" must be two numbers");
    state_ = State::tensor;
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override {
    if (state_ == State::shape) {
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return refuse(where() + "\"shape\" holds " + std::to_string(number) + ", which is too large");
      tensor().shape.push_back(static_cast<std::int64_t>(number));
      return true;
    }
    if (state_ != State::offsets) return unexpected("a number");
    if (offsets_read_ == 2) return refuse(where() + "\"data_offsets\" must be two numbers");
    (offsets_read_++ == 0 ? tensor().begin : tensor().end) = number;
    return true;
  }
  bool string(std::string& text) override {
    if (state_ == State::metadata) {
      header.metadata.emplace(key_, text);
      return true;
    }
    if (state_ != State::tensor || field_ != Field::dtype) return unexpected("a string");
    const std::optional<Dtype> dtype = dtype_named(text);
    if (!dtype) return refuse(where() + "unknown dtype " + in_quotes(text));
    tensor().dtype = *dtype;
    return true;
  }
  bool number_integer(number_integer_t number) override { return unexpected(std::to_string(number)); }
  bool number_float(number_float_t, const std::string& text) override { return unexpected(text); }
  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool binary(nlohmann::json::binary_t&) override { return unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::json::exception&) override {
    // Positions count from 1 in the JSON, which starts after 8 bytes.
    return refuse("byte " + std::to_string(position + 7) + ": the header is not JSON, near " + in_quotes(token));
  }

 private:
  enum class State { start, top, entry, metadata, tensor, shape, offsets, end };
  enum class Field { dtype, shape, offsets };

  bool refuse(std::string text) {
    message = std::move(text);
    return false;
  }
  StoredTensor& tensor() { return header.tensors.back(); }
  std::string where() const {
    switch (state_) {
      case State::metadata: return "metadata key " + in_quotes(key_) + ": ";
      case State::entry: return is_metadata_ ? "key \"__metadata__\": " : "tensor " + in_quotes(key_) + ": ";
      case State::tensor:
      case State::shape:
      case State::offsets: return "tensor " + in_quotes(header.tensors.back().name) + ": ";
      default: return "header: ";
    }
  }
  std::string_view expected() const {
    switch (state_) {
      case State::metadata: return "a string";
      case State::shape:
      case State::offsets: return "an integer of at least 0";
      case State::tensor: return field_ == Field::dtype ? "a string as \"dtype\"" : "an array of integers";
      default: return "an object";
    }
  }
  bool unexpected(const std::string& found) {
    return refuse(where() + "found " + found + "; allowed is " + std::string(expected()));
  }
  bool begin_entry(const std::string& text) {
    key_ = text;
    is_metadata_ = text == metadata_key;
    state_ = State::entry;
    if (is_metadata_) return !std::exchange(has_metadata_, true) || refuse("key \"__metadata__\" stands twice");
    has_dtype_ = has_shape_ = has_offsets_ = false;
    if (!header.index.emplace(text, header.tensors.size()).second) return refuse("tensor " + in_quotes(text) + " stands twice");
    header.tensors.push_back({.name = text, .dtype = {}, .shape = {}});
    return true;
  }
  bool begin_field(const std::string& text) {
    bool* seen = nullptr;
    if (text == "dtype")
      field_ = Field::dtype, seen = &has_dtype_;
    else if (text == "shape")
      field_ = Field::shape, seen = &has_shape_;
    else if (text == "data_offsets")
      field_ = Field::offsets, seen = &has_offsets_;
    else
      return refuse(where() + "unknown key " + in_quotes(text) + "; allowed are \"dtype\", \"shape\", \"data_offsets\"");
    return !std::exchange(*seen, true) || refuse(where() + "key " + in_quotes(text) + " stands twice");
  }

  State state_ = State::start;
  Field field_ = Field::dtype;
  std::string key_;
  bool is_metadata_ = false, has_metadata_ = false;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  int offsets_read_ = 0;
};

/// Checks that the tensors fill the data of `data_size` bytes exactly; returns what is wrong, or nothing.
inline std::string layout_error(std::span<const StoredTensor> sorted, std::uint64_t data_size) {
  std::uint64_t position = 0;
  for (const StoredTensor& tensor : sorted) {
    const std::string where = "tensor " + in_quotes(tensor.name) + ": ";
    if (tensor.end < tensor.begin)
      return where + "ends at byte " + std::to_string(tensor.end) + " of the data, before its begin " +
             std::to_string(tensor.begin);
    if (tensor.begin != position)
      return where + "begins at byte " + std::to_string(tensor.begin) + " of the data, but the tensor before ends at " +
             std::to_string(position) + (tensor.begin < position ? " (overlap)" : " (hole)");
    position = tensor.end;
  }
  for (const StoredTensor& tensor : sorted) {
    const std::string where = "tensor " + in_quotes(tensor.name) + ": ";
    const std::optional<std::uint64_t> bytes = byte_count(tensor.dtype, tensor.shape);
    if (!bytes) return where + "its shape is too large, or its last byte is not full";
    if (tensor.end - tensor.begin != *bytes)
      return where + std::string(name_of(tensor.dtype)) + " " + shape_text(tensor.shape) + " needs " + std::to_string(*bytes) +
             " bytes, the file gives it " + std::to_string(tensor.end - tensor.begin);
  }
  if (position != data_size)
    return "the tensors need " + std::to_string(position) + " bytes of data, the file has " + std::to_string(data_size);
  return {};
}

GENOFORM_INLINE Result<SafetensorsHeader> parse_header(std::span<const std::byte> bytes, const std::string& file) {
  const auto error = [&](const std::string& text) { return Error{ErrorKind::input, file + ": " + text}; };
  if (bytes.size() < 8) return error("a safetensors file has at least 8 bytes, this one " + std::to_string(bytes.size()));
  std::uint64_t length = 0;
  static_assert(std::endian::native == std::endian::little, "safetensors are read on little-endian machines only");
  std::memcpy(&length, bytes.data(), 8);
  if (length > longest_header)
    return error("byte 0: a header of " + std::to_string(length) + " bytes; allowed are " + std::to_string(longest_header));
  if (length > bytes.size() - 8)
    return error("byte 0: a header of " + std::to_string(length) + " bytes in a file of " + std::to_string(bytes.size()));
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + 8, static_cast<std::size_t>(length));
  if (const auto offset = first_invalid_utf8(json)) return error("byte " + std::to_string(8 + *offset) + ": not UTF-8");
  if (json.empty() || json.front() != '{') return error("byte 8: the header must start with '{'");
  // The JSON parser takes a zero byte for the end and would not look behind it.
  if (const auto offset = json.find('\0'); offset != json.npos)
    return error("byte " + std::to_string(8 + offset) + ": a zero byte in the header");
  HeaderEvents events;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &events)) return error(events.message);

  SafetensorsHeader header = std::move(events.header);
  header.data_begin = 8 + length;
  std::ranges::sort(header.tensors, {}, [](const StoredTensor& tensor) { return std::pair(tensor.begin, tensor.end); });
  if (const std::string wrong = layout_error(header.tensors, bytes.size() - header.data_begin); !wrong.empty())
    return error(wrong);
  for (std::size_t i = 0; i < header.tensors.size(); ++i) header.index.find(header.tensors[i].name)->second = i;
  return header;
}

GENOFORM_INLINE Result<std::string> header_text(std::span<const TensorData> ordered, const Metadata& metadata,
                                                const std::string& file) {
  const auto error = [&](const std::string& text) { return Error{ErrorKind::usage, file + ": " + text}; };
  for (const auto& [key, value] : metadata)
    if (first_invalid_utf8(key) || first_invalid_utf8(value)) return error("metadata key " + in_quotes(key) + ": not UTF-8");
  std::string text = "{";
  if (!metadata.empty()) text += "\"" + std::string(metadata_key) + "\":" + nlohmann::json(metadata).dump();
  std::set<std::string_view> taken{metadata_key};
  std::uint64_t position = 0;
  for (const TensorData& tensor : ordered) {
    const std::string where = "tensor " + in_quotes(tensor.name) + ": ";
    if (first_invalid_utf8(tensor.name)) return error(where + "its name is not UTF-8");
    if (!taken.insert(tensor.name).second) return error(where + "the name is taken");
    if (byte_count(tensor.dtype, tensor.shape) != tensor.bytes.size())
      return error(where + shape_text(tensor.shape) + " does not fit its " + std::to_string(tensor.bytes.size()) + " bytes");
    nlohmann::ordered_json entry;
    entry["dtype"] = name_of(tensor.dtype);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {position, position + tensor.bytes.size()};
    position += tensor.bytes.size();
    text += (text.size() > 1 ? "," : "") + nlohmann::json(tensor.name).dump() + ":" + entry.dump();
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > longest_header) return error("the names of the tensors fill more than a header may hold");
  const std::uint64_t length = text.size();
  std::string prefix(8, '\0');
  std::memcpy(prefix.data(), &length, 8);
  return prefix + text;
}

}  // namespace genoform::inner::io::safetensors

#include "genoform/core/restore_macros.hpp"
