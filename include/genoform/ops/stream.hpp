#pragma once
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/bounds.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/dense.hpp"

namespace genoform {

/// B sequences of T positions: one micro-batch, and one routing pool.
struct Shape {
  std::int64_t batch = 1, context = 1;
  constexpr std::int64_t tokens() const { return batch * context; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

/// `train` keeps what the way back needs and routes by pool; `evaluate` is causal and keeps nothing (spec/model.md section 4).
/// `check` is the training pass as another program can compute it: what routers remember stays fixed, Base takes the argmax, and
/// nothing is drawn or added that the text of the model does not say (`genoform grad`, spec/model.md section 5).
enum class Pass : std::uint8_t { train, evaluate, check };

/// What routers do while a model trains that its architecture does not say; all off by default and off outside Pass::train.
struct RouterTraining {
  double z_loss = 0;       ///< coefficient of the mean of logsumexp(l)^2 over the tokens, part of the auxiliary loss (ST-MoE)
  double jitter = 0;       ///< token-choice routers see their input times uniform(1 - jitter, 1 + jitter) (Switch)
  std::uint64_t seed = 1;  ///< of the jitter
  friend constexpr bool operator==(const RouterTraining&, const RouterTraining&) = default;
};

/// What a training pass keeps. `hold`: nothing that is kept is released on the way back, so that it can be read afterwards;
/// `recompute`: between the blocks only the residual stream, each block runs forward again before its way back; `activations`:
/// what tensors that only products and operations that know bf16 touch are made of.
struct PassLayout {
  bool hold = false, recompute = false;
  Element activations = Element::real;
  friend constexpr bool operator==(const PassLayout&, const PassLayout&) = default;
};

/// Lays out the workspace without liveness analysis: what the way back needs grows from the bottom, scratch from the top, both as
/// stacks.
class Arena {
 public:
  struct Mark {
    std::int64_t kept = 0, scratch = 0;
  };

  constexpr explicit Arena(std::int64_t cells = 0) : cells_(cells) {}

  constexpr std::int64_t keep(std::int64_t cells) {
    const std::int64_t at = top_.kept;
    top_.kept += padded(cells);
    note_peak();
    return at;
  }
  constexpr std::int64_t scratch(std::int64_t cells) {
    top_.scratch += padded(cells);
    note_peak();
    return cells_ - top_.scratch;
  }
  constexpr Mark mark() const { return top_; }
  constexpr void release_scratch(Mark to) { top_.scratch = to.scratch; }
  constexpr void release_kept(Mark to) {
    if (!holds_) top_.kept = to.kept;
  }
  /// From here on nothing that is kept is released, so that it can be read after the way back.
  constexpr void hold_kept() { holds_ = true; }
  constexpr std::int64_t peak() const { return peak_; }
  constexpr std::int64_t peak_kept() const { return peak_kept_; }

 private:
  /// Whole cache lines of 4-byte cells.
  static constexpr std::int64_t padded(std::int64_t cells) { return (cells + 15) / 16 * 16; }
  constexpr void note_peak() {
    peak_ = larger_of(peak_, top_.kept + top_.scratch);
    peak_kept_ = larger_of(peak_kept_, top_.kept);
  }

  std::int64_t cells_;
  Mark top_;
  std::int64_t peak_ = 0, peak_kept_ = 0;
  bool holds_ = false;
};

/// What every program finds at fixed places: the inputs and the results of a step. A token of -1 is padding; `round` counts
/// micro-batches, for what is drawn at random.
struct StepTensors {
  Tensor tokens, targets, scale, round, loss, aux_loss;
  Tensor spare_loss;  ///< takes what a forward pass that runs again would add to aux_loss
};

constexpr std::int64_t input_cells(Shape shape) { return 2 * shape.tokens() + 2; }
inline constexpr std::int64_t result_cells = 3;
constexpr StepTensors step_tensors(Shape shape) {
  const std::int64_t n = shape.tokens();
  return {.tokens = matrix(Memory::inputs, 0, n, 1, Element::index),
          .targets = matrix(Memory::inputs, n, n, 1, Element::index),
          .scale = matrix(Memory::inputs, 2 * n, 1, 1),
          .round = matrix(Memory::inputs, 2 * n + 1, 1, 1, Element::index),
          .loss = matrix(Memory::results, 0, 1, 1),
          .aux_loss = matrix(Memory::results, 1, 1, 1),
          .spare_loss = matrix(Memory::results, 2, 1, 1)};
}

/// Cells of the memory that so many elements take: two of bf16 share one.
constexpr std::int64_t cells_of(std::int64_t elements, Element element) {
  return element == Element::bf16 ? (elements + 1) / 2 : elements;
}

/// What the activations of a back end are made of, where it has a choice.
template <class Backend>
constexpr Element activations_of(const Backend& backend) {
  if constexpr (requires { backend.activations(); })
    return backend.activations();
  else
    return Element::real;
}

/// Throws Failure: the tensors of an operation do not fit together.
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_operation(std::string_view name) {
  fail(Fault::input, {"operation ", name, ": the shapes of its tensors do not fit together"});
}

/// A table of relative biases that the model adds in every attention layer; absent in most models and in a part alone.
struct SharedBias {
  Tensor table;  ///< [heads, buckets]
  std::int64_t distance = 0;
  constexpr bool exists() const { return table.exists(); }
};

/// The stream of operations that layers write into. The sink decides what becomes of them: counted, prepared for a back end,
/// listed.
template <class Sink>
class Stream {
 public:
  constexpr Stream(Shape shape, Pass pass, std::int64_t workspace_cells, Sink sink, const RouterTraining& routers = {},
                   const PassLayout& layout = {})
      : step(step_tensors(shape)),
        shape_(shape),
        pass_(pass),
        routers_(pass == Pass::train ? routers : RouterTraining{}),
        layout_(layout),
        arena_(workspace_cells),
        sink_(std::move(sink)) {
    if (layout.hold) arena_.hold_kept();
  }

  StepTensors step;
  SharedBias shared_bias;  ///< set by the model before its layers write

  constexpr Shape shape() const { return shape_; }
  constexpr std::int64_t tokens() const { return shape_.tokens(); }
  /// Is there a way back?
  constexpr bool training() const { return pass_ != Pass::evaluate; }
  /// Is it there only to be looked at?
  constexpr bool checking() const { return pass_ == Pass::check; }
  constexpr const RouterTraining& routers() const { return routers_; }
  /// What a layer may ask its tensors to be made of where only products and operations that know bf16 touch them.
  constexpr Element activations() const { return layout_.activations; }
  /// Does each block run forward again before its way back?
  constexpr bool recomputes() const { return training() && layout_.recompute; }

  /// A workspace tensor that lives until the way back has passed; in evaluation and while forgetting until the end of the
  /// sub-layer.
  [[gnu::cold, gnu::noinline]] constexpr Tensor keep(std::int64_t rows, std::int64_t columns, Element element = Element::real) {
    if (!training() || forgets_) return scratch(rows, columns, element);
    return note_taken(placed(arena_.keep(cells_of(rows * columns, element)), rows, columns, element), true);
  }
  /// The same for the residual stream, which is not forgotten when the outputs of sub-layers are held.
  constexpr Tensor keep_output(std::int64_t rows, std::int64_t columns) {
    if (!forgets_ || !layout_.hold) return keep(rows, columns);
    return note_taken(matrix(Memory::workspace, arena_.keep(rows * columns), rows, columns), true);
  }
  /// A workspace tensor that lives until the end of the sub-layer.
  [[gnu::cold, gnu::noinline]] constexpr Tensor scratch(std::int64_t rows, std::int64_t columns,
                                                        Element element = Element::real) {
    return note_taken(placed(arena_.scratch(cells_of(rows * columns, element)), rows, columns, element), false);
  }

  /// Runs `body` keeping nothing for the way back, which computes it again; its scratch is free afterwards.
  constexpr void forgetting(auto body) {
    const Arena::Mark mark = arena_.mark();
    const bool before = std::exchange(forgets_, true);
    body();
    forgets_ = before;
    arena_.release_scratch(mark);
  }
  /// Runs `body`, which emits on the way back what has run forward before: its losses count once, its outputs are known.
  constexpr void again(auto body) {
    const Tensor aux_loss = std::exchange(step.aux_loss, step.spare_loss);
    note_again(true);
    body();
    note_again(false);
    step.aux_loss = aux_loss;
  }

  /// Not inlined, and cold: it runs when a program is made, never in a step, and layers call it in many places.
  template <class Op>
  [[gnu::cold, gnu::noinline]] constexpr void operator()(const Op& op) {
    if (!op.fits()) refuse_operation(Op::name);
    sink_(op);
  }

  /// Tells a sink that listens that y [N, D] is the residual stream after a sub-layer.
  constexpr void note_output(std::int64_t block, std::int64_t place, Tensor y) {
    if constexpr (requires { sink_.note_output(block, place, y); })
      if (!again_) sink_.note_output(block, place, y);
  }
  /// Tells a sink that listens which sub-layer writes from here on; block -1: the model itself.
  constexpr void note_sub_layer(std::int64_t block, std::int64_t place) {
    if constexpr (requires { sink_.note_sub_layer(block, place); }) sink_.note_sub_layer(block, place);
  }

  /// Counts what `body` emits `times` times, as if each time came on top of what the last one kept; for dry runs only.
  constexpr void repeat(std::int64_t times, auto body) {
    const Arena arena = arena_;
    const Sink before = sink_;
    body();
    const std::int64_t kept = arena_.mark().kept - arena.mark().kept;
    if (times > 1 && kept > 0) {  // the way back starts from the last time, so that one has to lie where it belongs
      arena_ = arena;
      sink_ = before;
      arena_.keep((times - 1) * kept);
      body();
    }
    sink_.repeat(times, before);
  }

  constexpr Arena& arena() { return arena_; }
  constexpr Sink& sink() { return sink_; }

 private:
  static constexpr Tensor placed(std::int64_t cell, std::int64_t rows, std::int64_t columns, Element element) {
    return matrix(Memory::workspace, element == Element::bf16 ? 2 * cell : cell, rows, columns, element);
  }
  constexpr void note_again(bool begins) {
    again_ = begins;
    if constexpr (requires { sink_.note_again(begins); }) sink_.note_again(begins);
  }
  constexpr Tensor note_taken(const Tensor& t, bool kept) {
    if constexpr (requires { sink_.note_taken(t, kept, arena_); }) sink_.note_taken(t, kept, arena_);
    return t;
  }

  Shape shape_;
  Pass pass_;
  RouterTraining routers_;
  PassLayout layout_;
  bool forgets_ = false, again_ = false;
  Arena arena_;
  Sink sink_;
};

/// The sink of a dry run: useful FLOPs and number of operations.
struct Count {
  std::int64_t flops = 0, operations = 0;
  template <class Op>
  constexpr void operator()(const Op& op) {
    flops += op.flops();
    ++operations;
  }
  constexpr void repeat(std::int64_t times, const Count& before) {
    flops += (times - 1) * (flops - before.flops);
    operations += (times - 1) * (operations - before.operations);
  }
};

/// What an operation that is recorded says of itself; the tensors can be read until the observer has noted it.
struct CallNote {
  std::string_view phase, name;
  std::int64_t flops = 0;  ///< useful ones, spec/model.md section 6
  const Tensor* tensors = nullptr;
  std::size_t tensor_count = 0;
};

/// Watches calls: numbers each one when it is recorded, and is given it to run. Profile (report/profile.hpp) takes the time.
class CallObserver {
 public:
  virtual std::size_t note(const CallNote& note) = 0;
  virtual void run(std::size_t number, void (*call)(void*), void* held) = 0;

 protected:
  ~CallObserver() = default;
};

/// A list of prepared operations, run as often as wanted. It cannot be copied, so that an operation costs the compiler little
/// more than the function that runs it (std::function: three times that).
class Calls {
 public:
  Calls() = default;
  Calls(Calls&& other) noexcept { *this = std::move(other); }
  Calls& operator=(Calls&& other) noexcept {
    calls_.swap(other.calls_);
    std::swap(observer_, other.observer_);
    std::swap(phase_, other.phase_);
    return *this;
  }
  ~Calls() {
    for (const Call& call : calls_) call.drop(call.held);
  }

  /// The observer, which may be null, gets every call that is prepared after this, in its phase.
  void observe(CallObserver* observer, std::string_view phase) {
    observer_ = observer;
    phase_ = phase;
  }

  template <class F>
  void add(F call) {
    Call& place = next();  // first, so that nothing is lost when there is no memory for it
    place.held = new F(std::move(call));
    place.run = run_one<F>;
    if constexpr (!std::is_trivially_destructible_v<F>) place.drop = drop_one<F>;
  }
  /// Prepares an operation on a back end and appends it.
  template <class Backend, class Op, class Real>
  void add(const Backend& backend, const Op& op, const Memories<Real>& memories) {
    add(backend.prepare(op, memories));
    if (observer_ == nullptr) return;
    const auto tensors = op.tensors();
    calls_.back().number = observer_->note({phase_, Op::name, op.flops(), tensors.data(), tensors.size()});
  }
  void run() const {
    if (observer_ != nullptr) return run_observed();
    for (const Call& call : calls_) call.run(call.held);
  }
  std::size_t size() const { return calls_.size(); }

 private:
  static constexpr std::size_t unnoted = static_cast<std::size_t>(-1);
  struct Call {
    void* held = nullptr;
    void (*run)(void*) = nullptr;
    void (*drop)(void*) = drop_plain;
    std::size_t number = unnoted;  ///< by the observer
  };
  [[gnu::cold, gnu::noinline]] Call& next() { return calls_.emplace_back(); }
  template <class F>
  static void run_one(void* held) {
    (*static_cast<F*>(held))();
  }
  template <class F>
  static void drop_one(void* held) {
    delete static_cast<F*>(held);
  }
  static void drop_plain(void* held) { ::operator delete(held); }
  [[gnu::cold]] void run_observed() const {
    for (const Call& call : calls_)
      if (call.number != unnoted)
        observer_->run(call.number, call.run, call.held);
      else
        call.run(call.held);
  }

  std::vector<Call> calls_;
  CallObserver* observer_ = nullptr;
  std::string_view phase_;
};

/// Where the residual stream lies after a sub-layer: blocks are counted through all stacks, places in the block, both from 0.
struct OutputPlace {
  std::int64_t block = 0, place = 0;
  Tensor tensor;  ///< [N, D]
};

/// A back end that an observer listens to while a program is made (backend/observed.hpp).
template <class Backend>
concept IsObserved = requires(const Backend& backend) {
  backend.observer();
};

/// The sink that counts every operation and, once it has a list to write to, prepares it on a back end and appends it there.
/// Dry run and recording are one type: layers are compiled once for both.
template <class Backend>
class Record : public Count {
 public:
  Record() = default;
  Record(const Backend& backend, const Memories<typename Backend::Real>& memories) : backend_(&backend), memories_(&memories) {}

  /// Call it with null at the end: the last operation may still wait for the next.
  void write_to(Calls* calls) {
    finish_waiting();
    calls_ = calls;
  }

  template <class Op>
  void operator()(const Op& op) {
    Count::operator()(op);
    if (calls_ == nullptr) return;
    if constexpr (std::is_same_v<Op, op::Add>)
      if (waits_ && waiting_.takes(op)) {
        waiting_.added = op.x;
        return finish_waiting();
      }
    finish_waiting();
    waits_ = std::is_same_v<Op, op::Linear>;
    if constexpr (std::is_same_v<Op, op::Linear>)
      waiting_ = op;
    else
      prepare(op);
  }
  void note_output(std::int64_t block, std::int64_t place, Tensor y) { outputs_.push_back({block, place, y}); }
  std::vector<OutputPlace>& outputs() { return outputs_; }

  void note_sub_layer(std::int64_t block, std::int64_t place) requires IsObserved<Backend> {
    if (calls_ != nullptr) backend_->observer().enter_sub_layer(block, place);
  }
  void note_again(bool begins) requires IsObserved<Backend> {
    if (calls_ != nullptr) backend_->observer().enter_again(begins);
  }
  void note_taken(const Tensor& t, bool kept, const Arena& arena) requires IsObserved<Backend> {
    if (calls_ != nullptr) backend_->observer().take(t, kept, arena);
  }

 private:
  template <class Op>
  void prepare(const Op& op) {
    calls_->add(*backend_, op, *memories_);
  }
  void finish_waiting() {
    if (std::exchange(waits_, false)) prepare(waiting_);
  }

  const Backend* backend_ = nullptr;
  const Memories<typename Backend::Real>* memories_ = nullptr;
  Calls* calls_ = nullptr;
  op::Linear waiting_{};  ///< the last product, as long as a sum behind it may join it
  bool waits_ = false;
  std::vector<OutputPlace> outputs_;
};

}  // namespace genoform
