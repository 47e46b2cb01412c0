// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/study.cpp
// -lsqlite3
#include <genoform/search/report/report.hpp>

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// A file of any bytes is refused with one line that names it, or is a study with a report and a record.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace genoform;
  using namespace genoform::search;
  static const std::string path = "/dev/shm/genoform-fuzz-" + std::to_string(::getpid()) + ".sqlite";
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr || std::fwrite(data, 1, size, file) != size || std::fclose(file) != 0) std::abort();
  try {
    const Store store(path, Store::Open::read);
    const std::string record = store.record();
    const Report report(store);
    const std::string text = report.text() + report.json_text();
    if (record.size() + text.size() == 0) std::abort();
  } catch (const Exception& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos || std::string_view(error.what()).find(path) != 0)
      std::abort();
  }
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
  return 0;
}
