#pragma once
#include <cstdint>
#include <string>
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
};

}  // namespace genoform::search
