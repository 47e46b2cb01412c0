#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/testing/access_check.hpp"
#include "tests/catch.hpp"

/// One memory with random matrices, in f32 for a Cpu and in double for the Reference, and one of matrices in bf16, whose elements
/// the Reference has as double at the same offsets. Rows have gaps of odd lengths, and every element of the memories is compared
/// after the operations, gaps included, so that a stray write is found. The scene of seed 0 also checks what operations list.
class Scene {
 public:
  explicit Scene(std::uint64_t seed) : random_(seed, 7), checks_access_(seed == 0) {}

  /// A random integer of [low, high].
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_.below(drawn_++, static_cast<std::uint64_t>(high - low + 1)));
  }
  /// Normal random elements, scaled.
  genoform::inner::Tensor real(std::int64_t rows, std::int64_t columns, double scale = 1.0) {
    return place(rows, columns, columns + number(0, 3), genoform::inner::ElementType::real,
                 [&](std::int64_t, std::int64_t) { return scale * normal(); });
  }
  /// The same in bf16.
  genoform::inner::Tensor bf16(std::int64_t rows, std::int64_t columns, double scale = 1.0) {
    genoform::inner::Tensor t{genoform::inner::Memory::state,
                              genoform::inner::ElementType::bf16,
                              static_cast<std::int64_t>(shorts_.size()),
                              rows,
                              columns,
                              columns + number(0, 3)};
    for (std::int64_t i = 0; i < rows * t.stride; ++i)
      shorts_.push_back(i % t.stride < columns ? widened(narrowed(static_cast<float>(scale * normal()))) : 0.5F);
    short_tensors_.push_back(t);
    return t;
  }
  /// The same without gaps.
  genoform::inner::Tensor packed(std::int64_t rows, std::int64_t columns,
                                 const std::function<double(std::int64_t, std::int64_t)>& element) {
    return place(rows, columns, columns, genoform::inner::ElementType::real, element);
  }
  genoform::inner::Tensor packed(std::int64_t rows, std::int64_t columns, double scale = 1.0) {
    return packed(rows, columns, [&](std::int64_t, std::int64_t) { return scale * normal(); });
  }
  /// Random integers of [low, high], without gaps.
  genoform::inner::Tensor index(std::int64_t rows, std::int64_t columns, std::int64_t low, std::int64_t high) {
    return place(rows, columns, columns, genoform::inner::ElementType::index,
                 [&](std::int64_t, std::int64_t) { return static_cast<double>(number(low, high)); });
  }
  double normal() { return static_cast<float>(random_.normal(drawn_++)); }

  /// Runs the operations on both back ends from the same contents; every element must agree within tolerance * the largest
  /// element (at least 1), one of bf16 within tolerance * the largest of its matrix.
  template <class... Ops>
  void agree(const genoform::Cpu& cpu, double tolerance, const Ops&... ops) {
    std::vector<float> floats = start<float>();
    std::vector<double> doubles = start<double>(), wide_shorts(shorts_.begin(), shorts_.end());
    std::vector<std::uint16_t> shorts = start_shorts();
    run(cpu, floats, reinterpret_cast<float*>(shorts.data()), ops...);
    run(genoform::Reference(), doubles, wide_shorts.data(), ops...);
    for (const auto& blank : blanks_) { blank(floats.data(), doubles.data()); }
    for (const auto& [t, to] : short_blanks_)
      for (std::int64_t i = t.offset + end_of(to, floats) * t.stride; i < t.offset + t.rows * t.stride; ++i) {
        shorts[static_cast<std::size_t>(i)] = 0;
        wide_shorts[static_cast<std::size_t>(i)] = 0.0;
      }
    double largest = 1.0;
    for (std::size_t i = 0; i < doubles.size(); ++i)
      if (!indexed_[i]) largest = std::max(largest, std::abs(doubles[i]));
    std::size_t wrong = 0, where = 0;
    for (std::size_t i = 0; i < doubles.size(); ++i) {
      const bool same =
          indexed_[i] ? reinterpret_cast<const std::int32_t&>(floats[i]) == reinterpret_cast<const std::int64_t&>(doubles[i])
                      : std::abs(static_cast<double>(floats[i]) - doubles[i]) <= tolerance * largest;
      if (!same && wrong++ == 0) where = i;
    }
    INFO("instruction set " << genoform::cpu::name_of(cpu.instruction_set()) << ", threads " << cpu.threads());
    {
      INFO("first wrong element " << where << " of " << doubles.size());
      REQUIRE(wrong == 0);
    }
    for (const genoform::inner::Tensor& t : short_tensors_) compare_shorts(t, shorts, wide_shorts, tolerance);
  }
  /// The contents of the memories after a run on one back end.
  template <class... Ops>
  std::vector<float> after(const genoform::Cpu& cpu, const Ops&... ops) {
    std::vector<float> floats = start<float>();
    std::vector<std::uint16_t> shorts = start_shorts();
    run(cpu, floats, reinterpret_cast<float*>(shorts.data()), ops...);
    for (const std::uint16_t x : shorts) floats.push_back(widened(x));
    return floats;
  }
  /// Rows of t after the segments of an assignment are undefined: not compared.
  void ignore_behind(const genoform::inner::Tensor& t, const genoform::op::Assignment& to) {
    if (t.element_type == genoform::inner::ElementType::bf16) return short_blanks_.emplace_back(t, to), void();
    blanks_.push_back([t, to](float* floats, double* doubles) {
      const auto end = reinterpret_cast<const std::int32_t*>(floats)[to.expert_first.offset + to.experts];
      for (std::int64_t i = t.offset + end * t.stride; i < t.offset + t.rows * t.stride; ++i) floats[i] = 0.0F, doubles[i] = 0.0;
    });
  }
  /// The contents of scratch are undefined too.
  void ignore(const genoform::inner::Tensor& t) {
    blanks_.push_back([t](float* floats, double* doubles) {
      for (std::int64_t i = t.offset; i < t.offset + t.rows * t.stride; ++i) floats[i] = 0.0F, doubles[i] = 0.0;
    });
  }

 private:
  static std::int64_t end_of(const genoform::op::Assignment& to, const std::vector<float>& floats) {
    return reinterpret_cast<const std::int32_t*>(floats.data())[to.expert_first.offset + to.experts];
  }
  genoform::inner::Tensor place(std::int64_t rows, std::int64_t columns, std::int64_t stride,
                                genoform::inner::ElementType element_type,
                                const std::function<double(std::int64_t, std::int64_t)>& element) {
    genoform::inner::Tensor t{
        genoform::inner::Memory::workspace, element_type, static_cast<std::int64_t>(elements_.size()), rows, columns, stride};
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < stride; ++c) {
        elements_.push_back(c < columns ? element(r, c) : 0.5);
        indexed_.push_back(element_type == genoform::inner::ElementType::index);
      }
    return t;
  }
  template <class Real>
  std::vector<Real> start() const {
    using Index = genoform::inner::IndexOf<Real>;
    std::vector<Real> memory(elements_.size());
    for (std::size_t i = 0; i < elements_.size(); ++i)
      if (indexed_[i])
        reinterpret_cast<Index&>(memory[i]) = static_cast<Index>(elements_[i]);
      else
        memory[i] = static_cast<Real>(static_cast<float>(elements_[i]));
    return memory;
  }
  static std::uint16_t narrowed(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
  }
  static float widened(std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16); }
  std::vector<std::uint16_t> start_shorts() const {
    std::vector<std::uint16_t> shorts;
    for (const float x : shorts_) shorts.push_back(narrowed(x));
    return shorts;
  }
  static void compare_shorts(const genoform::inner::Tensor& t, const std::vector<std::uint16_t>& shorts,
                             const std::vector<double>& right, double tolerance) {
    const auto first = static_cast<std::size_t>(t.offset), last = first + static_cast<std::size_t>(t.rows * t.stride);
    double largest = 0.0;
    for (std::size_t i = first; i < last; ++i) largest = std::max(largest, std::abs(right[i]));
    for (std::size_t i = first; i < last; ++i)
      if (!(std::abs(static_cast<double>(widened(shorts[i])) - right[i]) <= tolerance * largest)) {
        INFO("bf16 matrix at " << first << " of " << t.rows << " rows of " << t.stride << ", element " << i - first);
        REQUIRE(static_cast<double>(widened(shorts[i])) == Approx(right[i]).margin(tolerance * largest));
      }
  }
  template <class Backend, class Real, class... Ops>
  void run(const Backend& backend, std::vector<Real>& memory, Real* shorts, const Ops&... ops) const {
    genoform::inner::Memories<Real> memories;
    memories[genoform::inner::Memory::workspace] = memory.data();
    memories[genoform::inner::Memory::state] = shorts;
    REQUIRE((ops.fits() && ...));
    // The Reference has bf16 as double.
    genoform::testing::AccessCheck check(sizeof(Real), sizeof(Real) == sizeof(double) ? sizeof(double) : 2);
    genoform::inner::OperationList list;
    // Only in small scenes: what an operation lists does not depend on its sizes.
    if (checks_access_ && memory.size() < 200000) list.observe(&check, genoform::inner::Phase::forward);
    (list.add(backend, ops, memories), ...);
    backend.enter();
    list.run();
    CHECK(check.violations() == std::vector<std::string>{});
  }

  genoform::inner::Random random_;
  bool checks_access_;
  std::uint64_t drawn_ = 0;
  std::vector<double> elements_;
  std::vector<bool> indexed_;
  std::vector<float> shorts_;  // every one a bf16
  std::vector<genoform::inner::Tensor> short_tensors_;
  std::vector<std::function<void(float*, double*)>> blanks_;
  std::vector<std::pair<genoform::inner::Tensor, genoform::op::Assignment>> short_blanks_;
};

