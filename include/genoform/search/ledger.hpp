#pragma once
#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/population.hpp"
#include "genoform/search/store.hpp"
#include "genoform/search/trial.hpp"

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

  void add(std::span<const Trial> draws) {
    store_.add(draws);
    for (const Trial& trial : draws) note(trial);
  }

  /// The trial that trains this text at this rate, if one does.
  std::optional<int> find(const std::string& text, double rate) const {
    const auto found = numbers_.find({text, rate});
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
  std::vector<Scored> log(int last, double rate) const {
    std::vector<Scored> log;
    for (int n = 1; n <= std::min(last, size()); ++n) {
      const Trial& t = at(n);
      if (t.state != State::done || t.rate != rate) continue;
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
      numbers_.emplace(std::pair(trial.text, trial.rate), trial.number);
    trials_[place] = std::move(trial);
  }

  Store& store_;
  std::vector<Trial> trials_;
  std::map<std::pair<std::string, double>, int> numbers_;
  int refusals_ = 0;
};

}  // namespace genoform::search
