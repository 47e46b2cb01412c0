#pragma once
#include <algorithm>
#include <cstdint>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"

namespace genoform::cpu {

/// A matrix of f32 or bf16 in the memory of the host.
struct Values {
  float* floats = nullptr;
  Bf16* shorts = nullptr;
  std::int64_t rows = 0, columns = 0, stride = 0;

  [[gnu::cold, gnu::noinline]] Values(const Tensor& t, const Memories<float>& m)
      : rows(t.rows), columns(t.columns), stride(t.stride) {
    if (t.element == Element::bf16)
      shorts = static_cast<Bf16*>(m.places(t));
    else
      floats = m.reals(t);
  }
  explicit operator bool() const { return floats != nullptr || shorts != nullptr; }
};

/// A run of cells of several matrices, as f32: that of a matrix in f32 is its own memory, that of one in bf16 a buffer that is
/// filled when it is read and rounded when the run is done.
class Chunk {
 public:
  static constexpr std::int64_t most = 512;

  Chunk(const Context& context, std::int64_t row, std::int64_t column, std::int64_t cells)
      : count(cells), context_(&context), row_(row), column_(column) {}

  [[gnu::noinline]] const float* read(const Values& x) {
    if (x.shorts == nullptr) return at(x);
    context_->bf16().widen(place(x), buffers_[used_], count);
    return buffers_[used_++];
  }
  /// Its cells are not read before; written back by done().
  [[gnu::noinline]] float* write(const Values& y) {
    if (y.shorts == nullptr) return at(y);
    (first_to_ == nullptr ? first_to_ : second_to_) = place(y);
    return second_to_ == nullptr ? first_out_ : second_out_;
  }
  [[gnu::noinline]] void done() const {
    if (first_to_ != nullptr) context_->bf16().narrow(first_out_, first_to_, count);
    if (second_to_ != nullptr) context_->bf16().narrow(second_out_, second_to_, count);
  }

  const std::int64_t count;

 private:
  float* at(const Values& x) const { return x.floats == nullptr ? nullptr : x.floats + row_ * x.stride + column_; }
  Bf16* place(const Values& x) const { return x.shorts + row_ * x.stride + column_; }

  const Context* context_;
  std::int64_t row_, column_;
  Bf16 *first_to_ = nullptr, *second_to_ = nullptr;
  int used_ = 0;
  alignas(64) float buffers_[3][most], first_out_[most], second_out_[most];
};

/// body(chunk) over all cells of matrices of the shape of `x`: `flat` as in Context::over_cells.
template <class Body>
void over_values(const Context& context, const Values& x, bool flat, const Body& body) {
  context.over_cells(x.rows, x.columns, flat, [&](std::int64_t row, std::int64_t column, std::int64_t count) {
    for (std::int64_t done = 0; done < count; done += Chunk::most) {
      Chunk chunk(context, row, column + done, std::min(Chunk::most, count - done));
      body(chunk);
      chunk.done();
    }
  });
}

}  // namespace genoform::cpu
