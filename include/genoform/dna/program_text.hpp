#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/rules.hpp"
#include "genoform/dna/program.hpp"
#include "genoform/genome/message.hpp"
#include "genoform/genome/parse.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {

GENOFORM_RULE(ProgramTooLong, "the program is too long; allowed are 65536 characters");
GENOFORM_RULE(BankMissing, "a program begins with its banks, as in dims 8 1 32; constants 0 0.125;");
GENOFORM_RULE(DimensionRange, "a relative width is a number from 1 to 4096");
GENOFORM_RULE(ConstantRange, "a constant has at most 15 digits, the last of them from 1e-22 to 1e22");
GENOFORM_RULE(BankTooLong, "a bank has 16 entries at most");
GENOFORM_RULE(SemicolonMissing, "a ; is missing before this; it ends a bank and stands between two instructions");
GENOFORM_RULE(SubprogramMissing, "here stands the next subprogram, as in S0 { h2 = ADD(h0, h1) }");
GENOFORM_RULE(TooManySubprograms, "a program has 64 subprograms at most");
GENOFORM_RULE(TooManyInstructions, "a subprogram has 64 instructions at most");
GENOFORM_RULE(InstructionForm, "an instruction has the form h2 = ADD(h0, h1) with c1, d1 and x8 after it where they are needed");
GENOFORM_RULE(StateOrder, "instructions make the states in order, h2 first");
GENOFORM_RULE(UnknownPrimitive, "no primitive has this name, and S with a number calls a subprogram");
GENOFORM_RULE(StateRange, "this state is not there yet");
GENOFORM_RULE(CallRange, "a subprogram calls only later ones that the program has");
GENOFORM_RULE(BankRange, "the bank has no such entry");
GENOFORM_RULE(BranchingRange, "branching is x1, x2, x4, x8 or x16");

}  // namespace genoform::inner::rules

namespace genoform::dna {

namespace program_text {

/// What stopped the parser, and where (an offset in the text).
struct ProgramError {
  Rule rule = Rule::none;
  std::size_t at = 0;
};

/// Turns a text into a program, and checks all that concerns one instruction and the program around it.
class Parser {
 public:
  Parser(std::string_view text, Program& program) : text_(text), program_(program) {}

  /// False when error() says why.
  bool parse() {
    if (text_.size() > grammar::longest_text) return fail(rules::ProgramTooLong{}, grammar::longest_text);
    if (!dimensions() || !constants()) return false;
    do {
      if (!subprogram()) return false;
      skip_space();
    } while (at_ < text_.size());
    return check_calls();
  }
  const ProgramError& error() const { return error_; }

 private:
  struct Call {
    std::size_t at;
    int from, to;
  };

