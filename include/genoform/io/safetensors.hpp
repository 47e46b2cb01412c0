#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/atomic_file.hpp"
#include "genoform/io/dtype.hpp"
#include "genoform/io/mapped_file.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/io/safetensors_header.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

/// A safetensors file, checked when it was opened and mapped into memory. Made by read_safetensors.
class Safetensors {
 public:
  const std::string& path() const { return path_; }
  const Metadata& metadata() const { return header_.metadata; }
  /// In the order of their data.
  std::span<const StoredTensor> tensors() const { return header_.tensors; }
  /// nullptr when there is none of that name.
  const StoredTensor* find(std::string_view name) const {
    const auto found = header_.index.find(name);
    return found == header_.index.end() ? nullptr : &header_.tensors[found->second];
  }
  /// The bytes of a tensor of this file, little-endian and row-major; their address has no alignment.
  std::span<const std::byte> bytes(const StoredTensor& tensor) const {
    return file_.bytes().subspan(static_cast<std::size_t>(header_.data_begin + tensor.begin),
                                 static_cast<std::size_t>(tensor.end - tensor.begin));
  }

  /// Elements of a tensor of dtype F32 or BF16, as f32. Errors: no such tensor, another dtype.
  Result<std::vector<float>> as_f32(std::string_view name) const { return values<float>(name, "F32 or BF16"); }
  /// Of dtype F64, F32 or BF16, as f64.
  Result<std::vector<double>> as_f64(std::string_view name) const { return values<double>(name, "F64, F32 or BF16"); }
  /// Of dtype I32.
  Result<std::vector<std::int32_t>> as_i32(std::string_view name) const { return values<std::int32_t>(name, "I32"); }

  /// Copies a tensor of this file into `out`, whose size is its number of elements; false when its dtype does not convert to T
  /// without loss.
  template <class T>
  bool copy(const StoredTensor& tensor, std::span<T> out) const {
    const std::span<const std::byte> from = bytes(tensor);
    switch (tensor.dtype) {
      case Dtype::F64: return copy_as<double>(from, out);
      case Dtype::F32: return copy_as<float>(from, out);
      case Dtype::BF16: return copy_as<std::uint16_t>(from, out);
      case Dtype::I32: return copy_as<std::int32_t>(from, out);
      default: return false;
    }
  }

 private:
  friend Result<Safetensors> read_safetensors(const std::string& path);
  Safetensors(std::string path, MappedFile file, SafetensorsHeader header)
      : path_(std::move(path)), file_(std::move(file)), header_(std::move(header)) {}

  template <class Stored, class T>
  static bool copy_as(std::span<const std::byte> from, std::span<T> out) {
    constexpr bool from_bf16 = std::is_same_v<Stored, std::uint16_t>;
    if constexpr (std::is_same_v<Stored, T>) {
      if (!out.empty()) std::memcpy(out.data(), from.data(), from.size());
      return true;
    } else if constexpr (std::is_floating_point_v<T> && (from_bf16 || sizeof(Stored) < sizeof(T)) &&
                         !std::is_same_v<Stored, std::int32_t>) {
      for (std::size_t i = 0; i < out.size(); ++i) {
        Stored number;
        std::memcpy(&number, from.data() + i * sizeof number, sizeof number);
        if constexpr (from_bf16)
          out[i] = f32_of_bf16(number);
        else
          out[i] = number;
      }
      return true;
    } else {
      return false;
    }
  }

  template <class T>
  Result<std::vector<T>> values(std::string_view name, std::string_view allowed) const {
    const StoredTensor* const tensor = find(name);
    if (tensor == nullptr) return Error{ErrorKind::input, path_ + ": no tensor " + in_quotes(name)};
    std::vector<T> result(static_cast<std::size_t>(tensor->elements()));
    if (copy(*tensor, std::span<T>(result))) return result;
    return Error{ErrorKind::input, path_ + ": tensor " + in_quotes(name) + ": found " + std::string(name_of(tensor->dtype)) +
                                       "; allowed is " + std::string(allowed)};
  }

  std::string path_;
  MappedFile file_;
  SafetensorsHeader header_;
};

/// Opens and checks a safetensors file (format: github.com/huggingface/safetensors). No tensor data is
/// read or allocated here. Errors name the file and the tensor, key or byte.
inline Result<Safetensors> read_safetensors(const std::string& path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  Result<SafetensorsHeader> header = safetensors::parse_header(file->bytes(), path);
  if (!header) return header.error();
  return Safetensors(path, std::move(*file), std::move(*header));
}

/// A tensor to be written: `bytes` little-endian, row-major.
struct TensorData {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

inline TensorData tensor_data(std::string name, std::vector<std::int64_t> shape, std::span<const float> values) {
  return {std::move(name), Dtype::F32, std::move(shape), std::as_bytes(values)};
}
inline TensorData tensor_data(std::string name, std::vector<std::int64_t> shape, std::span<const double> values) {
  return {std::move(name), Dtype::F64, std::move(shape), std::as_bytes(values)};
}
inline TensorData tensor_data(std::string name, std::vector<std::int64_t> shape, std::span<const std::int32_t> values) {
  return {std::move(name), Dtype::I32, std::move(shape), std::as_bytes(values)};
}
/// BF16 numbers as their bits (bf16_of_f32).
inline TensorData tensor_data(std::string name, std::vector<std::int64_t> shape, std::span<const std::uint16_t> values) {
  return {std::move(name), Dtype::BF16, std::move(shape), std::as_bytes(values)};
}

namespace safetensors {

/// The first 8 bytes and the JSON, padded with spaces to a multiple of 8, of tensors that follow in this order.
GENOFORM_INLINE Result<std::string> header_text(std::span<const TensorData> ordered, const Metadata& metadata,
                                                const std::string& file);

}  // namespace safetensors

/// Writes a safetensors file, whole or not at all; equal input gives equal bytes: tensors by descending size of their
/// elements, then by name. Errors: what the disk says; a doubled name or a shape that does not fit (ErrorKind::usage).
GENOFORM_INLINE Result<void> write_safetensors(const std::string& path, std::span<const TensorData> tensors,
                                               const Metadata& metadata = {});

#if GENOFORM_FILE_BODIES

GENOFORM_INLINE Result<void> write_safetensors(const std::string& path, std::span<const TensorData> tensors,
                                               const Metadata& metadata) {
  std::vector<TensorData> ordered(tensors.begin(), tensors.end());
  std::ranges::sort(ordered, [](const TensorData& a, const TensorData& b) {
    return bits_of(a.dtype) != bits_of(b.dtype) ? bits_of(a.dtype) > bits_of(b.dtype) : a.name < b.name;
  });
  const Result<std::string> header = safetensors::header_text(ordered, metadata, path);
  if (!header) return header.error();
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) return file.error();
  if (Result<void> written = file->write(*header); !written) return written;
  for (const TensorData& tensor : ordered)
    if (Result<void> written = file->write(tensor.bytes); !written) return written;
  return file->commit();
}

#endif

}  // namespace genoform::inner::io

namespace genoform {
using inner::io::read_safetensors;
using inner::io::Safetensors;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"

#ifndef GENOFORM_COMPILED
#include "genoform/io/safetensors_json.hpp"
#endif
