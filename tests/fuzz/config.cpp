// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/config.cpp
#include <genoform/io/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Any text is refused with one line, or is read, written and read again with the same meaning.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace genoform;
  using namespace genoform::inner;
  const auto config = parse_config({reinterpret_cast<const char*>(data), size}, "FILE");
  if (!config) {
    if (config.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const auto text = config_text(*config);
  if (!text) std::abort();
  const auto again = parse_config(*text, "FILE");
  if (!again || again->model != config->model || again->tokenizer != config->tokenizer || again->further != config->further)
    std::abort();
  return 0;
}
