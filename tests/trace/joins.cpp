#include <string>
#include <vector>

#include "genoform/backend/dry_run.hpp"
#include "genoform/ops/recorder.hpp"
#include "genoform/report/trace.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Neighbouring rows are cleared at once.
struct ClearsTogether {
  using First = op::Clear;
  static bool join(op::Clear& first, const op::Clear& next) {
    if (next.y != first.y.row_range(first.y.rows, next.y.rows)) return false;
    first.y.rows += next.y.rows;
    return true;
  }
};

template <class Joins>
class JoiningBackend : public DryRun {
 public:
  using joins = Joins;
};

struct Names final : Observer {
  std::vector<std::string> lines;
  std::size_t record(Phase, const OperationInfo& op) override {
    const TraceLine line = trace_line(op);
    lines.push_back(std::string(line.name) + " " + line.shapes);
    return 0;
  }
};

/// What a back end with these rules records of four operations.
template <class Joins>
std::vector<std::string> recorded() {
  const Tensor a = matrix(Memory::workspace, 0, 4, 2), w = matrix(Memory::weights, 0, 2, 2),
               y = matrix(Memory::workspace, 8, 4, 2);
  const JoiningBackend<Joins> backend;
  const Memories<float> memories;
  Names names;
  OperationList list;
  list.observe(&names, Phase::forward);
  Recorder<JoiningBackend<Joins>> record(backend, memories);
  record.write_to(&list);
  record(op::Clear{.y = a.row_range(0, 1)});
  record(op::Clear{.y = a.row_range(1, 2)});
  record(op::Clear{.y = a.row_range(3, 1)});
  record(op::Linear{.x = a, .w = w, .y = y});
  record(op::Add{.x = a, .y = y});
  record.write_to(nullptr);
  CHECK(record.operations == 5);  // dry runs count them one by one
  return names.lines;
}

}  // namespace

TEST_CASE("a back end without rules gets every operation by itself") {
  CHECK(recorded<JoinRules<>>() ==
        std::vector<std::string>{"clear -> 1x2", "clear -> 2x2", "clear -> 1x2", "linear 4x2 2x2 -> 4x2", "add 4x2 4x2 -> 4x2"});
}

TEST_CASE("operations join by the rules of the back end, as many as fit, and keep their order") {
  CHECK(recorded<DefaultJoins>() ==
        std::vector<std::string>{"clear -> 1x2", "clear -> 2x2", "clear -> 1x2", "linear 4x2 2x2 -> 4x2"});
  CHECK(recorded<JoinRules<ClearsTogether, LinearAddsSum>>() ==
        std::vector<std::string>{"clear -> 4x2", "linear 4x2 2x2 -> 4x2"});
}
