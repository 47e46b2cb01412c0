#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "genoform/backend/host/routing.hpp"

#include "genoform/core/hide_macros.hpp"

/// The balanced assignment of op::ChooseBalanced: an auction finds an assignment close to the best one, then exchanges along
/// cycles of experts improve it until none gains. Deterministic, without allocation; it ends for any scores.
namespace genoform::inner::backend::host {

/// Elements of double that a balanced assignment needs.
constexpr std::int64_t balanced_elements(std::int64_t tokens, std::int64_t experts) {
  return 2 * experts * experts + 4 * experts + 3 * tokens + 2 * experts;
}

template <class Real>
class Balanced {
 public:
  using Index = IndexOf<Real>;

  /// owner [N]: the expert of each token, -1 for padding. `memory` holds balanced_elements(N, E).
  Balanced(Rows<const Real> scores, const Index* tokens, Index* owner, double* memory)
      : scores_(scores), tokens_(tokens), owner_(owner), experts_(scores.columns) {
    const auto take = [&](std::int64_t elements) { return std::exchange(memory, memory + elements); };
    const auto take_integers = [&](std::int64_t elements) { return reinterpret_cast<std::int64_t*>(take(elements)); };
    cost_ = take(experts_ * experts_);
    mover_ = take_integers(experts_ * experts_);
    distance_ = take(experts_);
    before_ = take_integers(experts_);
    count_ = take_integers(experts_);
    bid_ = take(scores.rows);
    waiting_ = take_integers(scores.rows);
    heap_ = take_integers(scores.rows + 2 * experts_);
    measure();
  }

  void run() {
    auction();
    assign_the_rest();
    fill_the_short();
    for (std::int64_t i = 0; i < real_ + 64 && exchange(); ++i) {}
  }

 private:
  /// The score of a token at an expert, bounded so that sums stay finite.
  double value(std::int64_t n, std::int64_t e) const {
    const double x = static_cast<double>(scores_[n][e]);
    return x == x ? std::clamp(x, -1e6, 1e6) : -1e6;
  }
  std::int64_t* heap_of(std::int64_t e) const { return heap_ + e * maximum_; }
  auto cheaper() const {
    return [this](std::int64_t a, std::int64_t b) { return bid_[a] > bid_[b] || (bid_[a] == bid_[b] && a < b); };
  }

  /// Counts the tokens and finds the range of the scores. Every expert ends with `minimum_` or `maximum_` tokens.
  void measure() {
    double low = 1e6, high = -1e6;
    for (std::int64_t n = 0; n < scores_.rows; ++n) {
      owner_[n] = -1;
      if (routing::is_padding(tokens_, n)) continue;
      waiting_[real_++] = n;
      for (std::int64_t e = 0; e < experts_; ++e) {
        low = std::min(low, value(n, e));
        high = std::max(high, value(n, e));
      }
    }
    range_ = std::max(high - low, 1e-12);
    minimum_ = real_ / experts_;
    maximum_ = (real_ + experts_ - 1) / experts_;
    std::fill_n(count_, experts_, std::int64_t{0});
  }

  /// Tokens bid for experts; a full expert gives up its lowest bid for a higher one. Ends after 16 bids for each token; tokens
  /// that still wait are assigned by assign_the_rest().
  void auction() {
    const double step = range_ / 256;
    std::int64_t waiting = real_;
    for (std::int64_t bids = 16 * real_; waiting > 0 && bids > 0; --bids) {
      const std::int64_t n = waiting_[waiting - 1];
      double best = -1e300, second = -1e300;
      std::int64_t at = 0;
      for (std::int64_t e = 0; e < experts_; ++e) {
        const double gain = value(n, e) - price(e);
        if (gain > best) {
          second = best;
          best = gain;
          at = e;
        } else {
          second = std::max(second, gain);
        }
      }
      bid_[n] = price(at) + (experts_ > 1 ? best - second : 0.0) + step;
      --waiting;
      if (count_[at] == maximum_) {
        std::pop_heap(heap_of(at), heap_of(at) + maximum_, cheaper());
        const std::int64_t out = heap_of(at)[maximum_ - 1];
        owner_[out] = -1;
        waiting_[waiting++] = out;
        --count_[at];
      }
      owner_[n] = static_cast<Index>(at);
      heap_of(at)[count_[at]++] = n;
      std::push_heap(heap_of(at), heap_of(at) + count_[at], cheaper());
    }
  }
  double price(std::int64_t e) const { return count_[e] < maximum_ ? 0.0 : bid_[heap_of(e)[0]]; }

