#pragma once
#if defined(__CUDACC__) && !defined(GENOFORM_COMPILED_KERNELS)
#error "nvcc cannot compile the CPU kernels; define GENOFORM_COMPILED_KERNELS and link the compiled kernels"
#endif
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/cpu/machine/threads.hpp"
#include "genoform/backend/cpu/operations/adafactor.hpp"
#include "genoform/backend/cpu/operations/attention.hpp"
#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/backend/cpu/operations/experts.hpp"
#include "genoform/backend/cpu/operations/gated_attention.hpp"
#include "genoform/backend/cpu/operations/linear_attention.hpp"
#include "genoform/backend/cpu/operations/mixing.hpp"
#include "genoform/backend/cpu/operations/optimizer.hpp"
#include "genoform/backend/cpu/operations/positions.hpp"
#include "genoform/backend/cpu/operations/router.hpp"
#include "genoform/backend/cpu/operations/scores.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/pointers.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/joins.hpp"
#include "genoform/ops/operations.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::backend {

/// How a Cpu computes. An option that makes no sense is an Exception (usage) of its constructor.
struct CpuOptions {
  /// Threads of one model, at most 1024; 0: OMP_NUM_THREADS, else one for each processor that the process can use. The library's
  /// default is 1, so that several models share a machine without a word; the program's is 0.
  int threads = 1;
  cpu::InstructionSet instruction_set = cpu::best_instruction_set();  ///< narrower than the processor's only for tests
  cpu::Precision precision = {};                                      ///< of products and activations: f32 or bf16
  bool thread_invariant = false;  ///< the same bits for any number of threads; docs/performance.md has the price
};

/// The back end for host processors. Matrix products in f32 by oneDNN or, the large ones on AMX, by own kernels, which also make
/// those in bf16 and everything between them; parameters, gradients and optimizer state are f32 in either precision. Link with
/// -ldnnl -fopenmp. The same bits for a fixed number of threads, or for any. A copy has scratch of its own. Calls
/// prepared by one Cpu run one after another, and need it until the last of them has run; it may be moved.
class Cpu {
 public:
  using Real = float;
  using joins = DefaultJoins;
  static constexpr bool overwrites_gradients = true;

  explicit Cpu(CpuOptions options = {}) : options_(checked(options)), context_(make_context(options_)) {}
  Cpu(const Cpu& other) : Cpu(other.options_) {}
  Cpu& operator=(const Cpu& other) {
    options_ = other.options_;
    context_ = make_context(options_);
    return *this;
  }
  Cpu(Cpu&&) noexcept = default;
  Cpu& operator=(Cpu&&) noexcept = default;
  ~Cpu() = default;

  int threads() const { return options_.threads; }
  bool thread_invariant() const { return options_.thread_invariant; }
  cpu::Precision precision() const { return options_.precision; }
  /// What layers may make their activations of.
  ElementType activations() const { return precision().activations(); }
  cpu::InstructionSet instruction_set() const { return options_.instruction_set; }

  /// The call of an operation, with its pointers, primitives and scratch; running it allocates nothing.
  template <class Op>
  auto prepare(const Op& op, const Memories<float>& memories) const {
    const auto entered = enter();
    return cpu::prepare(context_.get(), op, memories);
  }

  /// Bytes of scratch that the calls prepared so far share.
  std::int64_t scratch_bytes() const { return static_cast<std::int64_t>(context_->scratch_bytes()); }
  /// A Cpu like this one whose calls cannot run: preparing them shows scratch_bytes() and allocates none of it.
  Cpu measuring() const { return Cpu(options_, true); }

  /// elements[i] = float(scale * normal number i of `random`), the bits that random.normal() gives, some five times as fast.
  void sample_normals(const Random& random, double scale, std::span<float> elements) const {
    context_->split((static_cast<std::int64_t>(elements.size()) + 4095) / 4096, 4096 * 16,
                    [&](std::int64_t first, std::int64_t last, int) {
                      const std::int64_t begin = first * 4096, end = std::min<std::int64_t>(last * 4096, std::ssize(elements));
                      context_->kernel<&cpu::Kernels::normals>()(random, scale, begin, end, elements.data() + begin);
                    });
  }

  /// Prepared calls run in the scope of what this returns: denormal numbers count as zero in it, and then as before.
  /// Throws Exception (resources) where a thread cannot be started.
  [[nodiscard]] cpu::Context::Entered enter() const { return cpu::Context::Entered(*context_); }

 private:
  Cpu(const CpuOptions& options, bool measures) : options_(options), context_(make_context(options, measures)) {}

  static CpuOptions checked(CpuOptions options) {
    options.threads = cpu::checked_threads(options.threads);
    if (!cpu::available(options.instruction_set))
      fail(ErrorKind::usage, {"this processor has no ", cpu::name_of(options.instruction_set)});
    return options;
  }
  static UniquePtr<cpu::Context> make_context(const CpuOptions& o, bool measures = false) {
    return make_unique_ptr<cpu::Context>(o.threads, o.instruction_set, o.precision, o.thread_invariant, measures);
  }

  CpuOptions options_;
  UniquePtr<cpu::Context> context_;
};

}  // namespace genoform::inner::backend

namespace genoform {
using inner::backend::Cpu;
using inner::backend::CpuOptions;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"

#ifdef GENOFORM_COMPILED
#include "genoform/compiled/cpu.hpp"
#endif
