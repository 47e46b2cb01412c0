#include <cstdint>
#include <vector>

#include "genoform/backend/dry_run.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Computes nothing, and has its logits in bf16.
struct NarrowLogits : DryRun {
  ElementType logits() const { return ElementType::bf16; }
};
using Net = Decoder<Stack<Block<Ffn<SqReLU>>, 1>, Vocab<512>, Width<16>, Context<8>>;

}  // namespace

TEST_CASE("logits in bf16 take half the memory, and the host sees them as the numbers of the back end") {
  Model<Net, DryRun> full;
  Model<Net, NarrowLogits> narrow;
  const Shape shape{2, 8};
  CHECK(full.plan(shape, Pass::train).workspace_elements - narrow.plan(shape, Pass::train).workspace_elements == 16 * 512 / 2);
  const std::vector<Token> tokens(16, 1);
  const auto logits = narrow.logits(tokens, 2);
  REQUIRE(logits.size() == 16 * 512);
  CHECK(logits[8191] == 0);
  std::vector<float> gradient(logits.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = static_cast<float>(i % 256) - 128;  // what bf16 holds exactly
  narrow.backward(gradient);
  const auto read = narrow.evaluate_logits(tokens, 2);  // of another recording
  CHECK(read[100] == 0);
  const auto again = narrow.logits(tokens, 2);  // nothing runs, so what backward() was given still lies there
  CHECK(std::vector<float>(again.begin(), again.end()) == gradient);
}
