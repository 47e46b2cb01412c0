// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/program.cpp
#include <genoform/dna/graph.hpp>
#include <genoform/dna/program_text.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

/// Any text of a program is refused with one line, or is printed and read again as the same program, and has a graph or not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace genoform;
  using namespace genoform::dna;
  const Result<Program> program = parse_program({reinterpret_cast<const char*>(data), size});
  if (!program) {
    if (program.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const std::string text = program_text_of(*program);
  const Result<Program> again = parse_program(text);
  if (!again || program_text_of(*again) != text) std::abort();
  (void)graph_of(*program, 16, 8);
  return 0;
}
