#pragma once
#include <cstddef>
#include <vector>

#include "genoform/dna/primitive.hpp"

namespace genoform::dna {

/// One line of a subprogram. It has all fields, whatever its operation reads of them: those that it does not read change nothing
/// until a mutation changes the operation. So et al., arXiv 2109.08668, section 2.
struct Instruction {
  Primitive primitive = Primitive::add;
  int subprogram = 0;               ///< called in place of a primitive; 0: none, nothing calls the main one
  int in1 = 0, in2 = 0;             ///< numbers of states: 0 and 1 are the inputs, then the results of the instructions
  int constant = 0, dimension = 0;  ///< indices in the banks
  int branching = 1;                ///< how often it stands side by side, with weights of its own; the results become one state

  constexpr bool is_call() const { return subprogram > 0; }
  friend bool operator==(const Instruction&, const Instruction&) = default;
};

using Subprogram = std::vector<Instruction>;

/// The state that instruction `index` of a subprogram makes.
constexpr int state_of(std::size_t index) { return static_cast<int>(index) + 2; }
/// The state that a subprogram returns: that of its last instruction, or its first input where it has none.
inline int result_of(const Subprogram& subprogram) { return subprogram.empty() ? 0 : state_of(subprogram.size() - 1); }

/// A block of a model as a program: subprogram 0, the main one, makes [N, D] of [N, D] with the help of those after it. A
/// subprogram calls only later ones. docs/formats/program.md.
struct Program {
  std::vector<int> dimensions;  ///< relative widths; the first is that of the model
  std::vector<double> constants;
  std::vector<Subprogram> subprograms;

  friend bool operator==(const Program&, const Program&) = default;
};

inline constexpr std::size_t max_subprograms = 64, max_instructions = 64;  ///< of a program, of a subprogram
inline constexpr std::size_t max_bank = 16;                                ///< dimensions, constants
inline constexpr int max_dimension = 4096;
inline constexpr int branchings[] = {1, 2, 4, 8, 16};

}  // namespace genoform::dna
