#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "genoform/backend/cpu/kernels.hpp"
#include "genoform/backend/cpu/machine/float_mode.hpp"
#include "genoform/backend/cpu/machine/team.hpp"
#include "genoform/backend/cpu/products/onednn.hpp"
#include "genoform/backend/host/rows.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/pointers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::cpu {

/// Bytes on a cache line's boundary that only ever grow.
class Scratch {
 public:
  /// `measures`: counts the bytes and has none of them.
  explicit Scratch(bool measures = false) : measures_(measures) {}

  void reserve(std::size_t bytes) {
    if (bytes <= size_) return;
    // Packed operands are read again and again: from half a huge page on, a whole one spares the processor looking up small ones.
    const std::size_t unit = bytes < huge_page / 2 ? 64 : huge_page;
    const std::size_t size = (bytes + unit - 1) / unit * unit;
    bytes_ = {};
    if (!measures_)
      bytes_ = HostBuffer<std::byte>(static_cast<std::int64_t>(size));  // touched, so that no step pays for the pages
    size_ = size;
  }
  std::size_t size() const { return size_; }
  void* get() const { return bytes_.data(); }

 private:
  HostBuffer<std::byte> bytes_;
  std::size_t size_ = 0;
  bool measures_;
};

/// Sines and cosines of rotary positions, [positions, half] each.
struct Rotation {
  std::int64_t half = 0;
  bool inverse = false;
  std::vector<float> cosines, sines;
};

/// What the prepared calls of one Cpu share: threads, kernels, scratch, products of experts. One thread at a time runs them.
class Context {
 public:
  /// `thread_invariant`: no result depends on the number of threads. `measures`: calls are prepared to learn scratch_bytes(),
  /// and cannot run.
  Context(int threads, InstructionSet set, Precision precision, bool thread_invariant = false, bool measures = false)
      : threads_(threads),
        set_(set),
        bf16_(precision.is_bf16() ? &precision.kernels(set) : nullptr),
        products_(bf16_ != nullptr ? &bf16_->products : split_products(set)),
        thread_invariant_(thread_invariant),
        team_(measures ? 1 : threads),
        shared_(measures) {
    while (threads-- > 0) per_thread_.emplace_back(measures);
  }

  int threads() const { return threads_; }
  bool thread_invariant() const { return thread_invariant_; }
  bool in_bf16() const { return bf16_ != nullptr; }
  /// The kernels that know bf16, of a context that computes in it.
  const Bf16Kernels& bf16() const { return *bf16_; }
  /// How it multiplies in bf16, or in f32 Split; null where it multiplies f32 by oneDNN.
  const ProductKernels* products() const { return products_; }
  /// The kernel at a place of the table, as in kernel<&Kernels::rotate>().
  template <auto place>
  const auto& kernel() const {
    return cpu::kernel<place>(set_);
  }

  /// The calling thread is set up for calls until the end of the scope, and the threads beside it are there.
  class Entered {
   public:
    explicit Entered(const Context& context) { context.team_.start(); }

   private:
    CallMode mode_;
  };

  void reserve(std::size_t shared_bytes) { shared_.reserve(shared_bytes); }
  void reserve_per_thread(std::size_t bytes) {
    for (Scratch& scratch : per_thread_) scratch.reserve(bytes);
  }
  /// Of all that the calls share besides products.
  std::size_t scratch_bytes() const {
    std::size_t bytes = shared_.size();
    for (const Scratch& scratch : per_thread_) bytes += scratch.size();
    for (const auto& rotation : rotations_) bytes += (rotation->cosines.size() + rotation->sines.size()) * sizeof(float);
    return bytes;
  }
  template <class Value>
  Value* shared() const {
    return static_cast<Value*>(shared_.get());
  }
  float* of_thread(int thread) const { return static_cast<float*>(per_thread_[static_cast<std::size_t>(thread)].get()); }

