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
#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/operation_list.hpp"
#include "tests/catch.hpp"

namespace genoform::tests {

using namespace inner;

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
  Tensor real(std::int64_t rows, std::int64_t columns, double scale = 1.0) {
    return place(rows, columns, columns + number(0, 3), ElementType::real,
                 [&](std::int64_t, std::int64_t) { return scale * normal(); });
  }
  /// The same in bf16.
  Tensor bf16(std::int64_t rows, std::int64_t columns, double scale = 1.0);
  /// The same without gaps.
  Tensor packed(std::int64_t rows, std::int64_t columns, const std::function<double(std::int64_t, std::int64_t)>& element) {
    return place(rows, columns, columns, ElementType::real, element);
  }
  Tensor packed(std::int64_t rows, std::int64_t columns, double scale = 1.0) {
    return packed(rows, columns, [&](std::int64_t, std::int64_t) { return scale * normal(); });
  }
  /// Random integers of [low, high], without gaps.
  Tensor index(std::int64_t rows, std::int64_t columns, std::int64_t low, std::int64_t high) {
    return place(rows, columns, columns, ElementType::index,
                 [&](std::int64_t, std::int64_t) { return static_cast<double>(number(low, high)); });
  }
  double normal() { return static_cast<float>(random_.normal(drawn_++)); }

  /// Runs the operations on both back ends from the same contents; every element must agree within tolerance * the largest
  /// element (at least 1), one of bf16 within tolerance * the largest of its matrix.
  template <class... Ops>
  void agree(const Cpu& cpu, double tolerance, const Ops&... ops) {
    std::vector<float> floats = start<float>();
    std::vector<double> doubles = start<double>(), wide_shorts(shorts_.begin(), shorts_.end());
    std::vector<std::uint16_t> shorts = start_shorts();
    run(cpu, floats, reinterpret_cast<float*>(shorts.data()), ops...);
    run(Reference(), doubles, wide_shorts.data(), ops...);
    compare(cpu, tolerance, std::move(floats), std::move(doubles), std::move(shorts), std::move(wide_shorts));
  }
  /// The contents of the memories after a run on one back end.
  template <class... Ops>
  std::vector<float> after(const Cpu& cpu, const Ops&... ops) {
    std::vector<float> floats = start<float>();
    std::vector<std::uint16_t> shorts = start_shorts();
    run(cpu, floats, reinterpret_cast<float*>(shorts.data()), ops...);
    for (const std::uint16_t x : shorts) floats.push_back(widened(x));
    return floats;
  }
  /// Rows of t after the segments of an assignment are undefined: not compared.
  void ignore_behind(const Tensor& t, const op::Assignment& to) {
    if (t.element_type == ElementType::bf16) return short_blanks_.emplace_back(t, to), void();
    blanks_.push_back([t, to](float* floats, double* doubles) {
      const auto end = reinterpret_cast<const std::int32_t*>(floats)[to.expert_first.offset + to.experts];
      for (std::int64_t i = t.offset + end * t.stride; i < t.offset + t.rows * t.stride; ++i) floats[i] = 0.0F, doubles[i] = 0.0;
    });
  }
  /// The contents of scratch are undefined too.
  void ignore(const Tensor& t) {
    blanks_.push_back([t](float* floats, double* doubles) {
      for (std::int64_t i = t.offset; i < t.offset + t.rows * t.stride; ++i) floats[i] = 0.0F, doubles[i] = 0.0;
    });
  }

 private:
  static std::int64_t end_of(const op::Assignment& to, const std::vector<float>& floats) {
    return reinterpret_cast<const std::int32_t*>(floats.data())[to.expert_first.offset + to.experts];
  }
  Tensor place(std::int64_t rows, std::int64_t columns, std::int64_t stride, ElementType element_type,
               const std::function<double(std::int64_t, std::int64_t)>& element);
  template <class Real>
  std::vector<Real> start() const;
  static std::uint16_t narrowed(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
  }
  static float widened(std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16); }
  std::vector<std::uint16_t> start_shorts() const;
  /// REQUIRE that they agree; see agree().
  void compare(const Cpu& cpu, double tolerance, std::vector<float> floats, std::vector<double> doubles,
               std::vector<std::uint16_t> shorts, std::vector<double> wide_shorts) const;
  static void compare_shorts(const Tensor& t, const std::vector<std::uint16_t>& shorts, const std::vector<double>& right,
                             double tolerance);
  /// Runs the list under testing::AccessCheck, which it fills through `add`, where the scene is small: what an operation lists
  /// does not depend on its sizes.
  void run_checked(std::size_t elements, std::size_t bytes_per_real, const std::function<void(OperationList&)>& add) const;
  template <class Backend, class Real, class... Ops>
  void run(const Backend& backend, std::vector<Real>& memory, Real* shorts, const Ops&... ops) const {
    Memories<Real> memories;
    memories[Memory::workspace] = memory.data();
    memories[Memory::state] = shorts;
    REQUIRE((ops.fits() && ...));
    const auto entered = device::enter(backend);
    run_checked(memory.size(), sizeof(Real), [&](OperationList& list) { (list.add(backend, ops, memories), ...); });
  }

  Random random_;
  bool checks_access_;
  std::uint64_t drawn_ = 0;
  std::vector<double> elements_;
  std::vector<bool> indexed_;
  std::vector<float> shorts_;  // every one a bf16
  std::vector<Tensor> short_tensors_;
  std::vector<std::function<void(float*, double*)>> blanks_;
  std::vector<std::pair<Tensor, op::Assignment>> short_blanks_;
};

/// The set in use and, where that one multiplies f32 by own kernels, a set that leaves all products of f32 to oneDNN.
inline std::vector<cpu::InstructionSet> sets_of_products() {
  using cpu::InstructionSet;
  const InstructionSet best = cpu::best_instruction_set();
  if (cpu::split_products(best) == nullptr) return {best};
  return {best, InstructionSet::avx512};
}

/// test(cpu, scene) for every instruction set of this processor that differs in a precision, with 1 and 2 threads, `times`
/// random scenes each.
inline void on_every_cpu(int times, const std::function<void(const Cpu&, Scene&)>& test,
                         cpu::Precision precision = cpu::Precision::f32) {
  using cpu::InstructionSet;
  for (const auto set : cpu::all_instruction_sets) {
    const bool differs = set != InstructionSet::avx512_bf16 || precision == cpu::Precision::bf16;
    if (!differs || !cpu::available(set)) continue;
    for (const int threads : {1, 2}) {
      const Cpu cpu({.threads = threads, .instruction_set = set, .precision = precision});
      for (int i = 0; i < times; ++i) {
        Scene scene(static_cast<std::uint64_t>(i));
        test(cpu, scene);
      }
    }
  }
}

}  // namespace genoform::tests

using namespace genoform::tests;
