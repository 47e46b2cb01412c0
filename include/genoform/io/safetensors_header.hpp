#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/dtype.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

/// One tensor of a safetensors file: begin and end in bytes from the start of the data.
struct StoredTensor {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;

  std::uint64_t elements() const { return (end - begin) * 8 / bits_of(dtype); }
};

using Metadata = std::map<std::string, std::string, std::less<>>;

/// What stands before the data. Tensors in the order of their data, index by name.
struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::size_t, std::less<>> index;
  Metadata metadata;
  std::uint64_t data_begin = 0;  ///< bytes from the start of the file
};

namespace safetensors {

inline constexpr std::uint64_t longest_header = 100'000'000;
inline constexpr std::string_view metadata_key = "__metadata__";

/// "[4, 8]"
inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

/// Bytes of a tensor; nothing when the count overflows 64 bits or its last byte is not full.
inline std::optional<std::uint64_t> byte_count(Dtype dtype, std::span<const std::int64_t> shape) {
  std::uint64_t bits = 1;
  for (const std::int64_t extent : shape)
    if (extent < 0 || __builtin_mul_overflow(bits, static_cast<std::uint64_t>(extent), &bits)) return std::nullopt;
  if (__builtin_mul_overflow(bits, bits_of(dtype), &bits) || bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

/// Reads and checks the header of the whole file `bytes` (format: github.com/huggingface/safetensors); touches no tensor data.
GENOFORM_INLINE Result<SafetensorsHeader> parse_header(std::span<const std::byte> bytes, const std::string& file);

}  // namespace safetensors
}  // namespace genoform::inner::io

#include "genoform/core/restore_macros.hpp"
