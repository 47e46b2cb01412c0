#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/backend/cpu/kernel_args.hpp"
#include "genoform/backend/cpu/machine/instruction_set.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/dense.hpp"

#include "genoform/core/hide_macros.hpp"

#if !defined(__OPTIMIZE__) && !defined(GENOFORM_COMPILED_KERNELS) && !defined(GENOFORM_UNOPTIMIZED_KERNELS)
#pragma message( \
    "genoform's kernels are compiled without optimization, some thirty times as slow: set CMAKE_BUILD_TYPE or -O2, link genoform::kernels, or define GENOFORM_UNOPTIMIZED_KERNELS")
#endif

/// The kernels, compiled once for each instruction set, whatever the flags of the user are; the set is chosen when the program
/// runs. They are header code. With GENOFORM_COMPILED_KERNELS defined they are only declared here and come from the archive
/// of target genoform::kernels.
namespace genoform::cpu {

using op::Function;

#if defined(GENOFORM_COMPILED_KERNELS) && !defined(GENOFORM_COMPILE_KERNELS)
const Kernels& kernels_of(InstructionSet set);
const Bf16Kernels& compiled_bf16_kernels(InstructionSet set);
template <class = void>
const Bf16Kernels& bf16_kernels(InstructionSet set) {
  return compiled_bf16_kernels(set);
}
const ProductKernels* split_products(InstructionSet set);
#else
namespace portable {
#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute push(__attribute__((target("no-avx"))), apply_to = function)
#elif defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("no-avx")
#endif
#define GENOFORM_LANES 4
#include "genoform/backend/cpu/kernels/sets/table.inc"
#undef GENOFORM_LANES
#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#elif defined(__x86_64__)
#pragma GCC pop_options
#endif
}  // namespace portable

#ifdef __x86_64__
namespace avx2 {
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,prfchw,no-avx512f"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,prfchw,no-avx512f")
#endif
#define GENOFORM_LANES 8
#include "genoform/backend/cpu/kernels/sets/table.inc"
#undef GENOFORM_LANES
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
}  // namespace avx2

namespace avx512 {
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,prfchw,avx512f,avx512vl,avx512bw,avx512dq"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,prfchw,avx512f,avx512vl,avx512bw,avx512dq")
#endif
#define GENOFORM_LANES 16
#include "genoform/backend/cpu/kernels/sets/table.inc"
#undef GENOFORM_LANES
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
}  // namespace avx512

namespace avx512_bf16 {
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,prfchw,avx512f,avx512vl,avx512bw,avx512dq,avx512bf16"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,prfchw,avx512f,avx512vl,avx512bw,avx512dq,avx512bf16")
#endif
#define GENOFORM_LANES 16
#define GENOFORM_HARDWARE_BF16
#include "genoform/backend/cpu/kernels/sets/set_bf16.inc"
#undef GENOFORM_HARDWARE_BF16
#undef GENOFORM_LANES
namespace unit {
#include "genoform/backend/cpu/kernels/products/unit_dot.inc"
}
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
}  // namespace avx512_bf16

namespace amx {
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("amx-tile,amx-bf16"))), apply_to = function)
#include "genoform/backend/cpu/kernels/products/unit_amx.inc"
#pragma clang attribute pop
#else
#include "genoform/backend/cpu/kernels/products/unit_amx.inc"
#endif
}  // namespace amx
#endif

#ifndef GENOFORM_COMPILE_KERNELS
inline
#endif
    const Kernels&
    kernels_of(InstructionSet set) {
#ifdef __x86_64__
  if (set >= InstructionSet::avx512) return avx512::table;
  if (set == InstructionSet::avx2) return avx2::table;
#endif
  static_cast<void>(set);
  return portable::table;
}