  /// body(first, last, thread) over parts of [0, items). Which thread does what may not change any result.
  /// Work below some ten thousand elements is not worth waking a thread.
  template <class Body>
  void split(std::int64_t items, std::int64_t elements_per_item, const Body& body) const {
    split_parts(items, elements_per_item, &body, [](const void* held, std::int64_t first, std::int64_t last, int thread) {
      (*static_cast<const Body*>(held))(first, last, thread);
    });
  }

  /// body(row, column, count) over a matrix: whole rows, or long runs of row 0 when the matrix is `flat` (no gaps between rows).
  template <class Body>
  void over_elements(std::int64_t rows, std::int64_t columns, bool flat, const Body& body) const {
    const std::int64_t elements = rows * columns;
    split(flat ? (elements + 63) / 64 : rows, flat ? 64 : columns, [&](std::int64_t first, std::int64_t last, int) {
      if (flat) return body(std::int64_t{0}, first * 64, std::min(elements, last * 64) - first * 64);
      for (std::int64_t r = first; r < last; ++r) body(r, std::int64_t{0}, columns);
    });
  }

  /// y = 0.
  [[gnu::noinline]] void clear(const host::Rows<float>& y) const {
    over_elements(y.rows, y.columns, y.rows <= 1 || y.stride == y.columns,
                  [&](std::int64_t r, std::int64_t c, std::int64_t count) {
                    std::memset(y[r] + c, 0, static_cast<std::size_t>(count) * sizeof(float));
                  });
  }

  /// body(first, last) over blocks of columns, each done by one thread from the first row to the last.
  template <class Body>
  void over_columns(std::int64_t rows, std::int64_t columns, const Body& body, std::int64_t block = 16) const {
    split((columns + block - 1) / block, block * rows,
          [&](std::int64_t first, std::int64_t last, int) { body(first * block, std::min(columns, last * block)); });
  }

  /// A product of one call's own; the call holds it, so that it goes when the call's recording goes.
  UniquePtr<onednn::Product> own_product(const onednn::ProductShape& shape) {
    auto product = make_unique_ptr<onednn::Product>(shape);
    reserve_per_thread(product->scratch_bytes());
    return product;
  }

  /// The product of this shape that all experts share for their slab of this number; different slabs may run at once.
  [[gnu::cold, gnu::noinline]] onednn::Product* expert_product(const onednn::ProductShape& shape, std::int64_t slab) {
    for (const ExpertProduct& known : expert_products_)
      if (known.slab == slab && known.shape == shape) return known.product.get();
    return expert_products_.emplace_back(ExpertProduct{shape, slab, own_product(shape)}).product.get();
  }

  const Rotation* rotation(std::int64_t positions, std::int64_t half, bool inverse);

 private:
  struct ExpertProduct {
    onednn::ProductShape shape;
    std::int64_t slab;
    UniquePtr<onednn::Product> product;
  };

  /// split() without its body's type.
  [[gnu::noinline]] void split_parts(std::int64_t items, std::int64_t elements_per_item, const void* body,
                                     void (*run)(const void* body, std::int64_t first, std::int64_t last, int thread)) const {
    if (threads_ == 1 || items < 2 || items * elements_per_item <= 16384) {
      if (items > 0) run(body, 0, items, 0);
      return;
    }
    team_.run([=, threads = std::int64_t{threads_}](int part) {
      const std::int64_t first = items * part / threads, last = items * (part + 1) / threads;
      if (first < last) run(body, first, last, part);
    });
  }

  int threads_;
  InstructionSet set_;
  const Bf16Kernels* bf16_;
  const ProductKernels* products_;
  bool thread_invariant_;
  mutable Team team_;
  Scratch shared_;
  std::vector<Scratch> per_thread_;
  std::vector<ExpertProduct> expert_products_;
  std::vector<UniquePtr<Rotation>> rotations_;
};

/// The context as prepared calls hold it, which do not own it: a Cpu outlives its calls. A call of plain data needs no code to be
/// copied or destroyed.
using SharedContext = Context*;

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
