#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "genoform/search/workers/launcher.hpp"
#include "genoform/search/workers/shell_command.hpp"
#include "genoform/search/workers/worker_process.hpp"

namespace genoform::search {

/// The command with each {} replaced by `worker_command` and each {n} by the number of the worker, from 0.
inline std::string launch_command(const std::string& command, const std::string& worker_command, int worker) {
  std::string text;
  for (std::size_t i = 0; i < command.size(); ++i)
    if (command.compare(i, 2, "{}") == 0)
      text += worker_command, i += 1;
    else if (command.compare(i, 3, "{n}") == 0)
      text += std::to_string(worker), i += 2;
    else
      text += command[i];
  return text;
}

/// Workers that a command of /bin/sh starts, here or elsewhere: "ssh host{n} {}", "srun -n1 -c1 {}" (docs/cluster.md). They are
/// not pinned, that is the business of what starts them.
inline Launcher command_launcher(std::string command, std::string worker_command) {
  return [command = std::move(command), worker_command = std::move(worker_command)](int worker) {
    const std::string text = launch_command(command, worker_command, worker);
    const auto main = [&text](int fd) { return become_shell_command(fd, text); };
    return std::make_unique<WorkerProcess>(main, WorkerProcess::Kind::command);
  };
}

}  // namespace genoform::search