/// The same for the kernels that compute with bf16.
template <class T = void>
const Bf16Kernels& bf16_kernels(InstructionSet set) {
#ifdef __x86_64__
  constexpr auto with = [](Bf16Kernels table, const ProductUnit& unit) {
    table.products.unit = unit;
    return table;
  };
  static constexpr Bf16Kernels by_dots = with(avx512_bf16::bf16_table<T>, {.block = avx512_bf16::unit::multiply_block});
  static constexpr Bf16Kernels by_tiles = with(avx512_bf16::bf16_table<T>, {.begin = amx::begin_blocks,
                                                                            .end = amx::end_blocks,
                                                                            .block = amx::multiply_block,
                                                                            .block_beside = amx::multiply_block_beside});
  if (set == InstructionSet::amx) return by_tiles;
  if (set == InstructionSet::avx512_bf16) return by_dots;
  if (set == InstructionSet::avx512) return avx512::bf16_table<T>;
  if (set == InstructionSet::avx2) return avx2::bf16_table<T>;
#endif
  static_cast<void>(set);
  return portable::bf16_table<T>;
}

/// The kernels that multiply f32 as Split, where that is faster than multiply-adds of f32: on AMX; else null.
#ifndef GENOFORM_COMPILE_KERNELS
inline
#endif
    const ProductKernels*
    split_products(InstructionSet set) {
#ifdef __x86_64__
  static constexpr ProductKernels by_tiles{
      {.begin = amx::begin_blocks, .end = amx::end_blocks, .block_beside = amx::multiply_split_block_beside},
      avx512_bf16::pack_right<Split>,
      avx512_bf16::multiply<Split>};
  if (set == InstructionSet::amx) return &by_tiles;
#endif
  static_cast<void>(set);
  return nullptr;
}
#ifdef GENOFORM_COMPILE_KERNELS
const Bf16Kernels& compiled_bf16_kernels(InstructionSet set);
const Bf16Kernels& compiled_bf16_kernels(InstructionSet set) { return bf16_kernels(set); }
#endif
#endif

/// The entry of the table of an instruction set, as in kernel<&Kernels::rotate>(set). It reads the tables during compilation,
/// so that a program of header code compiles only the kernels that it uses; kernels_of compiles all of them.
template <auto entry>
const auto& kernel(InstructionSet set) {
#if defined(GENOFORM_COMPILED_KERNELS) && !defined(GENOFORM_COMPILE_KERNELS)
  return kernels_of(set).*entry;
#else
#ifdef __x86_64__
  static constexpr auto on_avx512 = avx512::table.*entry, on_avx2 = avx2::table.*entry;
  if (set >= InstructionSet::avx512) return on_avx512;
  if (set == InstructionSet::avx2) return on_avx2;
#endif
  static_cast<void>(set);
  static constexpr auto on_any = portable::table.*entry;
  return on_any;
#endif
}

/// The precision of products and of kept activations: f32, or bf16 with sums, gradients of weights and residual stream in f32.
/// It leads to the kernels of bf16, and is a template so that only a program that names Precision::bf16 compiles them.
template <class T>
struct PrecisionOf {
  const Bf16Kernels& (*kernels)(InstructionSet) = nullptr;

  static const PrecisionOf f32, bf16;
  constexpr bool is_bf16() const { return kernels != nullptr; }
  /// The element type that layers may use for their activations.
  constexpr ElementType activations() const { return is_bf16() ? ElementType::bf16 : ElementType::real; }
  friend constexpr bool operator==(const PrecisionOf&, const PrecisionOf&) = default;
};
// "const" again, though constexpr says it: without it nvcc 13 takes these for other variables than the ones declared.
template <class T>
inline constexpr const PrecisionOf<T> PrecisionOf<T>::f32{};
template <class T>
inline constexpr const PrecisionOf<T> PrecisionOf<T>::bf16{&bf16_kernels<T>};
using Precision = PrecisionOf<void>;
constexpr std::string_view name_of(const Precision& precision) { return precision.is_bf16() ? "bf16" : "f32"; }

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
