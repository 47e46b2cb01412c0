#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_info.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report {

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

  void enter_sub_layer(std::int64_t block, std::int64_t place) override { block_ = block, place_ = place; }
  void enter_recomputation(bool begins) override { recomputes_ = begins; }

  void allocate(const Allocation& allocation) override {
    const Tensor& t = allocation.tensor;
    const Arena::Mark top = allocation.top;
    const bool kept = allocation.kept;
    if (top.kept + top.scratch > peak_.elements()) {
      peak_ = {top.kept, top.scratch, allocation.phase, block_, place_, {}};
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
                        .recomputed = allocation.phase == Phase::backward,
                        .starts_again = false,
                        .made_by = {},
                        .overwritten_by = {},
                        .read_by = {}});
  }

  std::size_t record(Phase phase, const OperationInfo& op) override {
    if (std::exchange(waits_for_operation_, false)) peak_.operation = op.name;
    for (const Tensor& t : op.reads)
      if (KeptTensor* const kept = kept_at(t)) see_read(*kept, phase, op, t);
    for (const Tensor& t : op.writes)
      if (KeptTensor* const kept = kept_at(t); kept != nullptr && kept->made_by.empty()) kept->made_by = op.name;
    return 0;
  }

 private:
  std::int64_t end_of(std::size_t index) const { return tensors_[index].offset + tensors_[index].elements; }

  /// The kept tensor that t is, or lies in; null where it is scratch.
  KeptTensor* kept_at(const Tensor& t) {
    if (t.memory != Memory::workspace) return nullptr;
    const auto above = std::upper_bound(live_.begin(), live_.end(), t.first_element(),
                                        [&](std::int64_t offset, std::size_t i) { return offset < tensors_[i].offset; });
    if (above == live_.begin() || t.first_element() >= end_of(above[-1])) return nullptr;
    return &tensors_[above[-1]];
  }
  void see_read(KeptTensor& kept, Phase phase, const OperationInfo& op, const Tensor& t) {
    if (recomputes_) {
      if (!kept.recomputed) kept.starts_again = true;
    } else if (phase != Phase::backward) {
      if (op.writes.contains(t)) kept.overwritten_by = op.name;
    } else {
      const std::string_view reader = op.assignment.contains(t) ? KeptTensor::routed : op.name;
      if (std::ranges::find(kept.read_by, reader) == kept.read_by.end()) kept.read_by.push_back(reader);
    }
  }

  std::vector<KeptTensor> tensors_;
  std::vector<std::size_t> live_;  ///< indices into tensors_, by offset
  MemoryPeak peak_;
  std::int64_t block_ = -1, place_ = 0;
  bool recomputes_ = false, waits_for_operation_ = false;
};

}  // namespace genoform::inner::report

namespace genoform {
using inner::report::KeptMemory;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
