// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/space.cpp
#include <genoform/search/space/space_file.hpp>
#include <genoform/search/space/space_text.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

/// Any file of a space is refused with one line, or is printed and read again with the same meaning.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace genoform;
  using namespace genoform::search;
  std::string text;
  try {
    text = toml_of(read_space({reinterpret_cast<const char*>(data), size}, "FILE"));
  } catch (const Exception& error) {
    if (std::strchr(error.what(), '\n') != nullptr) std::abort();
    return 0;
  }
  if (toml_of(read_space(text, "FILE")) != text) std::abort();
  return 0;
}
