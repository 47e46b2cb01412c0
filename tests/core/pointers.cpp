#include "genoform/core/pointers.hpp"

#include <utility>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Counts how many of it there are.
struct Tracked {
  explicit Tracked(int& count) : alive(&count) { ++*alive; }
  Tracked(const Tracked&) = delete;
  Tracked& operator=(const Tracked&) = delete;
  virtual ~Tracked() { --*alive; }
  int* alive;
};
struct SpecialTracked final : Tracked {
  using Tracked::Tracked;
};

struct HeldValue {
  HeldValue() { ++alive; }
  HeldValue(const HeldValue&) = delete;
  HeldValue& operator=(const HeldValue&) = delete;
  ~HeldValue() { --alive; }
  int number = 0;
  static inline int alive = 0;
};

}  // namespace

TEST_CASE("what is owned goes with its last owner, also as its base, and once") {
  int alive = 0;
  {
    UniquePtr<Tracked> first = make_unique_ptr<SpecialTracked>(alive);
    UniquePtr<Tracked> second = std::move(first);
    CHECK((alive == 1 && !first && second));
    second = make_unique_ptr<Tracked>(alive);
    CHECK(alive == 1);
    UniquePtr<Tracked> nothing;
    second = std::move(nothing);
  }
  CHECK(alive == 0);
}

TEST_CASE("what is counted is the same for all copies and goes with the last of them") {
  {
    SharedPtr<HeldValue> first;
    first->number = 7;
    SharedPtr<HeldValue> second = first;
    SharedPtr<HeldValue> third = std::move(first);
    first = second;
    CHECK((HeldValue::alive == 1 && second.operator->() == third.operator->() && first->number == 7));
    first = SharedPtr<HeldValue>();
    CHECK((HeldValue::alive == 2 && first->number == 0 && second->number == 7));
  }
  CHECK(HeldValue::alive == 0);
}