  bool fail(Rule rule, std::size_t at) {
    error_ = {rule, at};
    return false;
  }
  static bool is_word(char c) { return grammar::is_letter(c) || grammar::is_digit(c); }
  /// White space, and comments from # to the end of the line.
  void skip_space() {
    for (; at_ < text_.size() && (grammar::is_space(text_[at_]) || text_[at_] == '#'); ++at_)
      if (text_[at_] == '#') at_ = std::min(text_.find('\n', at_), text_.size() - 1);
  }
  bool takes(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view word() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  /// The number of a name as h12, which begins with that letter; -1 where the word is no such name.
  static int number_in(std::string_view word, char letter) {
    if (word.size() < 2 || word.size() > 5 || word[0] != letter || (word[1] == '0' && word.size() > 2)) return -1;
    int number = 0;
    for (const char c : word.substr(1)) {
      if (!grammar::is_digit(c)) return -1;
      number = 10 * number + (c - '0');
    }
    return number;
  }
  /// Where the word that was read last begins.
  std::size_t begin_of(std::string_view word) const { return at_ - word.size(); }

  bool dimensions() {
    if (const std::string_view name = word(); name != "dims") return fail(rules::BankMissing{}, begin_of(name));
    return bank(program_.dimensions, [&](int& entry) {
      const std::string_view digits = word();
      entry = number_in("d" + std::string(digits), 'd');
      return (entry >= 1 && entry <= max_dimension) || fail(rules::DimensionRange{}, begin_of(digits));
    });
  }
  bool constants() {
    if (const std::string_view name = word(); name != "constants") return fail(rules::BankMissing{}, begin_of(name));
    return bank(program_.constants, [&](double& entry) {
      skip_space();
      const std::size_t begin = at_;
      return decimal(entry) || fail(rules::ConstantRange{}, begin);
    });
  }
  template <class T, class Read>
  bool bank(std::vector<T>& entries, const Read& read) {
    do {
      if (entries.size() == max_bank) return skip_space(), fail(rules::BankTooLong{}, at_);
      T entry{};
      if (!read(entry)) return false;
      entries.push_back(entry);
    } while (!takes(';'));
    return true;
  }
  /// A decimal number whose digits and whose power of ten are exact, so that the double is the nearest one.
  bool decimal(double& value) {
    const bool is_negative = at_ < text_.size() && text_[at_] == '-';
    if (is_negative) ++at_;
    std::int64_t digits = 0;
    int count = 0, exponent = 0;
    bool has_point = false, has_digit = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '.' && !has_point) {
        has_point = true;
        continue;
      }
      if (!grammar::is_digit(c)) break;
      has_digit = true;
      if ((digits > 0 || c != '0') && ++count > 15) return false;
      digits = 10 * digits + (c - '0');
      if (has_point) --exponent;
    }
    if (!has_digit || (at_ < text_.size() && text_[at_] == 'e' && !power(exponent))) return false;
    if (exponent < -22 || exponent > 22 || (at_ < text_.size() && is_word(text_[at_]))) return false;
    double scale = 1;
    for (int i = 0; i < std::max(exponent, -exponent); ++i) scale *= 10;
    value = exponent < 0 ? static_cast<double>(digits) / scale : static_cast<double>(digits) * scale;
    if (is_negative && digits != 0) value = -value;
    return true;
  }
  /// Adds the power after an e.
  bool power(int& exponent) {
    ++at_;
    const bool is_negative = at_ < text_.size() && text_[at_] == '-';
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
    int number = 0, count = 0;
    for (; at_ < text_.size() && grammar::is_digit(text_[at_]) && count < 3; ++at_, ++count)
      number = 10 * number + (text_[at_] - '0');
    exponent += is_negative ? -number : number;
    return count > 0;
  }

  bool subprogram() {
    const std::string_view name = word();
    if (program_.subprograms.size() == max_subprograms && !name.empty()) return fail(rules::TooManySubprograms{}, begin_of(name));
    if (number_in(name, 'S') != static_cast<int>(program_.subprograms.size()))
      return fail(rules::SubprogramMissing{}, begin_of(name));
    if (!takes('{')) return fail(rules::SubprogramMissing{}, at_);
    Subprogram& made = program_.subprograms.emplace_back();
    while (!takes('}')) {
      if (!made.empty() && !takes(';')) return fail(rules::SemicolonMissing{}, at_);
      if (takes('}')) return true;
      if (made.size() == max_instructions) return fail(rules::TooManyInstructions{}, at_);
      if (!instruction(made)) return false;
    }
    return true;
  }

  bool instruction(Subprogram& subprogram) {
    const std::string_view result = word();
    const int next = state_of(subprogram.size()), named = number_in(result, 'h');
    if (named < 0) return fail(rules::InstructionForm{}, begin_of(result));
    if (named != next) return fail(rules::StateOrder{}, begin_of(result));
    Instruction made;
    if (!takes('=')) return fail(rules::InstructionForm{}, at_);
    if (!operation(made)) return false;
    if (!takes('(')) return fail(rules::InstructionForm{}, at_);
    if (!state(made.in1, next)) return false;
    made.in2 = made.in1;
    if (takes(',') && !state(made.in2, next)) return false;
    if (!takes(')')) return fail(rules::InstructionForm{}, at_);
    if (!fields(made)) return false;
    subprogram.push_back(made);
    return true;
  }
  bool operation(Instruction& made) {
    const std::string_view name = word();
    if (const int callee = number_in(name, 'S'); callee >= 0) {
      calls_.push_back({begin_of(name), static_cast<int>(program_.subprograms.size()) - 1, callee});
      made.subprogram = callee;
      return true;
    }
    const auto* const found =
        std::find_if(std::begin(primitives), std::end(primitives), [&](const PrimitiveInfo& p) { return p.word == name; });
    if (found == std::end(primitives)) return fail(rules::UnknownPrimitive{}, begin_of(name));
    made.primitive = static_cast<Primitive>(found - std::begin(primitives));
    return true;
  }
  bool state(int& made, int next) {
    const std::string_view name = word();
    made = number_in(name, 'h');
    if (made < 0) return fail(rules::InstructionForm{}, begin_of(name));
    return made < next || fail(rules::StateRange{}, begin_of(name));
  }
  /// Each at most once, in this order.
  bool fields(Instruction& made) {
    int next_field = 0;
    for (std::string_view name = word(); !name.empty(); name = word()) {
      const int constant = number_in(name, 'c'), dimension = number_in(name, 'd'), branching = number_in(name, 'x');
      const int which = constant >= 0 ? 0 : dimension >= 0 ? 1 : branching >= 0 ? 2 : -1;
      if (which < 0 || which < next_field) return fail(rules::InstructionForm{}, begin_of(name));
      next_field = which + 1;
      if (which == 0) {
        if (constant >= static_cast<int>(program_.constants.size())) return fail(rules::BankRange{}, begin_of(name));
        made.constant = constant;
      } else if (which == 1) {
        if (dimension >= static_cast<int>(program_.dimensions.size())) return fail(rules::BankRange{}, begin_of(name));
        made.dimension = dimension;
      } else {
        if (std::find(std::begin(branchings), std::end(branchings), branching) == std::end(branchings))
          return fail(rules::BranchingRange{}, begin_of(name));
        made.branching = branching;
      }
    }
    return true;
  }
  /// When all subprograms are known.
  bool check_calls() {
    for (const Call& call : calls_)
      if (call.to <= call.from || call.to >= static_cast<int>(program_.subprograms.size()))
        return fail(rules::CallRange{}, call.at);
    return true;
  }

