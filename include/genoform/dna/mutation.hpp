#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/core/math.hpp"
#include "genoform/dna/fingerprint.hpp"
#include "genoform/dna/graph.hpp"
#include "genoform/dna/program.hpp"
#include "genoform/search/strategy/random_stream.hpp"

#include "genoform/core/hide_macros.hpp"

/// The mutations of the Primer paper (So et al., arXiv 2109.08668, appendix A.4). docs/formats/program.md says what each does
/// where the paper is silent.
namespace genoform::dna {

using search::RandomStream;

/// All are equally likely.
enum class Mutation : std::uint8_t { remove, insert, remove_and_insert, field, swap, bank_value };
inline constexpr Mutation mutations[] = {Mutation::remove, Mutation::insert, Mutation::remove_and_insert,
                                         Mutation::field,  Mutation::swap,   Mutation::bank_value};

/// The relative widths that a mutation chooses from.
inline constexpr int dimension_choices[] = {1, 2, 4, 8, 12, 16, 24, 32, 48, 64};

namespace mutation {

/// Another value than `value` of [0, count); false where there is none.
inline bool change(int& value, std::size_t count, RandomStream& samples) {
  if (count < 2) return false;
  const auto moved = static_cast<std::size_t>(value) + 1 + samples.below(count - 1);
  value = static_cast<int>(moved % count);
  return true;
}
/// Another one of a list.
template <class List>
int other_of(const List& list, int value, RandomStream& samples) {
  while (true) {
    const int chosen = list[samples.below(std::size(list))];
    if (chosen != value) return chosen;
  }
}

/// Changes one program by one mutation.
class Mutator {
 public:
  Mutator(Program& program, RandomStream& samples) : program_(program), samples_(samples) {}

  /// False, and the program as it was, where the mutation does not apply to it.
  bool apply(Mutation mutation) {
    switch (mutation) {
      case Mutation::remove: return remove(chosen(1, max_instructions));
      case Mutation::insert: return insert(chosen(0, max_instructions - 1));
      case Mutation::remove_and_insert: {
        const std::optional<std::size_t> subprogram = chosen(1, max_instructions);
        return remove(subprogram) && insert(subprogram);
      }
      case Mutation::field: return change_field(chosen(1, max_instructions));
      case Mutation::swap: return swap(chosen(2, max_instructions));
      case Mutation::bank_value: return change_bank();
    }
    return false;
  }

 private:
  /// A subprogram with so many instructions, at random.
  std::optional<std::size_t> chosen(std::size_t least, std::size_t most) {
    std::vector<std::size_t> all;
    for (std::size_t s = 0; s < program_.subprograms.size(); ++s)
      if (program_.subprograms[s].size() >= least && program_.subprograms[s].size() <= most) all.push_back(s);
    if (all.empty()) return std::nullopt;
    return all[samples_.below(all.size())];
  }
  Subprogram& code(std::size_t subprogram) { return program_.subprograms[subprogram]; }

  /// Those who read the state read the first input of the instruction that made it.
  bool remove(std::optional<std::size_t> subprogram) {
    if (!subprogram) return false;
    Subprogram& all = code(*subprogram);
    const std::size_t at = samples_.below(all.size());
    const int removed = state_of(at), input = all[at].in1;
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
    for (std::size_t i = at; i < all.size(); ++i)
      for (int* const read : {&all[i].in1, &all[i].in2}) *read = *read == removed ? input : *read - (*read > removed ? 1 : 0);
    return true;
  }

  /// One of those after it reads it, or it is the last one and makes the result.
  bool insert(std::optional<std::size_t> subprogram) {
    if (!subprogram) return false;
    Subprogram& all = code(*subprogram);
    const std::size_t at = samples_.below(all.size() + 1);
    const int made = state_of(at);
    for (std::size_t i = at; i < all.size(); ++i)
      for (int* const read : {&all[i].in1, &all[i].in2}) *read += *read >= made ? 1 : 0;
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), random_instruction(*subprogram, made));
    std::vector<int*> readers;
    for (std::size_t i = at + 1; i < all.size(); ++i) {
      readers.push_back(&all[i].in1);
      if (all[i].is_call() || reads_two(all[i].primitive)) readers.push_back(&all[i].in2);
    }
    if (!readers.empty()) *readers[samples_.below(readers.size())] = made;
    return true;
  }
  Instruction random_instruction(std::size_t subprogram, int states) {
    Instruction random;
    set_operation(random, static_cast<int>(samples_.below(operations(subprogram))), subprogram);
    random.in1 = static_cast<int>(samples_.below(static_cast<std::size_t>(states)));
    random.in2 = static_cast<int>(samples_.below(static_cast<std::size_t>(states)));
    random.constant = static_cast<int>(samples_.below(program_.constants.size()));
    random.dimension = static_cast<int>(samples_.below(program_.dimensions.size()));
    random.branching = branchings[samples_.below(std::size(branchings))];
    return random;
  }

