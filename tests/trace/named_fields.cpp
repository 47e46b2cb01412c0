#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.hpp"

namespace fs = std::filesystem;

namespace {

const fs::path root = fs::path(GENOFORM_TEST_DATA) / "../..";

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The word that begins at an index of a text.
std::string word_at(const std::string& text, std::size_t i) {
  std::size_t end = i;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
  return text.substr(i, end - i);
}

/// The structs of ops/*.hpp that have a name of an operation.
std::set<std::string> operations() {
  std::set<std::string> all;
  for (const auto& entry : fs::directory_iterator(root / "include/genoform/ops")) {
    const std::string text = contents(entry.path());
    for (std::size_t i = text.find("std::string_view name = \""); i != std::string::npos;
         i = text.find("std::string_view name = \"", i + 1))
      all.insert(word_at(text, text.rfind("\nstruct ", i) + 8));
  }
  return all;
}

/// Where an operation is built of values without names, as file:offset.
void find_positional(const fs::path& path, const std::set<std::string>& operations, std::vector<std::string>& found) {
  const std::string text = contents(path);
  for (std::size_t i = text.find("op::"); i != std::string::npos; i = text.find("op::", i + 1)) {
    const std::string name = word_at(text, i + 4);
    if (operations.count(name) == 0) continue;
    std::size_t brace = i + 4 + name.size();
    if (text[brace] == ' ') brace += 1 + word_at(text, brace + 1).size();  // a variable
    if (text[brace] != '{') continue;
    const std::size_t first = text.find_first_not_of(" \n", brace + 1);
    if (text[first] != '.' && text[first] != '}') found.push_back(path.string() + ":" + std::to_string(i) + " " + name);
  }
}

}  // namespace

TEST_CASE("operations are built with named fields everywhere") {
  const std::set<std::string> names = operations();
  REQUIRE(names.size() > 70);
  REQUIRE(names.count("AttendGradient") == 1);
  std::vector<std::string> found;
  for (const char* folder : {"include", "tests", "examples", "benchmarks"})
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".hpp" || entry.path().extension() == ".cpp") find_positional(entry.path(), names, found);
  CHECK(found == std::vector<std::string>{});
}