  std::string_view text_;
  Program& program_;
  std::size_t at_ = 0;
  std::vector<Call> calls_;
  ProgramError error_;
};

inline std::string name(char letter, int number) { return letter + std::to_string(number); }

inline std::string text_of(const Instruction& instruction, int state) {
  std::string text = name('h', state) + " = ";
  text += instruction.is_call() ? name('S', instruction.subprogram) : std::string(info(instruction.primitive).word);
  text += "(" + name('h', instruction.in1);
  if (instruction.in2 != instruction.in1) text += ", " + name('h', instruction.in2);
  text += ")";
  if (instruction.constant > 0) text += " " + name('c', instruction.constant);
  if (instruction.dimension > 0) text += " " + name('d', instruction.dimension);
  if (instruction.branching > 1) text += " " + name('x', instruction.branching);
  return text;
}

/// `LINE:COLUMN: "found": sentence; did you mean "..."?`
inline Error error_of(std::string_view text, const ProgramError& error) {
  std::string message = grammar::position_and_token(text, error.at) + std::string(error.rule.sentence);
  if (error.rule == Rule(rules::UnknownPrimitive{})) {
    std::size_t end = error.at;
    while (end < text.size() && (grammar::is_letter(text[end]) || grammar::is_digit(text[end]))) ++end;
    std::vector<std::string_view> words;
    for (const PrimitiveInfo& p : primitives) words.push_back(p.word);
    message += grammar::suggestion(text.substr(error.at, end - error.at), words);
  }
  return {ErrorKind::input, std::move(message)};
}

}  // namespace program_text

/// The program that a text describes (docs/formats/program.md), or an error with line and column.
inline Result<Program> parse_program(std::string_view text) {
  Program program;
  program_text::Parser parser(text, program);
  if (!parser.parse()) return program_text::error_of(text, parser.error());
  return program;
}

/// How the text of a program is laid out.
enum class ProgramLayout { line, lines };

/// The one text of a program: in one line, or with a line for each instruction. Constants that the text cannot keep exactly are
/// rounded to 15 digits.
inline std::string program_text_of(const Program& program, ProgramLayout layout = ProgramLayout::line) {
  const bool has_lines = layout == ProgramLayout::lines;
  const char* const between = has_lines ? "\n" : " ";
  const std::string indent = has_lines ? "\n  " : " ";
  std::string text = "dims";
  for (const int d : program.dimensions) text += " " + std::to_string(d);
  text += std::string(";") + between + "constants";
  for (const double c : program.constants) text += " " + general_text(c, 15);
  text += ";";
  for (std::size_t s = 0; s < program.subprograms.size(); ++s) {
    const Subprogram& subprogram = program.subprograms[s];
    text += between + program_text::name('S', static_cast<int>(s)) + " {";
    for (std::size_t i = 0; i < subprogram.size(); ++i)
      text += (i > 0 ? ";" : "") + indent + program_text::text_of(subprogram[i], state_of(i));
    text += between + std::string("}");
  }
  return text + (has_lines ? "\n" : "");
}

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
