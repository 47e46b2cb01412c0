// A back end of one's own: the operations of Reference, with a count of how often each one runs. A back end for other hardware
// has one overload of prepare() for each operation in place of the template.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "genoform/backend/reference.hpp"
#include "genoform/data/synthetic.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/train/adamw.hpp"
#include "genoform/train/trainer.hpp"
#include "tests/catch.hpp"

namespace mine {

using namespace genoform;
using namespace genoform::extend;

class Counting {
 public:
  using Real = double;  // the number type of its memories
  using Counts = std::map<std::string_view, std::int64_t>;

  /// Called once for each operation of a recording. All that can be done once is done here; what comes back does one run, and
  /// allocates nothing.
  template <class Op>
  auto prepare(const Op& op, const Memories<Real>& memories) const {
    return [run = Reference().prepare(op, memories), count = &(*counts_)[Op::name], all = counts_] {
      ++*count;
      run();
    };
  }
  /// Called before a list of operations is prepared or run: what belongs to the calling thread is set here.
  void enter() const {}

  std::int64_t runs_of(std::string_view operation) const { return (*counts_)[operation]; }

 private:
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();  // shared by copies, and by prepared operations
};

using Net = Decoder<Stack<Block<Attention<Heads<2>>, Moe<Top2, Experts<4>, Hidden<8>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<16>,
                    Context<8>>;

}  // namespace mine

using namespace genoform;
using namespace genoform::extend;
using mine::Counting, mine::Net;

TEST_CASE("a back end of one's own computes what the reference computes") {
  const auto worst = testing::compare_backends<Net, Counting, Reference>();
  INFO(worst);
  CHECK(worst.error == 0);
}

TEST_CASE("a model is trained on a back end of one's own, with its operations counted") {
  const Corpus text = Corpus::from_text(synthetic_text(5'000, 1));
  const TrainOptions options{.steps = 3, .batch = 2, .windows = 0};
  const Counting counting;
  Model<Net, Counting> model({.seed = 1, .backend = counting});
  Model<Net, Reference> same({.seed = 1});
  Trainer trainer(model, options);
  Trainer other(same, options);
  for (int step = 0; step < 3; ++step) {
    trainer.step(text).value();
    other.step(text).value();
  }
  CHECK(std::ranges::equal(model.parameters(), same.parameters()));
  CHECK(counting.runs_of("attend") == 3 * 2);  // two layers in three steps
  CHECK(counting.runs_of("attend_gradient") == 3 * 2);
  CHECK(counting.runs_of("cross_entropy") == 3);
}