  void assign_the_rest() {
    for (std::int64_t n = 0; n < scores_.rows; ++n) {
      if (owner_[n] >= 0 || routing::is_padding(tokens_, n)) continue;
      std::int64_t at = -1;
      for (std::int64_t e = 0; e < experts_; ++e)
        if (count_[e] < maximum_ && (at < 0 || value(n, e) > value(n, at))) at = e;
      move(n, at);
    }
  }

  /// An expert below its minimum takes, from the experts above it, the token that loses least.
  void fill_the_short() {
    for (std::int64_t e = 0; e < experts_; ++e)
      while (count_[e] < minimum_) {
        std::int64_t chosen = -1;
        double best = -1e300;
        for (std::int64_t n = 0; n < scores_.rows; ++n) {
          if (owner_[n] < 0 || count_[owner_[n]] <= minimum_) continue;
          const double gain = value(n, e) - value(n, owner_[n]);
          if (gain > best) {
            best = gain;
            chosen = n;
          }
        }
        move(chosen, e);
      }
  }
  void move(std::int64_t n, std::int64_t to) {
    if (owner_[n] >= 0) --count_[owner_[n]];
    owner_[n] = static_cast<Index>(to);
    ++count_[to];
  }

  /// cost(e, f): the smallest loss of score when a token moves from e to f. Where e has fewer tokens than the maximum and f has
  /// the maximum, e may take over the larger size from f: cost 0, and no token moves (mover -1).
  void find_costs() {
    std::fill_n(cost_, experts_ * experts_, 1e300);
    for (std::int64_t n = 0; n < scores_.rows; ++n) {
      if (owner_[n] < 0) continue;
      double* cost = cost_ + owner_[n] * experts_;
      const double here = value(n, owner_[n]);
      for (std::int64_t e = 0; e < experts_; ++e)
        if (here - value(n, e) < cost[e]) {
          cost[e] = here - value(n, e);
          mover_[owner_[n] * experts_ + e] = n;
        }
    }
    for (std::int64_t e = 0; e < experts_; ++e)
      for (std::int64_t f = 0; f < experts_; ++f)
        if (count_[e] < maximum_ && count_[f] == maximum_ && cost_[e * experts_ + f] > 0) {
          cost_[e * experts_ + f] = 0;
          mover_[e * experts_ + f] = -1;
        }
  }

  /// Finds a cycle of moves that gains (Bellman and Ford) and makes them; false if there is none.
  bool exchange() {
    find_costs();
    const double tolerance = 1e-9 * range_ / static_cast<double>(experts_);
    std::fill_n(distance_, experts_, 0.0);
    std::fill_n(before_, experts_, std::int64_t{-1});
    std::int64_t changed = -1;
    for (std::int64_t round = 0; round <= experts_; ++round) {
      changed = -1;
      for (std::int64_t e = 0; e < experts_; ++e)
        for (std::int64_t f = 0; f < experts_; ++f)
          if (e != f && distance_[e] + cost_[e * experts_ + f] < distance_[f] - tolerance) {
            distance_[f] = distance_[e] + cost_[e * experts_ + f];
            before_[f] = e;
            changed = f;
          }
      if (changed < 0) return false;
    }
    std::int64_t on_cycle = changed;
    for (std::int64_t i = 0; i < experts_ && on_cycle >= 0; ++i) on_cycle = before_[on_cycle];
    if (on_cycle < 0) return false;  // the last changes were within the tolerance
    double total = 0;
    std::int64_t f = on_cycle;
    do {
      total += cost_[before_[f] * experts_ + f];
      f = before_[f];
    } while (f != on_cycle);
    if (!(total < -tolerance)) return false;
    do {
      const std::int64_t e = before_[f], mover = mover_[e * experts_ + f];
      if (mover >= 0) move(mover, f);
      f = e;
    } while (f != on_cycle);
    return true;
  }

  Rows<const Real> scores_;
  const Index* tokens_;
  Index* owner_;
  std::int64_t experts_, real_ = 0, minimum_ = 0, maximum_ = 0;
  double range_ = 0;
  double *cost_, *distance_, *bid_;
  std::int64_t *mover_, *before_, *count_, *waiting_, *heap_;
};

}  // namespace genoform::inner::backend::host

#include "genoform/core/restore_macros.hpp"
