#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/joined.hpp"
#include "genoform/core/options.hpp"
#include "genoform/core/tensor.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// n^-0.5 by Newton's iteration, since std::sqrt is not constexpr.
[[gnu::cold, gnu::noinline]] constexpr double inverse_root(std::int64_t n) {
  double root = n < 1 ? 1 : static_cast<double>(n);
  for (int i = 0; i < 40; ++i) {
    const double next = 0.5 * (root + static_cast<double>(n) / root);
    if (next == root) break;  // every further one is the same
    root = next;
  }
  return 1 / root;
}

/// How a tensor starts: constant, normal with a standard deviation, Primer's dconv (1/2, then 1/(2k); docs/formats/model.md,
/// section 2), numbers that count 0 .. n - 1 over and over, or by a function. Integers start constant, counted or by a function,
/// each from 0 to what the tensor allows; any other one is an Exception (usage) when the model is made.
struct Initializer {
  /// The value of an element of a tensor of `size` elements; rounded to f32.
  using Function = double (*)(std::int64_t index, std::int64_t size);
  enum class Kind : std::uint8_t { constant, normal, dconv, orthogonal, modulo, function };
  Kind kind = Kind::constant;
  double value = 0;        ///< the constant, the standard deviation, or n
  bool is_fan_in = false;  ///< the value is n, the deviation n^-0.5
  Function function_of_index = nullptr;

  static constexpr Initializer constant(double value) { return {Kind::constant, value}; }
  static constexpr Initializer normal(double deviation) { return {Kind::normal, deviation}; }
  /// Normal with deviation fan_in^-0.5.
  static constexpr Initializer fan_in(std::int64_t n) { return {Kind::normal, static_cast<double>(n), true}; }
  static constexpr Initializer dconv() { return {Kind::dconv, 0}; }
  /// Rows that are orthogonal in blocks, of the lengths of normal rows (model/orthogonal.hpp).
  static constexpr Initializer orthogonal() { return {Kind::orthogonal, 0}; }
  static constexpr Initializer modulo(std::int64_t n) { return {Kind::modulo, static_cast<double>(n)}; }
  /// As in function([](std::int64_t head, std::int64_t heads) { return std::exp2(-8.0 * (head + 1) / heads); }).
  static constexpr Initializer function(Function f) { return {Kind::function, 0, false, f}; }
  /// As TensorInfo has it: fan_in with its deviation. Only then is the root taken, as most declarations only count.
  constexpr Initializer settled() const { return is_fan_in ? normal(inverse_root(static_cast<std::int64_t>(value))) : *this; }
};

/// One named tensor of a model: where it lies in its flat buffer and how it is treated.
/// tensors() lists both memories of a model: a tensor in Memory::weights lies at tensor.offset of parameters() and gradients(),
/// one in Memory::state (what routers remember) at tensor.offset of state(). Test tensor.memory before the offset is used, or
/// call values(info), which does.
struct TensorInfo {
  std::string name;                 ///< as in files: "blocks.0.1.ffn.up.weight", stack after stack, sub-layers from 0
  std::vector<std::int64_t> shape;  ///< as in files; `tensor` has the same elements as one matrix
  Tensor tensor;                    ///< memory and offset in elements; Memory::weights or Memory::state
  Initializer start;
  bool decays = false;     ///< by weight decay: matrices do, norms, biases and dconv do not
  bool is_f32 = false;     ///< must be F32 in files (router, state)
  bool optional = false;   ///< may be missing in files
  bool transient = false;  ///< never in files
  bool frozen = false;     ///< not to be moved by an optimizer; Engine::freeze
  std::int64_t below = 0;  ///< integers: each is at least 0 and below this
  bool is_load = false;    ///< what a router measures
};

/// A tensor's name inside its part, in one piece or two, as in {"pre", ".weight"}; a view, so that counting in a constant
/// expression builds no string.
struct TensorName {
  constexpr TensorName(const char* whole) : first(whole) {}
  constexpr TensorName(std::string_view first_piece, std::string_view second_piece) : first(first_piece), second(second_piece) {}
  std::string_view first, second;
};

