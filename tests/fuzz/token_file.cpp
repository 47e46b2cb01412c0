// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/token_file.cpp
#include <genoform/io/token_file.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

/// Any bytes are refused, or give tokens of the vocabulary.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace genoform;
  using namespace genoform::inner;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto layout = token_file::parse_header(bytes, "FILE");
  if (!layout) return 0;
  const auto tokens = token_file::parse_tokens(bytes, *layout, 0, layout->count, 256, "FILE");
  if (!tokens) return 0;
  for (const Token token : *tokens)
    if (token < 0 || token >= 256) std::abort();
  return 0;
}
