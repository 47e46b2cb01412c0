#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/backend/observed.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/model/plan.hpp"

namespace genoform {

/// A tensor that a training pass keeps for its backward pass, and why.
struct KeptTensor {
  std::int64_t block = -1, place = 0;     ///< the sub-layer that keeps it; block -1: the model itself
  std::int64_t offset = 0, elements = 0;  ///< in the workspace, elements of four bytes with the rest of the last cache line
  std::int64_t rows = 0, columns = 0;
  bool recomputed = false;                ///< kept on the backward pass only, of a block that runs forward again
  bool starts_again = false;              ///< a block that runs forward again starts from it
  std::string_view made_by;               ///< the operation that fills it
  std::string_view overwritten_by;        ///< the one that puts its own result in the same place; empty: none
  std::vector<std::string_view> read_by;  ///< operations of the backward pass; an assignment is read by all that follow it

  /// Who reads an assignment of tokens to experts.
  static constexpr std::string_view routed = "the operations on routed rows";

  /// The rule that it is kept by, in words.
  std::string why() const {
    std::string text = overwritten_by.empty() ? "" : "overwritten in place by " + std::string(overwritten_by) + "; ";
    if (starts_again) return text + "kept: its block runs forward again from it";
    if (read_by.empty()) return text + "nothing on the backward pass reads it";
    text += recomputed ? "recomputed: " : "kept: ";
    for (std::size_t i = 0; i < read_by.size(); ++i) text += (i > 0 ? ", " : "") + std::string(read_by[i]);
    return text + (read_by.size() > 1 || read_by.front() == routed ? " read it" : " reads it");
  }
  bool like(const KeptTensor& o) const {
    return place == o.place && rows == o.rows && columns == o.columns && why() == o.why() && made_by == o.made_by;
  }
};

/// The fullest moment of a workspace.
struct MemoryPeak {
  std::int64_t kept = 0, scratch = 0;  ///< elements
  Phase phase = Phase::forward;
  std::int64_t block = -1, place = 0;
  std::string_view operation;
  std::int64_t elements() const { return kept + scratch; }
};

/// Listens to a rehearsal (see rehearse) and tells what is kept, why, and where the peak is.
class KeptMemory final : public Observer {
 public:
  const std::vector<KeptTensor>& tensors() const { return tensors_; }
  const MemoryPeak& peak() const { return peak_; }

  void enter(Phase phase) override { phase_ = phase; }
  void enter_sub_layer(std::int64_t block, std::int64_t place) override { block_ = block, place_ = place; }
  void enter_again(bool begins) override { again_ = begins; }

  void take(const Tensor& t, bool kept, const Arena& arena) override {
    const Arena::Mark top = arena.mark();
    if (top.kept + top.scratch > peak_.elements()) {
      peak_ = {top.kept, top.scratch, phase_, block_, place_, {}};
      waits_for_operation_ = true;
    }
    const std::int64_t used_before = kept ? t.first_element() : top.kept;
    while (!live_.empty() && end_of(live_.back()) > used_before) live_.pop_back();  // released since
    if (!kept) return;
    live_.push_back(tensors_.size());
    tensors_.push_back({.block = block_,
                        .place = place_,
                        .offset = t.first_element(),
                        .elements = top.kept - t.first_element(),
                        .rows = t.rows,
                        .columns = t.columns,
                        .recomputed = phase_ == Phase::backward,
                        .starts_again = false,
                        .made_by = {},
                        .overwritten_by = {},
                        .read_by = {}});
  }

  void run(const SeenOperation& op) override {
    if (std::exchange(waits_for_operation_, false)) peak_.operation = op.name;
    for (std::size_t i = 0; i < op.tensors.size(); ++i) {
      const bool twice = std::find(op.tensors.begin(), op.tensors.begin() + static_cast<std::ptrdiff_t>(i), op.tensors[i]) !=
                         op.tensors.begin() + static_cast<std::ptrdiff_t>(i);
      see(op.name, op.tensors[i], twice);
    }
    for (const Tensor& t : op.assignment) see(op.name, t, false, KeptTensor::routed);
  }

 private:
  std::int64_t end_of(std::size_t index) const { return tensors_[index].offset + tensors_[index].elements; }

  void see(std::string_view op, const Tensor& t, bool twice, std::string_view reader = {}) {
    if (t.memory != Memory::workspace) return;
    const auto above = std::upper_bound(live_.begin(), live_.end(), t.first_element(),
                                        [&](std::int64_t offset, std::size_t i) { return offset < tensors_[i].offset; });
    if (above == live_.begin() || t.first_element() >= end_of(above[-1])) return;
    KeptTensor& kept = tensors_[above[-1]];
    if (kept.made_by.empty()) {
      kept.made_by = op;
    } else if (phase_ != Phase::backward || again_) {
      if (again_ && !kept.recomputed) kept.starts_again = true;
      if (twice && !again_) kept.overwritten_by = op;
    } else {
      if (reader.empty()) reader = op;
      if (std::ranges::find(kept.read_by, reader) == kept.read_by.end()) kept.read_by.push_back(reader);
    }
  }

  std::vector<KeptTensor> tensors_;
  std::vector<std::size_t> live_;  ///< places in tensors_, by offset
  MemoryPeak peak_;
  Phase phase_ = Phase::forward;
  std::int64_t block_ = -1, place_ = 0;
  bool again_ = false, waits_for_operation_ = false;
};

}  // namespace genoform