/// The set in use and, where that one multiplies f32 by own kernels, a set that leaves all products of f32 to oneDNN.
inline std::vector<genoform::cpu::InstructionSet> sets_of_products() {
  using genoform::cpu::InstructionSet;
  const InstructionSet best = genoform::cpu::best_instruction_set();
  if (genoform::cpu::split_products(best) == nullptr) return {best};
  return {best, InstructionSet::avx512};
}

/// test(cpu, scene) for every instruction set of this processor that differs in a precision, with 1 and 2 threads, `times`
/// random scenes each.
inline void on_every_cpu(int times, const std::function<void(const genoform::Cpu&, Scene&)>& test,
                         genoform::cpu::Precision precision = genoform::cpu::Precision::f32) {
  using genoform::cpu::InstructionSet;
  for (const auto set : genoform::cpu::all_instruction_sets) {
    const bool differs = set != InstructionSet::avx512_bf16 || precision == genoform::cpu::Precision::bf16;
    if (!differs || !genoform::cpu::available(set)) continue;
    for (const int threads : {1, 2}) {
      const genoform::Cpu cpu({.threads = threads, .instruction_set = set, .precision = precision});
      for (int i = 0; i < times; ++i) {
        Scene scene(static_cast<std::uint64_t>(i));
        test(cpu, scene);
      }
    }
  }
}
