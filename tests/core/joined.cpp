#include "genoform/core/joined.hpp"

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("texts and integers are put together in their order") {
  const std::string text = "net";
  CHECK(joined({"blocks.", std::int64_t{12}, ".", 0, ".", std::string_view("up"), text, -7}) == "blocks.12.0.upnet-7");
  CHECK(joined({}).empty());
  CHECK(joined({"", std::size_t{9000000000}}) == "9000000000");
}

TEST_CASE("a failure says its pieces and its kind") {
  try {
    fail(ErrorKind::resources, {"no memory for ", 3, " bytes"});
  } catch (const Exception& failure) {
    CHECK(failure.error_kind() == ErrorKind::resources);
    CHECK(std::string(failure.what()) == "no memory for 3 bytes");
    return;
  }
  FAIL("nothing was thrown");
}
