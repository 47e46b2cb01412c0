#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/store/trial.hpp"
#include "genoform/search/study/history.hpp"
#include "genoform/search/study/hurdle_losses.hpp"

namespace genoform::search {

/// The trials of a study by number. All are in the store; in memory are those that are open, those of the baselines, the history
/// for the strategy, and a fingerprint of each text.
class Ledger {
 public:
  /// What is remembered of an arm beside the store.
  struct OfArm {
    std::string name;
    History history;
    HurdleLosses at_hurdles;
  };

  /// `arms`: in the order of the study.
  Ledger(Store& store, std::vector<OfArm> arms) : store_(store), arms_(std::move(arms)) {
    store.release_leases();
    store.for_each_trial([&](Trial trial) { enter(std::move(trial)); });
  }

  Store& store() { return store_; }
  int size() const { return finished_ + static_cast<int>(open_.size()); }
  /// All trials up to this number are finished.
  int finished() const { return finished_; }
  /// A trial above finished(): the last sample of its number.
  const Trial& open(int number) const { return open_[static_cast<std::size_t>(number - finished_ - 1)]; }
  /// A finished run of a baseline, by its number.
  const Trial& baseline(int number) const { return baselines_[static_cast<std::size_t>(number - 1)]; }
  const OfArm& arm(std::size_t arm) const { return arms_[arm]; }

  int refusals() const { return refusals_; }
  /// Trials that ended, with and without a result.
  int baselines_ended() const { return baselines_ended_; }
  int genomes_ended() const { return genomes_ended_; }
  int genomes_trained() const { return genomes_trained_; }  ///< those with a result, also at the hurdle
  /// The trial with the lowest loss so far.
  const std::optional<Trial>& best() const { return best_; }

  /// Adds the samples of a proposal, or of several.
  void add(std::span<const Trial> samples) {
    store_.add(samples);
    for (const Trial& trial : samples) enter(trial);
  }
  /// What became of an open trial; the caller writes it to the store.
  void update(const Trial& trial) {
    Trial& t = open_[static_cast<std::size_t>(trial.number - finished_ - 1)];
    t = trial;
    if (t.state == State::refused) ++refusals_;
    if (t.finished()) note_end(t);
    close_finished();
  }

  /// The trial of an arm, or of a baseline, that trains this text at this learning rate and batch, if one does.
  std::optional<int> find(const std::string& arm, const std::string& text, double learning_rate, int batch) const {
    const auto [first, last] = numbers_.equal_range(stream_of(text));
    for (auto found = first; found != last; ++found)
      if (store_.is_trial_of(found->second, arm, text, learning_rate, batch)) return found->second;
    return std::nullopt;
  }

 private:
  void enter(Trial trial) {
    if (trial.state == State::refused)
      ++refusals_;
    else
      numbers_.emplace(stream_of(trial.text), trial.number);
    if (trial.number > size()) open_.emplace_back();
    Trial& t = open_[static_cast<std::size_t>(trial.number - finished_ - 1)];
    t = std::move(trial);
    if (t.finished()) note_end(t);
    close_finished();
  }
  void note_end(const Trial& t) {
    ++(t.phase == "baseline" ? baselines_ended_ : genomes_ended_);
    if (t.phase == "search" && t.state == State::done) ++genomes_trained_;
    if (t.loss && (!best_ || std::tie(*t.loss, t.number) < std::tie(*best_->loss, best_->number))) best_ = t;
  }
  void close_finished() {
    for (; !open_.empty() && open_.front().finished(); open_.pop_front(), ++finished_) {
      for (OfArm& arm : arms_) {
        arm.history.add(open_.front());
        if (open_.front().phase == "search" && open_.front().name == arm.name) arm.at_hurdles.add(open_.front());
      }
      if (open_.front().phase == "baseline") baselines_.push_back(std::move(open_.front()));
    }
  }

  Store& store_;
  std::vector<OfArm> arms_;
  std::deque<Trial> open_;  ///< the numbers above finished_
  int finished_ = 0;
  std::vector<Trial> baselines_;
  std::unordered_multimap<std::uint64_t, int> numbers_;  ///< by fingerprint of the text
  std::optional<Trial> best_;
  int refusals_ = 0, baselines_ended_ = 0, genomes_ended_ = 0, genomes_trained_ = 0;
};

}  // namespace genoform::search
