#include <sstream>
#include <string>
#include <vector>

#include "genoform/backend/dry_run.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/ops/operations.hpp"
#include "genoform/report/trace.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("a line has the name, the shapes that are read and written, bytes and FLOPs") {
  std::ostringstream out;
  const Tensor x = matrix(Memory::workspace, 0, 6, 4), w = matrix(Memory::weights, 0, 5, 4),
               y = matrix(Memory::workspace, 24, 6, 5);
  out << trace_line(info_of(op::Linear{.x = x, .w = w, .y = y}));
  REQUIRE(out.str() == "linear                        6x4 5x4 -> 6x5                                    bytes 296  flops 240\n");
}

TEST_CASE("a tensor that is read and written moves twice") {
  const Tensor x = matrix(Memory::workspace, 0, 3, 2);
  REQUIRE(trace_line(info_of(op::Activate{.f = op::Function::relu, .u = x, .y = x})).bytes == 48);
}

TEST_CASE("recording writes nothing, running writes a line for each operation") {
  std::ostringstream out;
  Trace trace(out);
  OperationList list;
  list.observe(&trace, Phase::forward);
  const Tensor x = matrix(Memory::workspace, 1'000'000'000, 1000, 1000);  // no such memory: it is never looked at
  list.add(DryRun(), op::Clear{.y = x}, Memories<float>{});
  REQUIRE(out.str().empty());
  list.run();
  list.run();
  const std::string line =
      "clear                         -> 1000x1000                                      bytes 4000000  flops 0\n";
  REQUIRE(out.str() == line + line);
}

TEST_CASE("the trace of a model has the operations of a pass in order, whatever the back end") {
  using Net = Decoder<Stack<Block<Ffn<SqReLU, Hidden<6>>>, 2>, Vocab<7>, Width<4>, Context<3>>;
  std::ostringstream out;
  Trace trace(out);
  Model<Net, Reference> model({.seed = 1});
  model.observe(&trace);
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
