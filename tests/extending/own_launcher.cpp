// A launcher of one's own: it starts each worker as a process of low priority that knows its number. A launcher for a cluster
// starts a program there in place of the function, as search::command_launcher("ssh host{n} {}", "my_worker") does.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "genoform/search/workers/launcher.hpp"
#include "genoform/search/workers/worker_pool.hpp"
#include "tests/catch.hpp"
#include "tests/extending/own_study.hpp"

namespace mine {

/// Makes the evaluator of a worker from the setup of the pool, in the process of the worker.
std::unique_ptr<search::Evaluator> make_evaluator(const nlohmann::json& setup) {
  const double offset = setup.at("offset");
  return std::make_unique<search::FunctionEvaluator>([offset](const search::TrainRequest& r) {
    const bool is_polite = ::getpriority(PRIO_PROCESS, 0) >= 5 && std::getenv("MY_WORKER") != nullptr;
    return is_polite ? offset + loss_of(r.text) : 1000;
  });
}

/// The launcher: worker number `worker`, from 0, on no particular processor.
std::unique_ptr<search::WorkerProcess> launch(int worker) {
  const auto main = [worker](int connection) {
    if (::setpriority(PRIO_PROCESS, 0, 5) != 0 || ::setenv("MY_WORKER", std::to_string(worker).c_str(), 1) != 0) return 1;
    return search::run_worker(connection, make_evaluator);
  };
  return std::make_unique<search::WorkerProcess>(main, -1);
}

}  // namespace mine

using namespace genoform;
using namespace genoform::extend;

TEST_CASE("workers of a launcher of one's own give the record of one worker in this process") {
  const mine::Parts parts;
  search::Store far = search::Store::in_memory(), near = search::Store::in_memory();
  search::WorkerPool pool(3, mine::launch, {{"offset", 2}});
  REQUIRE(parts.study(pool).run(far, {.genomes = 20}));

  search::FunctionEvaluator evaluator([](const search::TrainRequest& r) { return 2 + mine::loss_of(r.text); });
  search::InProcessWorkers workers(evaluator);
  REQUIRE(parts.study(workers).run(near, {.genomes = 20}));
  CHECK(far.record() == near.record());
}
