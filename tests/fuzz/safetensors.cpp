// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/safetensors.cpp
#include <genoform/io/safetensors.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

/// Any bytes are refused with one line, or describe tensors that fill the file exactly.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace genoform;
  using namespace genoform::inner;
  const auto header = safetensors::parse_header(std::as_bytes(std::span(data, size)), "FILE");
  if (!header) {
    if (header.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  std::uint64_t end = 0;
  for (const StoredTensor& tensor : header->tensors) {
    if (tensor.begin != end || safetensors::byte_count(tensor.dtype, tensor.shape) != tensor.end - tensor.begin) std::abort();
    if (header->tensors.at(header->index.at(tensor.name)).begin != tensor.begin) std::abort();
    end = tensor.end;
  }
  if (header->data_begin + end != size) std::abort();
  return 0;
}
