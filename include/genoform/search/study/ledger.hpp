#pragma once
#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/store/store.hpp"
#include "genoform/search/strategy/population.hpp"
#include "genoform/search/study/trial.hpp"

namespace genoform::search {

/// The trials of a study by number, in memory and in the store.
class Ledger {
 public:
  explicit Ledger(Store& store) : store_(store) {
    store.release_leases();
    for (Trial& trial : store.trials()) note(std::move(trial));
  }

  Store& store() { return store_; }
  int size() const { return static_cast<int>(trials_.size()); }
  /// The last draw of a number, from 1.
  Trial& at(int number) { return trials_[static_cast<std::size_t>(number - 1)]; }
  const Trial& at(int number) const { return trials_[static_cast<std::size_t>(number - 1)]; }
  std::span<const Trial> trials() const { return trials_; }
  int refusals() const { return refusals_; }

  void add(std::span<const Trial> samples) {
    store_.add(samples);
    for (const Trial& trial : samples) note(trial);
  }

  /// The trial that trains this text at this rate, if one does.
  std::optional<int> find(const std::string& text, double learning_rate) const {
    const auto found = numbers_.find({text, learning_rate});
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  /// Are all trials up to `last` finished?
  bool finished_up_to(int last) const {
    return last <= size() && std::all_of(trials_.begin(), trials_.begin() + last, [](const Trial& t) { return t.finished(); });
  }
  int count(const std::string& phase) const {
    return static_cast<int>(std::count_if(trials_.begin(), trials_.end(),
                                          [&](const Trial& t) { return t.phase == phase && t.state != State::refused; }));
  }

  /// The genomes that were trained at `rate` in the trials up to `last`, in order. Fitness is the last loss that was reached.
  std::vector<Scored> log(int last, double learning_rate) const {
    std::vector<Scored> log;
    for (int n = 1; n <= std::min(last, size()); ++n) {
      const Trial& t = at(n);
      if (t.state != State::done || t.learning_rate != learning_rate) continue;
      if (const auto fitness = t.loss ? t.loss : t.at_hurdle) log.push_back({n, t.text, *fitness});
    }
    return log;
  }

 private:
  void note(Trial trial) {
    const auto place = static_cast<std::size_t>(trial.number - 1);
    if (trials_.size() <= place) trials_.resize(place + 1);
    if (trial.state == State::refused)
      ++refusals_;
    else
      numbers_.emplace(std::pair(trial.text, trial.learning_rate), trial.number);
    trials_[place] = std::move(trial);
  }

  Store& store_;
  std::vector<Trial> trials_;
  std::map<std::pair<std::string, double>, int> numbers_;
  int refusals_ = 0;
};

}  // namespace genoform::search
