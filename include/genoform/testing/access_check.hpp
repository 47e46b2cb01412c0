#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/joined.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_info.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::testing {

/// Proves that operations list all that they touch: `model.observe(&check)` on a back end whose memory the host can touch. Every
/// operation runs twice from the same memories, but that all which reads() leaves out holds other bits the second time (NaN, or
/// -1 as an integer). Bytes outside writes() must stay as they were, those in it become the same both times, or stay. What
/// the model computes is not changed. It sees the memories as far as any recorded operation reaches into them.
class AccessCheck final : public Observer {
 public:
  /// So many bytes has an element of the back end's number type, and one of bf16.
  explicit AccessCheck(std::int64_t bytes_per_element, std::int64_t bytes_of_bf16 = 2)
      : bytes_per_element_(bytes_per_element), bytes_of_bf16_(bytes_of_bf16) {}
  AccessCheck(const AccessCheck&) = delete;
  AccessCheck& operator=(const AccessCheck&) = delete;

  /// A sentence for each kind of operation that has touched what it does not list.
  std::vector<std::string> violations() const {
    std::vector<std::string> sentences;
    for (const auto& [name, sentence] : violations_) sentences.push_back(sentence);
    return sentences;
  }
  /// The names of the operations that have run.
  const std::set<std::string>& names() const { return names_; }

  std::size_t record(Phase, const OperationInfo& op) override {
    for (const Operands& operands : {op.reads, op.writes})
      for (const Tensor& t : operands) {
        std::size_t& size = sizes_[address_of(op, t)];
        size = std::max(size, end_of(t));
      }
    operations_.push_back(op);
    return operations_.size() - 1;
  }

  void run(std::size_t number, void (*operation)(void*), void* state) override {
    const OperationInfo& op = operations_[number];
    names_.emplace(op.name);
    std::vector<Region> regions = regions_of(op);
    operation(state);
    for (Region& r : regions) r.after.assign(r.begin, r.begin + r.size());
    for (const Region& r : regions) std::copy(r.start.begin(), r.start.end(), r.begin);
    operation(state);
    for (Region& r : regions) compare(op, r);
    for (const Region& r : regions) std::copy(r.after.begin(), r.after.end(), r.begin);
  }

 private:
  using Bytes = std::vector<unsigned char>;

  /// One memory of an operation, in bytes.
  struct Region {
    Memory memory;
    unsigned char* begin;
    Bytes before, start;  ///< what the first and the second run begin with; they differ in what is not read
    Bytes after{};        ///< what the first run leaves

    std::size_t size() const { return before.size(); }
  };

  std::size_t bytes_of(const Tensor& t) const {
    return static_cast<std::size_t>(t.element_type == ElementType::bf16 ? bytes_of_bf16_ : bytes_per_element_);
  }
  std::size_t end_of(const Tensor& t) const {
    return static_cast<std::size_t>(t.offset + (t.rows - 1) * t.stride + t.columns) * bytes_of(t);
  }
  static unsigned char* address_of(const OperationInfo& op, const Tensor& t) {
    return static_cast<unsigned char*>(op.addresses[static_cast<std::size_t>(t.memory)]);
  }

  std::vector<Region> regions_of(const OperationInfo& op) const {
    std::vector<Region> regions;
    for (std::size_t m = 0; m < op.addresses.size(); ++m) {
      auto* const begin = static_cast<unsigned char*>(op.addresses[m]);
      const auto size = sizes_.find(begin);
      if (begin == nullptr || size == sizes_.end()) continue;
      Region region{static_cast<Memory>(m), begin, Bytes(begin, begin + size->second), Bytes(size->second, 0xFF)};
      each_row(op.reads, region, [&](std::size_t first, std::size_t bytes) {
        std::copy_n(region.before.begin() + static_cast<std::ptrdiff_t>(first), bytes,
                    region.start.begin() + static_cast<std::ptrdiff_t>(first));
      });
      regions.push_back(std::move(region));
    }
    return regions;
  }
  /// f(first byte, bytes) for each row of the tensors in this memory.
  void each_row(const Operands& operands, const Region& region, auto&& f) const {
    for (const Tensor& t : operands)
      for (std::int64_t row = 0; t.memory == region.memory && row < t.rows; ++row)
        f(static_cast<std::size_t>(t.offset + row * t.stride) * bytes_of(t), static_cast<std::size_t>(t.columns) * bytes_of(t));
  }

  /// After the second run: what is listed as written must have become the same both times, or have stayed both times. It then
  /// counts as unchanged, and all the rest must have stayed.
  void compare(const OperationInfo& op, Region& r) {
    each_row(op.writes, r, [&](std::size_t first, std::size_t bytes) {
      if (std::memcmp(&r.after[first], r.begin + first, bytes) != 0)
        for (std::size_t i = first; i < first + bytes; ++i)
          if (r.after[i] != r.begin[i] && !(r.after[i] == r.before[i] && r.begin[i] == r.start[i]))
            return blame(op, r, i, " reads something that it does not list, which changes");
    });
    each_row(op.writes, r, [&](std::size_t first, std::size_t bytes) {
      std::memcpy(&r.before[first], &r.after[first], bytes);
      std::memcpy(&r.start[first], r.begin + first, bytes);
    });
    if (r.before == r.after && std::memcmp(r.start.data(), r.begin, r.size()) == 0) return;
    for (std::size_t i = 0; i < r.size(); ++i)
      if (r.before[i] != r.after[i] || r.start[i] != r.begin[i]) return blame(op, r, i, " writes, and does not list,");
  }
  void blame(const OperationInfo& op, const Region& r, std::size_t byte, const char* verb) {
    static constexpr const char* names[] = {"", "weights", "gradients", "state", "optimizer", "workspace", "inputs", "results"};
    violations_.try_emplace(std::string(op.name),
                            joined({op.name, verb, " element ", static_cast<std::int64_t>(byte) / bytes_per_element_,
                                    " of the memory ", names[static_cast<std::size_t>(r.memory)]}));
  }

  std::int64_t bytes_per_element_, bytes_of_bf16_;
  std::vector<OperationInfo> operations_;
  std::map<unsigned char*, std::size_t> sizes_;    ///< how far operations reach into each memory, in bytes
  std::map<std::string, std::string> violations_;  ///< by name
  std::set<std::string> names_;
};

}  // namespace genoform::testing

#include "genoform/core/restore_macros.hpp"
