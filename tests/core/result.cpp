#include "genoform/core/result.hpp"

#include <memory>
#include <string>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{ErrorKind::input, std::to_string(n) + " is odd; give an even number"};
  return n / 2;
}

}  // namespace

TEST_CASE("a result is a value or an error") {
  const Result<int> good = half(8), bad = half(7);
  REQUIRE(good);
  CHECK(*good == 4);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message == "7 is odd; give an even number");
  CHECK(bad.error().error_kind == ErrorKind::input);
}

TEST_CASE("a failed result that is taken for its value throws its error") {
  try {
    const int value = half(7);
    FAIL("no exception, but the value " << value);
  } catch (const Exception& failure) {
    CHECK(failure.error_kind() == ErrorKind::input);
    CHECK(std::string(failure.what()) == "7 is odd; give an even number");
  }
  CHECK_THROWS_AS(Result<void>(Error{ErrorKind::resources, "no memory"}).value(), Exception);
  CHECK_NOTHROW(Result<void>().value());
}

TEST_CASE("a result may hold what can only be moved") {
  Result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(owner).value();
  CHECK(*taken == 5);
}
