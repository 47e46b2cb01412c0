#pragma once
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "genoform/io/json_fields.hpp"
#include "genoform/report/progress.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/follow_ups.hpp"
#include "genoform/search/workers/worker_pool.hpp"
#include "search_request.hpp"
#include "signals.hpp"

namespace command {

/// What `genoform ablate` and `genoform confirm` share on the command line.
struct FollowUpOptions {
  std::string study, data;
  int workers = 2;
  double minutes = 0;  ///< 0: no limit
  bool anew = false, quiet = false, json = false;
  const CLI::App* command = nullptr;

  bool is_given(const char* option) const { return command->get_option(option)->count() > 0; }
};
void add_follow_up_options(CLI::App& app, FollowUpOptions& options);

/// A study that is finished, opened for trainings that question its result.
class FollowUpSession {
 public:
  /// Throws Exception where there is no study or it has no final with a genome of the search.
  explicit FollowUpSession(const FollowUpOptions& options);

  genoform::search::Store& store() { return store_; }
  const SearchRequest& request() const { return request_; }
  /// The genome of the search that the claim is about; before a claim the best one in the final.
  const genoform::search::Standing& winner() const { return *winner_; }
  /// The control arms and baselines of the final, best first.
  const std::vector<const genoform::search::Standing*>& controls() const { return controls_; }
  /// The one whose name is this, or begins so before its trial. Throws Exception (usage) with the nearest name.
  const genoform::search::Standing& control_named(const std::string& name) const;

  /// Refuses an option that the follow-up in the store was not begun with.
  void check_kept(const char* option, const nlohmann::json& given, const nlohmann::json& kept) const;

  /// Seconds that evaluating a model on so many windows takes, by the step time of the winner: a forward pass is a third of a
  /// step.
  double evaluation_seconds(double windows) const;
  /// Says what will be done and about how long it takes: `seconds` of processor time on all workers, `timing` before them.
  void announce(const std::string& what, int runs, double seconds, double timing);
  /// Counts the runs for the progress, those that are finished beside those to do.
  void count(int runs, int finished);

  /// Trains on workers that it starts, on the text of the study: begin(workers), and where it is true go_on(workers). Both return
  /// false when they were stopped. Returns 0, or the exit code of a signal.
  template <class Begin, class GoOn>
  int train(Begin begin, GoOn go_on) {
    const auto workers = start_workers();
    if (!begin(*workers) || !go_on(*workers))
      if (const int code = stopped(); code != 0) return code;
    progress_.finish();
    return 0;
  }
  genoform::search::StopRequest stop() const;
  genoform::search::OnFollowUp on_run();
  /// Prints what is known so far, if anything.
  template <class Result>
  void print(const std::optional<Result>& result) const {
    if (!result) return;
    const std::string text = options_.json ? genoform::inner::json_of(*result).dump(2) + "\n" : result->text();
    std::printf("%s", text.c_str());
  }

 private:
  std::unique_ptr<genoform::search::WorkerPool> start_workers();
  /// After a follow-up that was stopped: the exit code of a signal; 0 where its time was over.
  int stopped();
  using Clock = std::chrono::steady_clock;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  const FollowUpOptions& options_;
  Clock::time_point start_;
  Signals signals_;
  genoform::inner::Progress progress_;
  genoform::search::Store store_;
  SearchRequest request_;
  genoform::search::Report report_;
  const genoform::search::Standing* winner_ = nullptr;
  std::vector<const genoform::search::Standing*> controls_;
  int runs_ = 0, finished_ = 0, here_ = 0;  ///< all, those in the store, those of this process
};

}  // namespace command
