#include <genoform/io/config.hpp>

#include <string>

#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {
std::string error_of(const std::string& text) {
  const auto config = parse_config(text, "FILE");
  if (config) return {};
  CHECK(config.error().error_kind == ErrorKind::input);
  CHECK(is_one_line(config.error().message));
  return config.error().message;
}
}  // namespace

TEST_CASE("a config.json is written in the form of the format and keeps further keys in their order") {
  const TemporaryFolder folder;
  const std::string file = folder / "config.json";
  write_bytes(
      file,
      R"({"zeta": [1, 2.5, null], "model": "M<1>", "tokenizer": {"kind": "x"}, "alpha": {"b": "\u00e9", "a": 1}, "format": "genoform-1"})");
  auto config = read_config(file);
  REQUIRE(config);
  CHECK(config->model == "M<1>");
  CHECK(config->tokenizer == R"({"kind":"x"})");
  CHECK(config->further == "{\"zeta\":[1,2.5,null],\"alpha\":{\"b\":\"\xC3\xA9\",\"a\":1}}");
  config->model = "M<2>";
  REQUIRE(write_config(file, *config));
  const auto again = read_config(file);
  REQUIRE(again);
  CHECK(again->model == "M<2>");
  CHECK(again->tokenizer == config->tokenizer);
  CHECK(again->further == config->further);

  REQUIRE(write_config(file, Config{.model = "M<3>"}));
  CHECK(read_bytes(file) == "{\n  \"format\": \"genoform-1\",\n  \"model\": \"M<3>\",\n  \"tokenizer\": {}\n}\n");
}

TEST_CASE("a wrong config.json is refused with the file and the key or byte") {
  CHECK(error_of(R"({"format":"genoform-1","model":"M"})").empty());
  CHECK(error_of(R"({"model":"M"})") == "FILE: key \"format\": missing");
  CHECK(error_of(R"({"format":"genoform-2","model":"M"})") ==
        "FILE: key \"format\": found \"genoform-2\"; allowed is \"genoform-1\"");
  CHECK(error_of(R"({"format":1,"model":"M"})") == "FILE: key \"format\": must be a string");
  CHECK(error_of(R"({"format":"genoform-1"})") == "FILE: key \"model\": missing");
  CHECK(error_of(R"({"format":"genoform-1","model":["M"]})") == "FILE: key \"model\": must be a string");
  CHECK(error_of(R"({"format":"genoform-1","model":"M","tokenizer":"bytes"})") == "FILE: key \"tokenizer\": must be an object");
  CHECK(error_of(R"({"format":"genoform-1","model":"M","model":"N"})") == "FILE: key \"model\" stands twice");
  CHECK(error_of(R"({"format":"genoform-1","model":"M","x":[{"y":1,"y":2}]})") == "FILE: key \"y\" stands twice");
  CHECK(error_of("[]") == "FILE: must hold a JSON object");
  CHECK(error_of("3") == "FILE: must hold a JSON object");
  CHECK(error_of("") == "FILE: byte 0: not JSON, near \"\"");
  CHECK(error_of("{\n\"a\":?}") == "FILE: byte 6: not JSON, near \"\\\"a\\\":?\"");
  CHECK(error_of("{\"a\":\"\xFF\"}") == "FILE: byte 6: not UTF-8");
  CHECK(error_of(std::string("{}\0", 3)) == "FILE: byte 2: a zero byte");
  CHECK(error_of(std::string(65, '[') + std::string(65, ']')) == "FILE: nested deeper than 64 levels");
  CHECK(error_of(std::string(2'000'000, '[')) == "FILE: 2000000 bytes; allowed are 1048576");
}

TEST_CASE("a configuration that cannot be a file is refused as wrong usage") {
  const auto error = [](const Config& config) {
    const auto text = config_text(config);
    REQUIRE_FALSE(text);
    CHECK(text.error().error_kind == ErrorKind::usage);
    return text.error().message;
  };
  CHECK(error({.model = "M", .tokenizer = "[]"}) == "tokenizer: must hold a JSON object");
  CHECK(error({.model = "M", .further = "{"}).starts_with("further keys: byte "));
  CHECK(error({.model = "M", .further = R"({"model":"N"})"}) == "further keys: \"model\" is one of the library's own");
  CHECK(error({.model = "\xFF"}) == "the text of the model is not UTF-8");
}
