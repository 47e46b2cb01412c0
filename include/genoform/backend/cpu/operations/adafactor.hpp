#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/adafactor.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::cpu {

/// The step of Adafactor on one tensor. The work is cut into chunks whose length does not depend on the number of threads, and
/// their sums are added in order.
class AdafactorCall {
 public:
  AdafactorCall(SharedContext context, const op::AdafactorUpdate& o, const FloatMemories& m)
      : context_(std::move(context)),
        controls_(m.reals(o.controls)),
        sum_(m.reals(o.sum)),
        elements_(o.w.size()),
        decays_(o.decays),
        relative_(o.relative) {
    args_.w = m.reals(o.w);
    args_.g = m.reals(o.g);
    args_.m = m.reals(o.momentum);
    args_.squares = m.reals(o.squares);
    if (o.factored()) {
      blocks_ = o.row_means.rows;
      args_.rows = o.row_means.columns;
      args_.columns = o.w.columns;
      args_.row_means = m.reals(o.row_means);
      args_.column_means = m.reals(o.column_means);
      args_.row_factors = m.reals(o.factors);
      args_.column_factors = args_.row_factors + o.w.rows;
      chunks_of_block_ = (args_.rows + rows_of_chunk - 1) / rows_of_chunk;
      chunks_ = blocks_ * chunks_of_block_;
    } else {
      chunks_ = (elements_ + elements_of_chunk - 1) / elements_of_chunk;
    }
    context_->reserve(static_cast<std::size_t>(chunks_) *
                      (2 * sizeof(double) + static_cast<std::size_t>(args_.columns) * sizeof(float)));
  }

  void operator()() const {
    if (!math::is_finite(static_cast<double>(sum_[0]))) return;
    AdafactorScalars s{.beta1 = controls_[op::adafactor_beta1],
                       .one_minus_beta1 = 1.0F - controls_[op::adafactor_beta1],
                       .beta2 = controls_[op::adafactor_beta2],
                       .one_minus_beta2 = controls_[op::adafactor_one_minus_beta2],
                       .epsilon1 = controls_[op::adafactor_epsilon1]};
    if (args_.squares == nullptr) update_means(s);
    measure(s);
    scale(s);
    over_chunks([&](std::int64_t, std::int64_t first, std::int64_t last) {
      args_.squares == nullptr ? context_->kernel<&Kernels::adafactor_step>()(args_, s, first, last)
                               : context_->kernel<&Kernels::adafactor_full_step>()(args_, s, first, last);
    });
  }

 private:
  static constexpr std::int64_t rows_of_chunk = 64, elements_of_chunk = 16384;

  double* sizes() const { return context_->shared<double>(); }
  float* column_sums() const { return reinterpret_cast<float*>(sizes() + 2 * chunks_); }

  /// Calls body(chunk, first, last) over rows of one block each, or over elements where nothing is factored.
  template <class Body>
  void over_chunks(const Body& body) const {
    const bool factored = args_.squares == nullptr;
    context_->split(chunks_, factored ? rows_of_chunk * args_.columns : elements_of_chunk,
                    [&](std::int64_t first_chunk, std::int64_t last_chunk, int) {
                      for (std::int64_t c = first_chunk; c < last_chunk; ++c) {
                        if (!factored) {
                          body(c, c * elements_of_chunk, std::min(elements_, (c + 1) * elements_of_chunk));
                          continue;
                        }
                        const std::int64_t start = c / chunks_of_block_ * args_.rows;
                        const std::int64_t row = c % chunks_of_block_ * rows_of_chunk;
                        body(c, start + row, start + std::min(args_.rows, row + rows_of_chunk));
                      }
                    });
  }

  void update_means(const AdafactorScalars& s) const {
    over_chunks([&](std::int64_t c, std::int64_t first, std::int64_t last) {
      context_->kernel<&Kernels::adafactor_squares>()(args_, first, last, column_sums() + c * args_.columns);
    });
    for (std::int64_t b = 0; b < blocks_; ++b) {
      context_->kernel<&Kernels::adafactor_rows>()(args_, s, b);
      context_->over_columns(chunks_of_block_, args_.columns, [&](std::int64_t first, std::int64_t last) {
        context_->kernel<&Kernels::adafactor_columns>()(args_, s, b, column_sums() + b * chunks_of_block_ * args_.columns,
                                                        chunks_of_block_, first, last);
      });
    }
  }

  /// Fills sizes(): the sums of the squares of the updates and of the parameters of each chunk.
  void measure(const AdafactorScalars& s) const {
    over_chunks([&](std::int64_t c, std::int64_t first, std::int64_t last) {
      double* const found = sizes() + 2 * c;
      found[0] = found[1] = 0.0;
      args_.squares == nullptr ? context_->kernel<&Kernels::adafactor_sizes>()(args_, first, last, found)
                               : context_->kernel<&Kernels::adafactor_full_sizes>()(args_, s, first, last, found);
    });
  }

  void scale(AdafactorScalars& s) const {
    double update = 0.0, parameters = 0.0;
    for (std::int64_t c = 0; c < chunks_; ++c) update += sizes()[2 * c], parameters += sizes()[2 * c + 1];
    const double rms_update = math::sqrt(update / static_cast<double>(elements_));
    const double rms_parameters = math::sqrt(parameters / static_cast<double>(elements_));
    const double clip = static_cast<double>(controls_[op::adafactor_clip]),
                 learning_rate = static_cast<double>(controls_[op::adafactor_learning_rate]);
    const double size = relative_ ? std::max(static_cast<double>(controls_[op::adafactor_epsilon2]), rms_parameters) : 1.0;
    s.step = static_cast<float>(learning_rate * size * (clip > 0.0 && rms_update > clip ? clip / rms_update : 1.0));
    s.keep =
        static_cast<float>(1.0 - (decays_ ? learning_rate * static_cast<double>(controls_[op::adafactor_weight_decay]) : 0.0));
  }

  SharedContext context_;
  AdafactorArgs args_{};
  const float* controls_;
  const float* sum_;
  std::int64_t elements_, blocks_ = 0, chunks_of_block_ = 0, chunks_ = 0;
  bool decays_, relative_;
};

inline auto prepare(const SharedContext& context, const op::AdafactorUpdate& o, const auto& m) {
  return AdafactorCall(context, o, m);
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
