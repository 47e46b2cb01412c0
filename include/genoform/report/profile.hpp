#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_info.hpp"

namespace genoform::inner::report {

/// Where the time of a training step goes: `model.observe(&profile)`, then an optimizer is bound and steps are taken, and after
/// each step `end_step` is called. Rows are kinds of operations; those that have useful FLOPs one for each distinct set of
/// shapes.
class Profile final : public Observer {
 public:
  /// What a step spends on an operation; of several calls the sums.
  struct Row {
    std::string phase, name;
    std::string shapes;  ///< of its tensors but the assignment of a sparse layer, each once, in order: "768x128 512x128 768x512";
                         ///< empty for rows without FLOPs
    double calls = 0, seconds = 0;
    double flops = 0;  ///< useful ones
    double bytes = 0;  ///< that it reads and writes: what must move when no cache holds it
  };

  /// An element of the back end's number type has so many bytes; bf16 has 2.
  explicit Profile(std::int64_t bytes_per_element = 4) : bytes_per_element_(bytes_per_element) {}
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  std::size_t record(Phase phase, const OperationInfo& op) override {
    const std::size_t row = row_of(name_of(phase), op.name, op.flops > 0 ? shapes_of(op) : std::string());
    operations_.push_back({row, op.flops, op.bytes(bytes_per_element_)});
    return operations_.size() - 1;
  }
  void run(std::size_t number, void (*operation)(void*), void* state) override {
    const Operation& o = operations_[number];
    time(o.row, o.flops, o.bytes, [&] { operation(state); });
  }

  /// Ends a step that took so many seconds in all.
  void end_step(double seconds) {
    steps_.push_back({seconds, rows_});
    for (Row& row : rows_) row.calls = row.seconds = row.flops = row.bytes = 0;
  }

  /// Forgets the steps so far, as after warming up.
  void forget_steps() { steps_.clear(); }

  /// The mean of the fastest half of the steps, which a busy machine has disturbed least.
  struct Step {
    double seconds = 0;
    std::vector<Row> rows;  ///< by phase as they run, then by time, the most first
    double bytes() const {
      double sum = 0;
      for (const Row& row : rows) sum += row.bytes;
      return sum;
    }
  };
  Step step() const {
    std::vector<const Step*> fastest;
    for (const Step& step : steps_) fastest.push_back(&step);
    std::sort(fastest.begin(), fastest.end(), [](const Step* a, const Step* b) { return a->seconds < b->seconds; });
    fastest.resize((fastest.size() + 1) / 2);
    Step mean{0, rows_};
    for (Row& row : mean.rows) row.calls = row.seconds = row.flops = row.bytes = 0;
    for (const Step* step : fastest) {
      const double share = 1 / static_cast<double>(fastest.size());
      mean.seconds += share * step->seconds;
      for (std::size_t i = 0; i < step->rows.size(); ++i) {
        mean.rows[i].calls += share * step->rows[i].calls;
        mean.rows[i].seconds += share * step->rows[i].seconds;
        mean.rows[i].flops += share * step->rows[i].flops;
        mean.rows[i].bytes += share * step->rows[i].bytes;
      }
    }
    std::erase_if(mean.rows, [](const Row& row) { return row.calls == 0; });
    std::stable_sort(mean.rows.begin(), mean.rows.end(), [](const Row& a, const Row& b) {
      return order_of(a.phase) != order_of(b.phase) ? order_of(a.phase) < order_of(b.phase) : a.seconds > b.seconds;
    });
    return mean;
  }

 private:
  struct Operation {
    std::size_t row;
    std::int64_t flops, bytes;
  };

  static int order_of(std::string_view phase) {
    return phase == "forward" ? 0 : phase == "loss" ? 1 : phase == "backward" ? 2 : 3;
  }

  std::size_t row_of(std::string_view phase, std::string_view name, const std::string& shapes) {
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (rows_[i].phase == phase && rows_[i].name == name && rows_[i].shapes == shapes) return i;
    Row row;
    row.phase = phase;
    row.name = name;
    row.shapes = shapes;
    rows_.push_back(std::move(row));
    return rows_.size() - 1;
  }
  static std::string shapes_of(const OperationInfo& op) {
    std::string all;
    for (const Operands& operands : {op.reads, op.writes})
      for (const Tensor& t : operands) {
        if (op.assignment.contains(t)) continue;
        const std::string shape = std::to_string(t.rows) + 'x' + std::to_string(t.columns);
        if ((' ' + all + ' ').find(' ' + shape + ' ') == std::string::npos) all += (all.empty() ? "" : " ") + shape;
      }
    return all;
  }

  template <class Work>
  void time(std::size_t row, std::int64_t flops, std::int64_t bytes, Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    Row& r = rows_[row];
    r.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    r.calls += 1;
    r.flops += static_cast<double>(flops);
    r.bytes += static_cast<double>(bytes);
  }

  std::int64_t bytes_per_element_;
  std::vector<Row> rows_;  ///< of the step that is under way
  std::vector<Operation> operations_;
  std::vector<Step> steps_;
};

}  // namespace genoform::inner::report

namespace genoform {
using inner::report::Profile;
}  // namespace genoform
