#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Where a trial stands. `refused` genomes were never trained; `failed` ones were and have a reason instead of a loss.
enum class State { queued, leased, done, failed, refused };

inline constexpr std::string_view state_names[] = {"queued", "leased", "done", "failed", "refused"};
constexpr std::string_view name_of(State state) { return state_names[static_cast<int>(state)]; }
inline std::optional<State> state_of(std::string_view name) {
  for (int s = 0; s < 5; ++s)
    if (state_names[s] == name) return static_cast<State>(s);
  return std::nullopt;
}

/// A moment of a trial at which its loss is measured, and above which loss it stops there.
struct Hurdle {
  double at = 0;                   ///< share of the steps, above 0 to 1
  std::optional<double> max_loss;  ///< none: nothing stops here
  std::optional<double> loss;      ///< bits per byte on the validation text; none: not reached

  bool stops() const { return loss && max_loss && *loss > *max_loss; }

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("at", self.at);
    visit("max_loss", self.max_loss);
    visit("loss", self.loss);
  }
};

/// One row of the record: what was proposed and what came of it. A number has one trial and, before it, the samples that were
/// refused.
struct Trial {
  int number = 0, sample = 0;
  std::string phase;  ///< "baseline" or "search"
  std::string name;   ///< of a baseline, or of the arm of a genome; empty for the study's own search
  std::string text;   ///< canonical
  int parent = 0;     ///< the trial it was mutated from, 0: none
  double learning_rate = 0;
  int batch = 0;  ///< sequences of a training step; 0: the evaluator's own number
  std::uint64_t seed = 0;
  std::int64_t steps = 0;
  double step_seconds = 0;      ///< by the oracle
  std::vector<Hurdle> hurdles;  ///< in the order of its steps
  bool let_through = false;     ///< no hurdle stops it: it shows what a loss there says of that at the end
  State state = State::queued;
  std::string reason;          ///< of a refusal, a failure or a stop
  std::optional<double> loss;  ///< bits per byte on the validation text at the end

  bool finished() const { return state == State::done || state == State::failed; }
  /// What a strategy is told: the loss at the hurdle that it did not pass, even where it was let through; else the last one.
  std::optional<double> fitness() const {
    std::optional<double> last;
    for (const Hurdle& hurdle : hurdles) {
      if (hurdle.loss) last = hurdle.loss;
      if (hurdle.stops()) return last;
    }
    return loss ? loss : last;
  }
  /// The share of its steps that it was trained for.
  double trained_fraction() const {
    double last = 0;
    for (const Hurdle& hurdle : hurdles)
      if (hurdle.loss) last = hurdle.at;
    return loss ? 1 : last;
  }
};

/// The trials with a loss for which is_wanted(trial), best first, the earlier of equal ones.
template <class IsWanted>
std::vector<const Trial*> ranked(std::span<const Trial> trials, IsWanted is_wanted) {
  std::vector<const Trial*> best;
  for (const Trial& t : trials)
    if (t.state == State::done && t.loss && is_wanted(t)) best.push_back(&t);
  std::stable_sort(best.begin(), best.end(), [](const Trial* a, const Trial* b) { return *a->loss < *b->loss; });
  return best;
}

/// How many trials a reason has.
using ReasonCounts = std::map<std::string, int>;

/// A reason without what differs from trial to trial: "step 2: the loss is not finite; the first gradient ..." is "the loss is
/// not finite".
inline std::string kind_of_reason(const std::string& reason) {
  if (reason.starts_with("equal to trial ")) return "equal to an earlier trial";
  const std::size_t first = reason.starts_with("step ") ? reason.find(": ") : std::string::npos;
  const std::string what = first == std::string::npos ? reason : reason.substr(first + 2);
  return what.substr(0, std::min(what.find(": "), what.find("; ")));
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
