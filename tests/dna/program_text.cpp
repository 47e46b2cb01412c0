#include "genoform/dna/program_text.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include "genoform/dna/graph.hpp"
#include "genoform/dna/seeds.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::dna;

namespace {

const std::string banks = "dims 8 1; constants 0 0.5; ";

/// What is wrong with a text.
std::string why(const std::string& text) {
  const Result<Program> program = parse_program(text);
  if (program) return "fine";
  CHECK(program.error().error_kind == ErrorKind::input);
  CHECK(program.error().message.find('\n') == std::string::npos);
  return program.error().message;
}
/// What is wrong with the main subprogram.
std::string why_main(const std::string& code) {
  const std::string message = why(banks + "S0 { " + code + " } S1 { }");
  const std::string line = "1:";
  return message.rfind(line, 0) == 0 ? message.substr(message.find(' ') + 1) : message;
}

}  // namespace

TEST_CASE("a program prints as the text that it was read from") {
  for (const NamedProgram& named : named_programs()) {
    const Program program = named.program({});
    const std::string line = program_text_of(program), lines = program_text_of(program, ProgramLayout::lines);
    CHECK(parse_program(line).value() == program);
    CHECK(parse_program(lines).value() == program);
    CHECK(line.find('\n') == std::string::npos);
  }
}

TEST_CASE("white space and comments between words have no meaning") {
  const Program plain = parse_program(banks + "S0 { h2 = ADD(h0, h1) c1 d1 x4; h3 = SQUARE(h2) }").value();
  const Program spread =
      parse_program("# banks\ndims 8\t1 ;constants 0 0.5;\n\nS0{h2=ADD( h0,h1 ) c1\nd1 x4 ; # sum\nh3 = SQUARE(h2);}#").value();
  CHECK(plain == spread);
  CHECK(program_text_of(plain) == "dims 8 1; constants 0 0.5; S0 { h2 = ADD(h0, h1) c1 d1 x4; h3 = SQUARE(h2) }");
}

TEST_CASE("fields that an operation does not read are kept") {
  const std::string text = banks + "S0 { h2 = SQUARE(h0, h1) c1 d1 x2 }";
  CHECK(program_text_of(parse_program(text).value()) == text);
}

TEST_CASE("constants are the nearest doubles of their text, and print as the same text") {
  for (const std::string text : {"0.353553390593274", "-1.12", "1e+15", "123456789012345", "1e-07", "0", "0.1", "9.99999e-08"}) {
    const Program program = parse_program("dims 1; constants " + text + "; S0 { }").value();
    CHECK(program.constants[0] == std::stod(text));
    CHECK(program_text_of(program) == "dims 1; constants " + text + "; S0 { }");
  }
  for (const std::string text : {"1234567890123456", "1e23", "1e-23", "1e", "e5", "-", ".", "0x1", "inf", "nan", "1,5", "+1"})
    CHECK(why("dims 1; constants " + text + "; S0 { }") != "fine");
}

TEST_CASE("a wrong program is refused with its line and column, what was found and what is allowed") {
  CHECK(why("") == "1:1: a program begins with its banks, as in dims 8 1 32; constants 0 0.125;");
  CHECK(why("dims 0; constants 1; S0 { }") == "1:6: \"0\": a relative width is a number from 1 to 4096");
  CHECK(why("dims 4097; constants 1; S0 { }") == "1:6: \"4097\": a relative width is a number from 1 to 4096");
  CHECK(why("dims 1; S0 { }") == "1:9: \"S0\": a program begins with its banks, as in dims 8 1 32; constants 0 0.125;");
  CHECK(why(banks + "\nS1 { }") == "2:1: \"S1\": here stands the next subprogram, as in S0 { h2 = ADD(h0, h1) }");
  CHECK(why(banks) == "1:28: here stands the next subprogram, as in S0 { h2 = ADD(h0, h1) }");
  CHECK(why(banks + "S0 { h2 = ADD(h0) ").find("a ; is missing before this") != std::string::npos);
  CHECK(why_main("h3 = ADD(h0)") == "\"h3\": instructions make the states in order, h2 first");
  CHECK(why_main("h2 = ADD(h2)") == "\"h2\": this state is not there yet");
  CHECK(why_main("h2 = SQUAR(h0)") ==
        "\"SQUAR\": no primitive has this name, and S with a number calls a subprogram; did you mean \"SQUARE\"?");
  CHECK(why_main("h2 = S0(h0)") == "\"S0\": a subprogram calls only later ones that the program has");
  CHECK(why_main("h2 = S2(h0)") == "\"S2\": a subprogram calls only later ones that the program has");
  CHECK(why_main("h2 = S1(h0)") == "fine");
  CHECK(why_main("h2 = ADD(h0) c2") == "\"c2\": the bank has no such entry");
  CHECK(why_main("h2 = ADD(h0) d2") == "\"d2\": the bank has no such entry");
  CHECK(why_main("h2 = ADD(h0) x3") == "\"x3\": branching is x1, x2, x4, x8 or x16");
  CHECK(why_main("h2 = ADD(h0) x2 c1").find("an instruction has the form") != std::string::npos);
  CHECK(why_main("h2 = ADD(h0) c1 c1").find("an instruction has the form") != std::string::npos);
  CHECK(why_main("h2 ADD(h0)").find("an instruction has the form") != std::string::npos);
  CHECK(why_main("h2 = ADD(h0) h3 = ADD(h0)").find("an instruction has the form") != std::string::npos);
}

TEST_CASE("a program has bounds that its text is checked against") {
  std::string bank = "dims", subprograms, instructions;
  for (int i = 0; i < 17; ++i) bank += " 1";
  CHECK(why(bank + "; constants 0; S0 { }").find("a bank has 16 entries at most") != std::string::npos);
  for (int i = 0; i < 65; ++i) subprograms += "S" + std::to_string(i) + " { } ";
  CHECK(why(banks + subprograms).find("a program has 64 subprograms at most") != std::string::npos);
  for (int i = 0; i < 65; ++i) instructions += "h" + std::to_string(i + 2) + " = ADD(h0); ";
  CHECK(why_main(instructions).find("a subprogram has 64 instructions at most") != std::string::npos);
  CHECK(why(banks + std::string(70000, ' ')).find("the program is too long") != std::string::npos);
}

TEST_CASE("the program in the documents can be computed") {
  std::ifstream file(GENOFORM_TEST_DATA "/../../docs/formats/program.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}}, fence = "```text\n";
  const std::size_t begin = page.find(fence);
  REQUIRE(begin != std::string::npos);
  const std::string text = page.substr(begin + fence.size(), page.find("```", begin + 1) - begin - fence.size());
  CHECK(graph_of(parse_program(text).value(), 64, 16).ok());
}