/// The tensors of a model in the order of their declaration.
struct TensorList {
  std::vector<TensorInfo> tensors;
  std::string prefix;  ///< put before every name, as in "blocks.0.1."

  void add(const TensorName& name, TensorInfo info) {
    info.name = joined({prefix, name.first, name.second});
    info.start = info.start.settled();
    tensors.push_back(std::move(info));
  }
};

/// Layers declare their tensors here: packed exactly, in order, so the flat buffer has as many elements as the model has
/// parameters. Without a list it only counts, also in constant expressions.
class Declaration {
 public:
  constexpr explicit Declaration(const ModelContext& model_context, TensorList* list = nullptr)
      : list_(list), model_context_(model_context) {}

  /// D, the width of the residual stream.
  constexpr std::int64_t width() const { return model_context_.width; }
  /// V and T, the vocabulary and the longest sequence of the model; 0 where a part stands alone and was not given them.
  constexpr std::int64_t vocab() const { return model_context_.vocab; }
  constexpr std::int64_t context() const { return model_context_.context; }
  /// The list that is being filled, if any.
  constexpr TensorList* list() const { return list_; }

  /// A trained matrix [rows, columns].
  constexpr Tensor matrix(TensorName name, std::int64_t rows, std::int64_t columns, Initializer start, bool is_f32 = false) {
    return weight(name, {rows, columns}, 2, start, true, is_f32, 100);
  }
  /// A trained matrix [rows, columns] that decay leaves alone.
  constexpr Tensor undecayed_matrix(TensorName name, std::int64_t rows, std::int64_t columns, Initializer start) {
    return weight(name, {rows, columns}, 2, start, false, false, 100);
  }
  /// A trained vector, handle [1, size].
  constexpr Tensor vector(TensorName name, std::int64_t size, Initializer start) {
    const Tensor t = weight(name, {size}, 1, start, false, false, 100);
    return inner::matrix(t.memory, t.offset, 1, size);
  }
  /// One matrix an expert, [experts, rows, columns], handle [experts * rows, columns]; a token uses `activated_percent` / 100
  /// experts.
  constexpr Tensor experts(TensorName name, std::int64_t experts, std::int64_t rows, std::int64_t columns, Initializer start,
                           std::int64_t activated_percent) {
    return weight(name, {experts, rows, columns}, 3, start, true, false, activated_percent);
  }
  /// One matrix a group over positions, [groups, rows, columns], handle [groups * rows, columns]; a token uses them all, and
  /// decay leaves them alone, so that elements that no position sees stay as they are.
  constexpr Tensor tables(TensorName name, std::int64_t groups, std::int64_t rows, std::int64_t columns, Initializer start) {
    return weight(name, {groups, rows, columns}, 3, start, false, false, 100 * groups);
  }
  /// State of a router, handle [size, 1]; in files unless `transient`.
  constexpr Tensor state(TensorName name, std::int64_t size, Initializer start, bool optional, bool transient) {
    return state_vector(name, size, start, optional, transient, ElementType::real);
  }

  /// A matrix of state [rows, columns], in files, that only its initial values fill.
  constexpr Tensor state_matrix(TensorName name, std::int64_t rows, std::int64_t columns, Initializer start) {
    const Tensor t = inner::matrix(Memory::state, state_, rows, columns);
    state_ += rows * columns;
    ++tensors_;
    if (list_ != nullptr)
      list_->add(name, {.name = {},
                        .shape = {rows, columns},
                        .tensor = t,
                        .start = start,
                        .decays = false,
                        .is_f32 = true,
                        .optional = false,
                        .transient = false});
    return t;
  }
  /// State of integers from 0 to below - 1, handle [size, 1]; I32 in files.
  constexpr Tensor integers(TensorName name, std::int64_t size, Initializer start, std::int64_t below) {
    const Tensor t = state_vector(name, size, start, false, false, ElementType::index);
    if (list_ != nullptr) list_->tensors.back().below = below;
    return t;
  }
  /// Where a router of `experts` experts notes what it does, handle [2 * (experts + 1), 1] (op::RecordLoad); never in files.
  constexpr Tensor load(TensorName name, std::int64_t experts) {
    const Tensor t = state(name, 2 * (experts + 1), Initializer::constant(0), true, true);
    if (list_ != nullptr) list_->tensors.back().is_load = true;
    return t;
  }

