#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/core/pointers.hpp"
#include "genoform/core/random.hpp"
#include "genoform/model/host_copy.hpp"
#include "genoform/model/model.hpp"
#include "genoform/model/module.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::testing {

/// What a part or a model is tested with. The vocabulary is for models that leave theirs open.
struct Sizes {
  int width = 12;
  std::int64_t batch = 2, context = 7;
  int vocab = 11;
};

/// Small unequal sizes that no kernel likes: odd widths too, contexts that are not a multiple of 16. The same for the same seed.
inline Sizes random_sizes(std::uint64_t seed) {
  const Random random(seed, stream_of("sizes"));
  const auto between = [&](std::uint64_t index, int low, int high) {
    return low + static_cast<int>(random.below(index, static_cast<std::uint64_t>(high - low + 1)));
  };
  return {.width = between(0, 9, 14), .batch = between(1, 2, 3), .context = between(2, 5, 11), .vocab = between(3, 7, 13)};
}

/// A Decoder type; everything else is a part and gets rows of numbers as its input.
template <class T>
concept WholeModel = requires {
  typename T::body;
  T::value;
};

template <class T, class Backend>
constexpr auto engine_type() {
  if constexpr (WholeModel<T>)
    return Type<Model<T, Backend>>{};
  else
    return Type<Module<T, Backend>>{};
}
template <class T, class Backend>
using EngineOf = typename decltype(engine_type<T, Backend>())::type;

/// A Subject without the type of its part or model: a BasicModule or a BasicModel.
template <class Backend, template <class> class Basic>
class BasicSubject {
 public:
  using Real = typename Backend::Real;
  static constexpr bool is_model = std::is_same_v<Basic<Backend>, BasicModel<Backend>>;

  BasicSubject(UniquePtr<Basic<Backend>> engine, const Sizes& sizes, std::uint64_t seed)
      : sizes_(sizes), engine_(std::move(engine)) {
    const Random noise(seed, stream_of("parameters")), numbers(seed, stream_of("input")), weights(seed, stream_of("weights"));
    const auto n = static_cast<std::size_t>(sizes.batch * sizes.context);
    disturb_parameters(noise);
    for (std::size_t i = 0; i < n; ++i) tokens_.push_back(sample_token(numbers, i));
    if constexpr (is_model) {
      for (std::size_t i = 0; i < n; ++i) targets_.push_back(i == 1 ? -1 : sample_token(weights, i));  // one row without a target
    } else {
      for (std::size_t i = 0; i < n * static_cast<std::size_t>(sizes.width); ++i) {
        input_.push_back(rounded(numbers.normal(i)));
        weights_.push_back(rounded(weights.normal(i)));
      }
    }
  }

  Basic<Backend>& engine() { return *engine_; }
  const Sizes& sizes() const { return sizes_; }
  Shape shape() const { return {sizes_.batch, sizes_.context}; }
  /// Empty for a model.
  std::vector<Real>& input() { return input_; }
  std::vector<Token>& tokens() { return tokens_; }
  /// The gradient of the input after gradient(); empty for a model.
  const std::vector<Real>& input_gradient() const { return input_gradient_; }

