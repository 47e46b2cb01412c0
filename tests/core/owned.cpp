#include "genoform/core/owned.hpp"

#include <utility>

#include "tests/catch.hpp"

using namespace genoform;

namespace {

/// Counts how many of it there are.
struct Part {
  explicit Part(int& count) : alive(&count) { ++*alive; }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  virtual ~Part() { --*alive; }
  int* alive;
};
struct Special final : Part {
  using Part::Part;
};

struct Value {
  Value() { ++alive; }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  ~Value() { --alive; }
  int number = 0;
  static inline int alive = 0;
};

}  // namespace

TEST_CASE("what is owned goes with its last owner, also as its base, and once") {
  int alive = 0;
  {
    Owned<Part> first = make_owned<Special>(alive);
    Owned<Part> second = std::move(first);
    CHECK((alive == 1 && !first && second));
    second = make_owned<Part>(alive);
    CHECK(alive == 1);
    Owned<Part> nothing;
    second = std::move(nothing);
  }
  CHECK(alive == 0);
}

TEST_CASE("what is counted is the same for all copies and goes with the last of them") {
  {
    Counted<Value> first;
    first->number = 7;
    Counted<Value> second = first;
    Counted<Value> third = std::move(first);
    first = second;
    CHECK((Value::alive == 1 && second.operator->() == third.operator->() && first->number == 7));
    first = Counted<Value>();
    CHECK((Value::alive == 2 && first->number == 0 && second->number == 7));
  }
  CHECK(Value::alive == 0);
}