  /// Counts what `body` declares `times` times; for counting only.
  constexpr void repeat(std::int64_t times, auto body) {
    const std::int64_t weights = weights_, activated = activated_, state = state_, tensors = tensors_;
    body();
    tensors_ += (times - 1) * (tensors_ - tensors);
    weights_ += (times - 1) * (weights_ - weights);
    activated_ += (times - 1) * (activated_ - activated);
    state_ += (times - 1) * (state_ - state);
  }

  /// Counts what was declared to another declaration; for counting only.
  constexpr void add(const Declaration& more) {
    weights_ += more.weights_;
    activated_ += more.activated_;
    state_ += more.state_;
    tensors_ += more.tensors_;
    if (more.heads_ != 0) attends(more.heads_);
  }

  /// An attention layer says how many heads it has.
  constexpr void attends(std::int64_t heads) { heads_ = heads_ == 0 || heads_ == heads ? heads : heads_differ; }
  /// The heads of the attention layers so far: 0 when there are none, heads_differ when they are not all the same.
  constexpr std::int64_t heads() const { return heads_; }
  static constexpr std::int64_t heads_differ = -1;

  constexpr std::int64_t parameters() const { return weights_; }
  constexpr std::int64_t activated_parameters() const { return activated_; }
  constexpr std::int64_t state_elements() const { return state_; }
  /// Tensors, trained ones and state.
  constexpr std::int64_t tensors() const { return tensors_; }

 private:
  constexpr Tensor state_vector(TensorName name, std::int64_t size, Initializer start, bool optional, bool transient,
                                ElementType element_type) {
    const Tensor t = inner::matrix(Memory::state, state_, size, 1, element_type);
    state_ += size;
    ++tensors_;
    if (list_ != nullptr)
      list_->add(name, {.name = {},
                        .shape = {size},
                        .tensor = t,
                        .start = start,
                        .decays = false,
                        .is_f32 = true,
                        .optional = optional,
                        .transient = transient});
    return t;
  }

  [[gnu::cold, gnu::noinline]] constexpr Tensor weight(TensorName name, std::array<std::int64_t, 3> shape, int dimensions,
                                                       Initializer start, bool decays, bool is_f32,
                                                       std::int64_t activated_percent) {
    const std::int64_t rows = dimensions == 3 ? shape[0] * shape[1] : shape[0];
    const std::int64_t columns = dimensions == 1 ? 1 : shape[static_cast<std::size_t>(dimensions - 1)];
    const Tensor t = inner::matrix(Memory::weights, weights_, rows, columns);
    weights_ += rows * columns;
    ++tensors_;
    activated_ += dimensions == 3 ? shape[1] * shape[2] * activated_percent / 100 : rows * columns;
    if (list_ != nullptr)
      list_->add(name, {.name = {},
                        .shape = {shape.begin(), shape.begin() + dimensions},
                        .tensor = t,
                        .start = start,
                        .decays = decays,
                        .is_f32 = is_f32,
                        .optional = false,
                        .transient = false});
    return t;
  }

  TensorList* list_;
  ModelContext model_context_;
  std::int64_t weights_ = 0, activated_ = 0, state_ = 0, tensors_ = 0, heads_ = 0;
};

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::TensorInfo;
}  // namespace genoform

namespace genoform::extend {
using inner::model::Declaration;
using inner::model::Initializer;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
