#pragma once
#include <cstddef>
#include <vector>

#include "genoform/dna/program.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::dna {

/// What of a subprogram its result depends on.
struct Live {
  std::vector<bool> instructions;
  bool inputs[2] = {};
};

/// Of each subprogram of the program. Whatever a call hands to an input that the callee does not use is not live for it.
inline std::vector<Live> live_parts(const Program& program) {
  std::vector<Live> all(program.subprograms.size());
  for (std::size_t s = program.subprograms.size(); s-- > 0;) {
    const Subprogram& subprogram = program.subprograms[s];
    std::vector<bool> needed(subprogram.size() + 2);
    needed[static_cast<std::size_t>(result_of(subprogram))] = true;
    Live& live = all[s];
    live.instructions.resize(subprogram.size());
    for (std::size_t i = subprogram.size(); i-- > 0;) {
      if (!needed[i + 2]) continue;
      const Instruction& instruction = subprogram[i];
      live.instructions[i] = true;
      const bool is_call = instruction.is_call();
      const Live& callee = all[static_cast<std::size_t>(instruction.subprogram)];
      if (!is_call || callee.inputs[0]) needed[static_cast<std::size_t>(instruction.in1)] = true;
      if (is_call ? callee.inputs[1] : reads_two(instruction.primitive)) needed[static_cast<std::size_t>(instruction.in2)] = true;
    }
    live.inputs[0] = needed[0];
    live.inputs[1] = needed[1];
  }
  return all;
}

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
