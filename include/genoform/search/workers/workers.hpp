#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/search/workers/messages.hpp"

namespace genoform::search {

/// What became of a job.
struct Reply {
  enum class Kind { answer, error, died };  ///< died: the worker was lost, nothing is known of the genome
  int job = 0, worker = 0;
  Kind kind = Kind::answer;
  Answer answer{};
  Error error{};  ///< of an error, or how the worker ended
};

/// The role of those who do the work of a search: so many workers, one job at a time each.
class Workers {
 public:
  virtual ~Workers() = default;
  virtual int size() const = 0;
  /// The workers that have nothing to do, from 0, in order.
  virtual std::vector<int> idle() const = 0;
  /// Gives an idle worker a job. A reply later than `limit` seconds counts as a dead worker.
  virtual void start(int worker, const JobRequest& request, double limit) = 0;
  /// The replies that are there, at least one unless `seconds` pass without. Throws Exception when workers cannot be started.
  virtual std::vector<Reply> wait(double seconds) = 0;
  /// The process of a worker, for the journal.
  virtual std::int64_t process_of(int worker) const = 0;

  /// The machine that a worker runs on (machine_identity()); empty: not known, or all run on one.
  virtual std::string machine_of(int /*worker*/) const { return {}; }
  /// The machine whose clock counts: that of the first worker that was there. Only workers on its like measure step times.
  virtual std::string reference_machine() const { return {}; }
  /// Is it known of every worker whether it could be started?
  virtual bool is_settled() const { return true; }
};

/// Does the answer depend on how fast the worker's machine is?
inline bool measures_time(const Request& request) {
  const auto* training = std::get_if<TrainRequest>(&request);
  return std::holds_alternative<TimeRequest>(request) || (training != nullptr && training->steps == 0);
}

/// How many workers run on a machine like the reference.
inline int workers_that_measure(const Workers& workers) {
  int count = 0;
  for (int worker = 0; worker < workers.size(); ++worker)
    if (workers.machine_of(worker) == workers.reference_machine()) ++count;
  return count;
}

}  // namespace genoform::search
