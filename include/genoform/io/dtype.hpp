#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "genoform/core/bf16.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

/// The element types of safetensors files (github.com/huggingface/safetensors). Values are read as F32, F64, BF16 and I32; the
/// others are only known by size.
enum class Dtype : std::uint8_t {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  F8_E4M3FNUZ,
  F8_E5M2FNUZ,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64
};

namespace dtype {
struct Row {
  Dtype type;
  std::string_view name;
  std::uint64_t bits;
};
inline constexpr std::array rows{Row{Dtype::BOOL, "BOOL", 8},
                                 Row{Dtype::F4, "F4", 4},
                                 Row{Dtype::F6_E2M3, "F6_E2M3", 6},
                                 Row{Dtype::F6_E3M2, "F6_E3M2", 6},
                                 Row{Dtype::U8, "U8", 8},
                                 Row{Dtype::I8, "I8", 8},
                                 Row{Dtype::F8_E5M2, "F8_E5M2", 8},
                                 Row{Dtype::F8_E4M3, "F8_E4M3", 8},
                                 Row{Dtype::F8_E8M0, "F8_E8M0", 8},
                                 Row{Dtype::F8_E4M3FNUZ, "F8_E4M3FNUZ", 8},
                                 Row{Dtype::F8_E5M2FNUZ, "F8_E5M2FNUZ", 8},
                                 Row{Dtype::I16, "I16", 16},
                                 Row{Dtype::U16, "U16", 16},
                                 Row{Dtype::F16, "F16", 16},
                                 Row{Dtype::BF16, "BF16", 16},
                                 Row{Dtype::I32, "I32", 32},
                                 Row{Dtype::U32, "U32", 32},
                                 Row{Dtype::F32, "F32", 32},
                                 Row{Dtype::C64, "C64", 64},
                                 Row{Dtype::F64, "F64", 64},
                                 Row{Dtype::I64, "I64", 64},
                                 Row{Dtype::U64, "U64", 64}};
}  // namespace dtype

constexpr std::string_view name_of(Dtype type) { return dtype::rows[static_cast<std::size_t>(type)].name; }
constexpr std::uint64_t bits_of(Dtype type) { return dtype::rows[static_cast<std::size_t>(type)].bits; }
constexpr std::optional<Dtype> dtype_named(std::string_view name) {
  for (const dtype::Row& row : dtype::rows)
    if (row.name == name) return row.type;
  return std::nullopt;
}

}  // namespace genoform::inner::io

#include "genoform/core/restore_macros.hpp"
