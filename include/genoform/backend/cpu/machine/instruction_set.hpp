#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "genoform/backend/cpu/machine/amx.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/nearest.hpp"
#include "genoform/io/quote.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::cpu {

/// Each set includes those before it. The last two differ from avx512 only in bf16 and, for amx, in products of f32.
enum class InstructionSet : std::uint8_t { portable, avx2, avx512, avx512_bf16, amx };
inline constexpr InstructionSet all_instruction_sets[] = {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512,
                                                          InstructionSet::avx512_bf16, InstructionSet::amx};

constexpr std::string_view name_of(InstructionSet set) {
  constexpr std::string_view names[] = {"portable", "avx2", "avx512", "avx512_bf16", "amx"};
  return names[static_cast<std::size_t>(set)];
}

inline bool available(InstructionSet set) {
#ifdef __x86_64__
  if (set == InstructionSet::amx) return available(InstructionSet::avx512_bf16) && amx_granted();
  if (set == InstructionSet::avx512_bf16) return __builtin_cpu_supports("avx512bf16") && available(InstructionSet::avx512);
  if (set == InstructionSet::avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && available(InstructionSet::avx2);
  if (set == InstructionSet::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return set == InstructionSet::portable;
}

/// The names of sets, "portable, avx2": all, or those that this processor has.
inline std::string names_of_instruction_sets(bool only_available) {
  std::string names;
  for (const InstructionSet set : all_instruction_sets) {
    if (only_available && !available(set)) continue;
    if (!names.empty()) names += ", ";
    names += name_of(set);
  }
  return names;
}

/// The set of a name. Throws Exception (usage) if there is none of that name or the processor lacks it; `source`: where it
/// stands.
inline InstructionSet instruction_set_of(std::string_view name, std::string_view source) {
  Nearest nearest(name);
  for (const InstructionSet set : all_instruction_sets) {
    nearest.add(name_of(set));
    if (name_of(set) != name) continue;
    if (available(set)) return set;
    fail(ErrorKind::usage, {source, ": this processor has no ", name, "; it has ", names_of_instruction_sets(true)});
  }
  const std::string guess = nearest.best().empty() ? "" : joined({"; did you mean ", nearest.best(), "?"});
  fail(ErrorKind::usage,
       {source, ": ", in_quotes(name), " is no instruction set; allowed are ", names_of_instruction_sets(false), guess});
}

/// The last set that this processor has, or the one that the environment variable GENOFORM_ISA names. Throws as above.
inline InstructionSet best_instruction_set() {
  if (const char* const name = std::getenv("GENOFORM_ISA"); name != nullptr && *name != '\0')
    return instruction_set_of(name, "GENOFORM_ISA");
  InstructionSet best = InstructionSet::portable;
  for (const InstructionSet set : all_instruction_sets)
    if (available(set)) best = set;
  return best;
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
