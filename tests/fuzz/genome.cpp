// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/genome.cpp
#include <genoform/genoform.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Any text is refused with one line that says where, or is printed in a canonical form that is read again as itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace genoform;
  const auto genome = Genome::parse({reinterpret_cast<const char*>(data), size});
  if (!genome) {
    const std::string& message = genome.error().message;
    if (message.find('\n') != std::string::npos || message.empty() || message[0] < '1' || message[0] > '9') std::abort();
    return 0;
  }
  const auto again = Genome::parse(genome->text());
  if (!again || again->text() != genome->text()) std::abort();
  const auto built = Genome::from_tree(genome->tree());
  if (!built || built->text() != genome->text()) std::abort();
  return 0;
}
