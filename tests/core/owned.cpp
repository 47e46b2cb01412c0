#include "genoform/core/pointers.hpp"

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
    UniquePtr<Part> first = make_unique_ptr<Special>(alive);
    UniquePtr<Part> second = std::move(first);
    CHECK((alive == 1 && !first && second));
    second = make_unique_ptr<Part>(alive);
    CHECK(alive == 1);
    UniquePtr<Part> nothing;
    second = std::move(nothing);
  }
  CHECK(alive == 0);
}

TEST_CASE("what is counted is the same for all copies and goes with the last of them") {
  {
    SharedPtr<Value> first;
    first->number = 7;
    SharedPtr<Value> second = first;
    SharedPtr<Value> third = std::move(first);
    first = second;
    CHECK((Value::alive == 1 && second.operator->() == third.operator->() && first->number == 7));
    first = SharedPtr<Value>();
    CHECK((Value::alive == 2 && first->number == 0 && second->number == 7));
  }
  CHECK(Value::alive == 0);
}
