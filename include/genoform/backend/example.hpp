#pragma once
#include <algorithm>
#include <cstdint>
#include <string>

#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/joins.hpp"
#include "genoform/ops/operation_list.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::backend {

/// A complete back end, to be read and copied for a new one: every member that a back end must or may have, what it is given, and
/// what it must guarantee. It computes by the formulas of Reference in memory that it treats as if the host could not touch it.
///
/// A back end that works in the memory of the host, at once, needs no more than the first part: Real, prepare(), enter(). DryRun
/// (backend/dry_run.hpp) is the smallest of that sort, Cpu the fast one.
class ExampleBackend {
 public:
  // ---- Part 1: every back end ----

  /// Required: float or double. Every memory is an array of it; an index takes the room of one Real, two bf16 that of a float.
  using Real = double;

  /// Required: called once for each operation when a recording or an optimizer is made. A real back end has one overload for each
  /// struct of ops/ in place of this template; the comment above a struct is the contract of its numbers.
  ///
  /// Given: the handles of the operation, whose shapes fit together, and where the memories lie. memories.reals(t), .indices(t)
  /// and .address(t) turn a handle into an address, null for a tensor that is absent.
  /// Returned: a callable without arguments that does one run. It is moved once and run often. Whatever can be done once is
  /// done here: addresses, descriptors, workspace. Running it allocates nothing.
  /// Guarantee: operations see what earlier ones wrote, in the order in which they are asked for. The same run gives the same
  /// bits. An update of an optimizer whose sum of squares is not finite changes nothing.
  /// A callable that is destroyed while runs of it are still waiting lets them end first.
  template <class Op>
  auto prepare(const Op& op, const Memories<Real>& memories) const {
    return Reference().prepare(op, memories);
  }

  /// Required: called before each list is run and before operations are prepared, by the thread that does so: how it rounds,
  /// which device it uses. What it returns, if anything, lives until they have run or are prepared; its destructor restores what
  /// the program had set.
  void enter() const {}

  /// Optional; absent means false. True: LinearWeightGradient and ExpertsWeightGradient heed `zero_before`, so that no zeros are
  /// written to gradients that a backward pass overwrites.
  static constexpr bool overwrites_gradients = false;

  /// Optional; absent means ElementType::real. bf16: every operation takes the activations that layers make of
  /// Stream::activations() in bf16.
  ElementType activations() const { return ElementType::real; }
  /// Optional; absent means ElementType::real. bf16: Linear writes and CrossEntropy reads logits in bf16, half the memory of what
  /// is the largest tensor of a small model. The host sees them as Real.
  ElementType logits() const { return ElementType::real; }

  /// Optional; absent means none: which neighbouring operations are joined to one before they are prepared (ops/joins.hpp).
  using joins = JoinRules<>;

  /// Optional, together: bytes of scratch that prepared operations share, and a back end like this one that allocates none of it,
  /// so that a model's memory is known before any of it is taken. Operations that it prepares are never run.
  std::int64_t scratch_bytes() const { return 0; }
  ExampleBackend measuring() const { return {}; }

  // Optional and not shown: `void sample_normals(const Random&, double scale, std::span<Real>) const` fills memory of the host
  // with the bits that Random::normal() gives, faster (Cpu).

  // ---- Part 2: a back end that has memory of its own ----

  /// True: the members below are required, and nothing but operations and the copies below touches its memory. What is asked for
  /// may run later, in the order in which it was asked for, over all members.
  static constexpr bool has_device_memory = true;

  /// Required: owns Reals of that memory, all 0. It can be moved, which leaves data() as it was, and made empty by default.
  /// data(): an address for prepare() and the copies, at a boundary of 64 bytes. Destroying it waits for what still uses it.
  class Buffer {
   public:
    Buffer() = default;
    explicit Buffer(std::int64_t elements) : memory_(elements) {}
    Real* data() const { return memory_.data(); }
    std::int64_t size() const { return memory_.size(); }
    std::int64_t bytes() const { return memory_.bytes(); }
    /// Bytes that a buffer of so many elements takes.
    static std::int64_t bytes_of(std::int64_t elements) { return HostBuffer<Real>::bytes_of(elements); }

   private:
    HostBuffer<Real> memory_;
  };
  /// Required: throws Exception (ErrorKind::resources) when there is no room.
  Buffer allocate(std::int64_t elements) const { return Buffer(elements); }
  /// Required: throws Exception (ErrorKind::resources) that names `what` when so many bytes are not to be had.
  void require(std::int64_t bytes, const std::string& what) const { require_memory(bytes, what); }

  /// Required: from the host to this memory, in order. `from` may change as soon as it returns.
  void upload(Real* to, const Real* from, std::int64_t elements) const { std::copy_n(from, elements, to); }
  /// Required: from this memory to the host, in order. `to` is complete after the next synchronize() and lives until then.
  void download(Real* to, const Real* from, std::int64_t elements) const { std::copy_n(from, elements, to); }
  /// Required: returns when all that was asked for has run. A step of training calls it once.
  void synchronize() const {}

  /// Required: asks for one run of each call of the list, in order. The list may be moved or destroyed before they have run: take
  /// its calls (list[i] is a copy that stays valid), not its address.
  /// `mode` is overwrite for the backward pass of a model whose gradients count as 0. Operations read the same from their
  /// `zero_before`; a back end that keeps a list as a graph keeps one for each mode.
  void run(const OperationList& list, GradientMode /*mode*/) const {
    for (std::size_t i = 0; i < list.size(); ++i) list[i]();
  }
};

}  // namespace genoform::inner::backend

#include "genoform/core/restore_macros.hpp"