  /// The output as in training, or of the causal evaluation: logits [N, V] or y [N, D].
  std::vector<Real> output(Pass pass) {
    const auto copy = [](std::span<const Real> y) { return std::vector<Real>(y.begin(), y.end()); };
    if constexpr (is_model) {
      return copy(pass == Pass::train ? engine_->logits(tokens_, sizes_.batch) : engine_->evaluate_logits(tokens_, sizes_.batch));
    } else {
      engine_->set_tokens(tokens_);
      return copy(pass == Pass::train ? engine_->forward(input_, sizes_.batch) : engine_->evaluate(input_, sizes_.batch));
    }
  }
  /// The loss as in training, with the routers' losses.
  double loss() {
    if constexpr (is_model) {
      const Losses losses = engine_->pool_loss(tokens_, targets_, sizes_.batch);
      return losses.main + losses.aux;
    } else {
      engine_->set_tokens(tokens_);
      const auto y = engine_->forward(input_, sizes_.batch);
      double sum = engine_->aux_loss(shape());
      for (std::size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(weights_[i]) * static_cast<double>(y[i]);
      return sum;
    }
  }
  /// Fills the engine's gradients and input_gradient() with those of loss().
  void gradient() {
    engine_->zero_gradients();
    if constexpr (is_model) {
      engine_->loss_and_gradient(tokens_, targets_, sizes_.batch);
    } else {
      engine_->set_tokens(tokens_);
      engine_->forward(input_, sizes_.batch);
      const auto dx = engine_->backward(weights_);
      input_gradient_.assign(dx.begin(), dx.end());
    }
  }

  /// All gradients, in the layout of the parameters.
  std::vector<Real> gradients() {
    std::vector<Real> all(static_cast<std::size_t>(engine_->parameter_count()));
    for (const TensorInfo& info : engine_->tensors())
      if (info.tensor.memory == Memory::weights)
        engine_->read_gradient(info, std::span(all).subspan(static_cast<std::size_t>(info.tensor.offset),
                                                            static_cast<std::size_t>(info.tensor.size())));
    return all;
  }

 private:
  void disturb_parameters(const Random& noise) {
    HostCopy<Backend> copy;
    for (const TensorInfo& info : engine_->tensors()) {
      if (info.tensor.memory != Memory::weights) continue;
      auto i = static_cast<std::uint64_t>(info.tensor.offset);
      for (Real& w : copy.of(*engine_, info)) w = rounded(static_cast<double>(w) + 0.3 * noise.normal(i++));
    }
    copy.write_back();
  }
  static Real rounded(double x) { return static_cast<Real>(static_cast<float>(x)); }
  Token sample_token(const Random& random, std::size_t i) const {
    if constexpr (is_model)
      return static_cast<Token>(random.below(i, static_cast<std::uint64_t>(engine_->sizes().vocab)));
    else
      return static_cast<Token>(random.below(i, static_cast<std::uint64_t>(sizes_.vocab)));
  }

  Sizes sizes_;
  UniquePtr<Basic<Backend>> engine_;
  std::vector<Token> tokens_, targets_;
  std::vector<Real> input_, weights_, input_gradient_;
};

template <class T, class Backend>
using SubjectBase = std::conditional_t<WholeModel<T>, BasicSubject<Backend, BasicModel>, BasicSubject<Backend, BasicModule>>;

/// A part or a model on a back end, everything about it sampled from the seed: parameters (also those that start at 0 or 1),
/// input and token ids, and for a part the weights of its outputs in the loss sum(weight * y) + aux. All numbers are exact in
/// float, so every back end gets the same.
template <class T, class Backend>
class Subject : public SubjectBase<T, Backend> {
 public:
  Subject(const Sizes& sizes, std::uint64_t seed, Backend backend)
      : SubjectBase<T, Backend>(make_unique_ptr<EngineOf<T, Backend>>(options(sizes, seed, std::move(backend))), sizes, seed) {}

 private:
  static auto options(const Sizes& sizes, std::uint64_t seed, Backend backend) {
    if constexpr (WholeModel<T>) {
      constexpr DecoderLayer given = T::value;
      return ModelOptions<Backend>{.seed = seed,
                                   .vocab = given.vocab > 0 ? given.vocab : sizes.vocab,
                                   .width = given.width > 0 ? given.width : sizes.width,
                                   .context = given.context > 0 ? given.context : static_cast<int>(sizes.context),
                                   .storage = {},
                                   .backend = std::move(backend)};
    } else {
      return ModuleOptions<Backend>{.width = sizes.width,
                                    .vocab = sizes.vocab,
                                    .context = static_cast<int>(sizes.context),
                                    .seed = seed,
                                    .positions = false,
                                    .storage = {},
                                    .backend = std::move(backend)};
    }
  }
};

/// The largest difference between two lists, relative to the largest magnitude of the second one, at least `floor`.
struct Difference {
  double relative = 0;
  std::size_t place = 0;
};

template <class A, class B>
Difference difference(std::span<const A> found, std::span<const B> expected, double floor) {
  double largest = floor;
  for (const B value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
  Difference worst;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double d = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])) / largest;
    if (!(d <= worst.relative)) worst = {d, i};  // also when d is not a number
  }
  return worst;
}

}  // namespace genoform::testing

#include "genoform/core/restore_macros.hpp"
