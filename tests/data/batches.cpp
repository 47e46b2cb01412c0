#include <genoform/data/batches.hpp>

#include <numeric>
#include <vector>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {
std::vector<Token> counted(std::size_t size) {
  std::vector<Token> tokens(size);
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}
struct Filled {
  std::vector<Token> inputs, targets;
  friend bool operator==(const Filled&, const Filled&) = default;
};
Filled filled(const Batches& batches, std::uint64_t step) {
  Filled result{std::vector<Token>(batches.batch() * batches.context()), std::vector<Token>(batches.batch() * batches.context())};
  batches.fill(step, result.inputs, result.targets);
  return result;
}
}  // namespace

TEST_CASE("a batch holds windows of the text, targets one token later") {
  const auto tokens = counted(1000);
  const Batches batches(tokens, 5, 16, 3);
  for (std::uint64_t step = 0; step < 100; ++step) {
    const Filled batch = filled(batches, step);
    for (std::size_t row = 0; row < 5; ++row)
      for (std::size_t i = 0; i < 16; ++i) {
        REQUIRE(batch.inputs[row * 16 + i] == static_cast<Token>(batches.start(step, row) + i));
        REQUIRE(batch.targets[row * 16 + i] == batch.inputs[row * 16 + i] + 1);
      }
  }
}

TEST_CASE("a batch depends on seed and step alone") {
  const auto tokens = counted(1000);
  const Batches first(tokens, 4, 8, 3), second(tokens, 4, 8, 3), other(tokens, 4, 8, 4);
  for (std::uint64_t step = 0; step < 5; ++step) static_cast<void>(filled(first, step));
  CHECK(filled(first, 1'000'000'000'000) == filled(second, 1'000'000'000'000));
  CHECK(filled(first, 0) == filled(second, 0));
  CHECK_FALSE(filled(first, 0) == filled(first, 1));
  CHECK_FALSE(filled(first, 0) == filled(other, 0));
  // Fixed for all machines and versions: a change here changes every recorded study.
  CHECK(first.start(0, 0) == second.start(0, 0));
  CHECK(std::vector{first.start(0, 0), first.start(0, 1), first.start(7, 3)} == std::vector<std::size_t>{594, 445, 858});
}

TEST_CASE("every window of a text is sampled, and none beyond") {
  const auto tokens = counted(20);
  const Batches batches(tokens, 8, 10, 1);
  std::vector<int> sampled(10);
  for (std::uint64_t step = 0; step < 1000; ++step)
    for (std::size_t row = 0; row < 8; ++row) ++sampled.at(batches.start(step, row));
  for (const int count : sampled) {
    CHECK(count > 650);
    CHECK(count < 950);
  }
  const auto shortest = counted(11);
  CHECK(Batches(shortest, 1, 10, 1).start(5, 0) == 0);
}

TEST_CASE("a text that is too short for a context is refused") {
  const auto tokens = counted(10);
  CHECK_THROWS_AS(Batches(tokens, 1, 10, 1), Exception);
  CHECK_THROWS_AS(Batches(tokens, 1, 0, 1), Exception);
  CHECK(evaluation_windows(tokens, 4, 10).error().message == "a text of 10 tokens; a context of 10 needs 11");
  CHECK(sequential_windows(tokens, 10).error().error_kind == ErrorKind::input);
  CHECK(sequential_windows(tokens, 0).error().error_kind == ErrorKind::usage);
}

TEST_CASE("evaluation windows stand where numpy's linspace puts them") {
  // numpy.linspace(0, last, count).astype(int)
  CHECK(evaluation_windows(counted(102), 8, 1).value() == std::vector<std::size_t>{0, 14, 28, 42, 57, 71, 85, 100});
  CHECK(evaluation_windows(counted(1000), 7, 64).value() == std::vector<std::size_t>{0, 155, 311, 467, 623, 779, 935});
  CHECK(evaluation_windows(counted(1000), 1, 64).value() == std::vector<std::size_t>{0});
  CHECK(evaluation_windows(counted(1000), 0, 64)->empty());
  CHECK(evaluation_windows(counted(65), 3, 64).value() == std::vector<std::size_t>{0, 0, 0});
  const auto many = evaluation_windows(counted(201'108), 512, 64).value();
  CHECK(many.front() == 0);
  CHECK(many.back() == 201'043);
  std::size_t sum = 0;
  for (const std::size_t start : many) sum += start;
  CHECK(sum == 51'466'753);
}

TEST_CASE("sequential windows score every target exactly once") {
  for (const std::size_t context : {1U, 2U, 7U, 16U})
    for (std::size_t size = context + 1; size < 70; ++size) {
      const auto windows = sequential_windows(counted(size), context).value();
      std::vector<int> scored(size);
      for (const ScoredWindow& window : windows) {
        REQUIRE(window.start + context < size);
        REQUIRE(window.first_scored < context);
        for (std::size_t i = window.first_scored; i < context; ++i) ++scored[window.start + i + 1];
      }
      REQUIRE(scored[0] == 0);
      for (std::size_t i = 1; i < size; ++i) REQUIRE(scored[i] == 1);
    }
}

TEST_CASE("windows are copied by their starts") {
  const auto tokens = counted(10);
  std::vector<Token> inputs(6), targets(6);
  copy_windows(tokens, std::vector<std::size_t>{6, 0}, 3, inputs, targets);
  CHECK(inputs == std::vector<Token>{6, 7, 8, 0, 1, 2});
  CHECK(targets == std::vector<Token>{7, 8, 9, 1, 2, 3});
}
