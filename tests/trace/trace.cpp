#include <sstream>
#include <string>
#include <vector>

#include "genoform/backend/trace.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/ops/operations.hpp"
#include "tests/catch.hpp"

using namespace genoform;

TEST_CASE("preparing writes nothing, running writes one line with name, shapes, bytes and FLOPs") {
  std::ostringstream out;
  const Trace trace(out);
  const Tensor x = matrix(Memory::workspace, 0, 6, 4), w = matrix(Memory::weights, 0, 5, 4),
               y = matrix(Memory::workspace, 24, 6, 5);
  const auto call = trace.prepare(op::Linear{.x = x, .w = w, .bias = {}, .y = y}, Memories<float>{});
  REQUIRE(out.str().empty());
  call();
  call();
  const std::string line =
      "linear                        6x4 5x4 - 6x5 -                                   bytes 296  flops 240\n";
  REQUIRE(out.str() == line + line);
}

TEST_CASE("a tensor that is read and written is counted once") {
  const Tensor x = matrix(Memory::workspace, 0, 3, 2);
  REQUIRE(trace::line_of(op::Activate{op::Function::relu, x, {}, x}, 4).bytes == 24);
}

TEST_CASE("a memory that does not exist is never looked at") {
  std::ostringstream out;
  const Trace trace(out);
  const Tensor x = matrix(Memory::workspace, 1'000'000'000, 1000, 1000);
  trace.prepare(op::Clear{x}, Memories<float>{})();
  REQUIRE(out.str().find("1000x1000") != std::string::npos);
}

TEST_CASE("a model on the trace back end writes the operations of a pass in order") {
  using Net = Decoder<Stack<Block<Ffn<SqReLU, Hidden<6>>>, 2>, Vocab<7>, Width<4>, Context<3>>;
  std::ostringstream out;
  Model<Net, Trace> model({.seed = 1, .storage = {}, .backend = Trace(out)});
  const std::vector<Token> tokens{1, 2, 3};
  model.evaluate_logits(tokens, 1);
  std::istringstream lines(out.str());
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line.substr(0, line.find(' ')));
  const std::vector<std::string> layer{"normalize", "linear", "linear"};  // the second adds the residual stream itself
  std::vector<std::string> expected{"clear", "embed"};
  for (int i = 0; i < 2; ++i) expected.insert(expected.end(), layer.begin(), layer.end());
  expected.insert(expected.end(), {"normalize", "linear"});
  REQUIRE(names == expected);
}
