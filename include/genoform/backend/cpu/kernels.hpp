#pragma once
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "genoform/backend/cpu/work.hpp"
#include "genoform/ops/dense.hpp"

#ifdef __FAST_MATH__
#error "genoform's kernels need IEEE arithmetic: compile without -ffast-math"
#endif

/// The kernels, compiled once for each instruction set whatever the user's own flags are; the set is chosen when the program
/// runs. They are header code. A program of many translation units may compile them in one of them only: with
/// GENOFORM_COMPILED_KERNELS defined they are declared here and come from cmake/compiled_kernels.cpp (target
/// genoform_compiled_kernels).
namespace genoform::cpu {

using op::Function;

enum class InstructionSet : std::uint8_t { portable, avx2, avx512 };

constexpr std::string_view name_of(InstructionSet set) {
  return set == InstructionSet::avx512 ? "avx512" : set == InstructionSet::avx2 ? "avx2" : "portable";
}

inline bool available(InstructionSet set) {
#ifdef __x86_64__
  if (set == InstructionSet::avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && available(InstructionSet::avx2);
  if (set == InstructionSet::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return set == InstructionSet::portable;
}

/// The widest set of this processor; the environment variable GENOFORM_ISA (portable, avx2, avx512) narrows it.
inline InstructionSet best_instruction_set() {
  const char* limit = std::getenv("GENOFORM_ISA");
  for (const auto set : {InstructionSet::avx512, InstructionSet::avx2})
    if (available(set) && (limit == nullptr || (name_of(InstructionSet::portable) != limit &&
                                                (name_of(InstructionSet::avx2) != limit || set == InstructionSet::avx2))))
      return set;
  return InstructionSet::portable;
}

#if defined(GENOFORM_COMPILED_KERNELS) && !defined(GENOFORM_COMPILE_KERNELS)
const Kernels& kernels_of(InstructionSet set);
#else
namespace portable {
#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute push(__attribute__((target("no-avx"))), apply_to = function)
#elif defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("no-avx")
#endif
#define GENOFORM_LANES 4
#include "genoform/backend/cpu/kernels/table.inc"
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
#pragma clang attribute push(__attribute__((target("avx2,fma,no-avx512f"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,no-avx512f")
#endif
#define GENOFORM_LANES 8
#include "genoform/backend/cpu/kernels/table.inc"
#undef GENOFORM_LANES
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
}  // namespace avx2

namespace avx512 {
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")
#endif
#define GENOFORM_LANES 16
#include "genoform/backend/cpu/kernels/table.inc"
#undef GENOFORM_LANES
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
}  // namespace avx512
#endif

#ifndef GENOFORM_COMPILE_KERNELS
inline
#endif
    const Kernels&
    kernels_of(InstructionSet set) {
#ifdef __x86_64__
  if (set == InstructionSet::avx512) return avx512::table;
  if (set == InstructionSet::avx2) return avx2::table;
#endif
  static_cast<void>(set);
  return portable::table;
}
#endif

/// The entry at a place of the table of an instruction set, as in kernel<&Kernels::rotate>(set). It reads the tables while this
/// is compiled, so that a program of header code compiles only the kernels that it asks for; kernels_of brings all of them.
template <auto place>
const auto& kernel(InstructionSet set) {
#if defined(GENOFORM_COMPILED_KERNELS) && !defined(GENOFORM_COMPILE_KERNELS)
  return kernels_of(set).*place;
#else
#ifdef __x86_64__
  static constexpr auto on_avx512 = avx512::table.*place, on_avx2 = avx2::table.*place;
  if (set == InstructionSet::avx512) return on_avx512;
  if (set == InstructionSet::avx2) return on_avx2;
#endif
  static_cast<void>(set);
  static constexpr auto on_any = portable::table.*place;
  return on_any;
#endif
}

}  // namespace genoform::cpu
