#include <genoform/io/quote.hpp>

#include <string>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("UTF-8 is accepted in its shortest forms only") {
  for (const char* const text : {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                 "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    CHECK_FALSE(first_invalid_utf8(text));
  for (const char* const text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xE2\x28\xA1", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xF0\x90\x80\x41"})
    CHECK(first_invalid_utf8(text) == 0U);
  CHECK(first_invalid_utf8("ab\xC3\xA9\xFF") == 4U);
}

TEST_CASE("foreign text in a message stays on one line, readable and short") {
  CHECK(in_quotes("a\nb\"\\\x7F") == "\"a\\x0ab\\\"\\\\\\x7f\"");
  CHECK(in_quotes("caf\xC3\xA9") == "\"caf\xC3\xA9\"");
  CHECK(in_quotes("\xFF") == "\"\\xff\"");
  CHECK(in_quotes("caf\xC3\xA9 \xE9") == "\"caf\xC3\xA9 \\xe9\"");
  CHECK(in_quotes("\xEF\xBB\xBF"
                  "a\xC2\xA0\xF3\xA0\x81\x81") == "\"\\u{feff}a\\u{00a0}\\u{e0041}\"");
  const std::string cut = in_quotes(std::string(119, 'x') + "\xC3\xA9" + std::string(1000, 'y'));
  CHECK(cut == "\"" + std::string(119, 'x') + "...\"");
}
