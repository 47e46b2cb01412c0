#pragma once
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/processors.hpp"
#include "genoform/search/workers/shell_command.hpp"
#include "genoform/search/workers/worker.hpp"
#include "genoform/search/workers/worker_process.hpp"

namespace genoform::search {

/// Starts worker number `worker`, from 0, and returns the process with the connection to it. Throws Exception (resources).
using Launcher = std::function<std::unique_ptr<WorkerProcess>(int worker)>;

/// Workers that are pinned copies of this process and run a function: worker i on the i-th processor that this process may use.
inline Launcher forked_function(WorkerMain main) {
  return [main = std::move(main)](int worker) {
    const std::vector<int> processors = allowed_processors();
    const int processor = processors.empty() ? -1 : processors[static_cast<std::size_t>(worker) % processors.size()];
    return std::make_unique<WorkerProcess>(main, processor);
  };
}

/// The same with an evaluator that is made in each worker.
inline Launcher forked_evaluator(EvaluatorMaker make) {
  return forked_function([make = std::move(make)](int fd) { return run_worker(fd, make); });
}

/// Workers that are pinned processes of another program, which speaks on its standard input and output
/// (run_worker_on_standard_streams()). For workers elsewhere: command_launcher().
inline Launcher program_launcher(std::vector<std::string> command) {
  return forked_function([command = std::move(command)](int fd) {
    if (!become_standard_streams(fd)) return not_started;
    ::setenv("OMP_NUM_THREADS", "1", 1);
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    return not_started;
  });
}

}  // namespace genoform::search