  /// What an instruction of that subprogram may do: a primitive, or a call of a later subprogram.
  std::size_t operations(std::size_t subprogram) const { return primitive_count + program_.subprograms.size() - 1 - subprogram; }
  static int operation(const Instruction& instruction, std::size_t subprogram) {
    if (!instruction.is_call()) return static_cast<int>(instruction.primitive);
    return static_cast<int>(primitive_count) + instruction.subprogram - 1 - static_cast<int>(subprogram);
  }
  static void set_operation(Instruction& instruction, int operation, std::size_t subprogram) {
    const bool is_primitive = operation < static_cast<int>(primitive_count);
    instruction.primitive = is_primitive ? static_cast<Primitive>(operation) : Primitive::add;
    instruction.subprogram = is_primitive ? 0 : operation - static_cast<int>(primitive_count) + 1 + static_cast<int>(subprogram);
  }

  bool change_field(std::optional<std::size_t> subprogram) {
    if (!subprogram) return false;
    Subprogram& all = code(*subprogram);
    const std::size_t at = samples_.below(all.size());
    Instruction& instruction = all[at];
    const auto states = static_cast<std::size_t>(state_of(at));
    switch (samples_.below(6)) {
      case 0: {
        int other = operation(instruction, *subprogram);
        change(other, operations(*subprogram), samples_);
        set_operation(instruction, other, *subprogram);
        return true;
      }
      case 1: return change(instruction.in1, states, samples_);
      case 2: return change(instruction.in2, states, samples_);
      case 3: return change(instruction.constant, program_.constants.size(), samples_);
      case 4: return change(instruction.dimension, program_.dimensions.size(), samples_);
      default: instruction.branching = other_of(branchings, instruction.branching, samples_); return true;
    }
  }

  /// The inputs stay, so that the two exchange their places in the graph.
  bool swap(std::optional<std::size_t> subprogram) {
    if (!subprogram) return false;
    Subprogram& all = code(*subprogram);
    const std::size_t a = samples_.below(all.size()), b = (a + 1 + samples_.below(all.size() - 1)) % all.size();
    std::swap(all[a], all[b]);
    std::swap(all[a].in1, all[b].in1);
    std::swap(all[a].in2, all[b].in2);
    return true;
  }

  bool change_bank() {
    const std::size_t dimensions = program_.dimensions.size(), at = samples_.below(dimensions + program_.constants.size());
    if (at < dimensions) {
      program_.dimensions[at] = other_of(dimension_choices, program_.dimensions[at], samples_);
      return true;
    }
    double& constant = program_.constants[at - dimensions];
    constant = in_text(constant * std::pow(10, normal()) + normal());
    return true;
  }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - samples_.uniform()));
    return radius * std::cos(2 * std::numbers::pi * samples_.uniform());
  }
  /// To six digits, within what the text of a program holds.
  static double in_text(double constant) {
    constexpr double largest = 1e9, smallest = 1e-9;
    if (!(std::abs(constant) >= smallest)) return 0;
    return number_of<double>(general_text(std::clamp(constant, -largest, largest), 6)).value();
  }

  Program& program_;
  RandomStream& samples_;
};

}  // namespace mutation

/// Changes the program by one mutation of that kind; false where it does not apply to it.
inline bool apply(Mutation kind, Program& program, RandomStream& samples) {
  return mutation::Mutator(program, samples).apply(kind);
}

/// A program one mutation away. It may compute the same.
inline Program mutated(const Program& parent, RandomStream& samples) {
  while (true) {
    Program child = parent;
    if (apply(mutations[samples.below(std::size(mutations))], child, samples)) return child;
  }
}

/// What tells programs apart at one size: the fingerprint of the graph, or none where the program has no graph.
inline std::optional<std::uint64_t> fingerprint_of(const Program& program, std::int64_t width, std::int64_t context) {
  const Result<Graph> graph = graph_of(program, width, context);
  if (!graph) return std::nullopt;
  return fingerprint_of(*graph);
}

/// The parent mutated until it computes something else, or nothing that can be computed.
inline Program mutated_until_different(const Program& parent, std::int64_t width, std::int64_t context, RandomStream& samples) {
  const std::optional<std::uint64_t> before = fingerprint_of(parent, width, context);
  Program child = mutated(parent, samples);
  while (fingerprint_of(child, width, context) == before) child = mutated(child, samples);
  return child;
}

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
