#pragma once
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/backend/device_memory.hpp"
#include "genoform/core/math.hpp"
#include "genoform/core/result.hpp"
#include "genoform/data/batches.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/train/batch_source.hpp"
#include "genoform/train/checkpoint.hpp"
#include "genoform/train/evaluation.hpp"
#include "genoform/train/finite.hpp"
#include "genoform/train/log.hpp"
#include "genoform/train/optimizer.hpp"
#include "genoform/train/optimizer_choice.hpp"
#include "genoform/train/optimizers.hpp"
#include "genoform/train/step.hpp"
#include "genoform/train/train_options.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// Trains a model, one step after the other, on a corpus or on batches of the caller's own. A step clears the gradients, adds
/// those of `accumulate` micro-batches, and lets the optimizer change the parameters. After the constructor a step allocates
/// nothing. Between steps the gradients belong to the trainer.
/// The model must outlive the trainer and stay where it is. One thread at a time.
template <class Backend>
class Trainer {
 public:
  class Run;

  /// Freezes what the options say, makes the optimizer and prepares the model for the shapes of the run. Throws Exception: an
  /// option that makes no sense (usage), too little memory (resources); the message says which or how much.
  explicit Trainer(BasicModel<Backend>& model, TrainOptions options = {})
      : Trainer(model, std::move(options), builtin_optimizers<Backend>()) {}
  /// With optimizers of the caller's own among those that options.optimizer may name.
  Trainer(BasicModel<Backend>& model, TrainOptions options, const std::type_identity_t<Optimizers<Backend>>& optimizers)
      : Trainer(model, std::move(options), &optimizers, nullptr) {}
  /// With an optimizer of the caller's in place of options.optimizer. It was made for this model after model.freeze(), so
  /// options.frozen must be empty (usage).
  Trainer(BasicModel<Backend>& model, TrainOptions options, std::type_identity_t<std::unique_ptr<Optimizer<Backend>>> optimizer)
      : Trainer(model, std::move(options), nullptr, std::move(optimizer)) {}

 private:
  /// Without an optimizer one of `optimizers`.
  Trainer(BasicModel<Backend>& model, TrainOptions options, const Optimizers<Backend>* optimizers,
          std::unique_ptr<Optimizer<Backend>> optimizer)
      : model_(&model),
        options_(train_options::checked(std::move(options), model.sizes().context)),
        shape_{options_.batch, options_.context} {
    if (options_.routers.z_loss > 0 || options_.routers.jitter > 0)
      model.set_router_training({options_.routers.z_loss, options_.routers.jitter, options_.seed});
    if (options_.recompute) model.set_recompute();
    device::require(model.backend(),
                    bytes_still_needed(optimizer ? 0 : optimizers->elements(options_.optimizer, model.tensors())), "training");
    if (optimizer && !options_.frozen.empty())
      throw Exception(
          {ErrorKind::usage, "an optimizer of your own was made before the trainer freezes; call model.freeze() before both"});
    if (!options_.frozen.empty()) model.freeze(options_.frozen).value();
    optimizer_ = optimizer ? std::move(optimizer) : optimizers->make(options_.optimizer, model);
    model.prepare(shape_, Pass::train);
    if (options_.windows > 0) evaluation_.emplace(model, options_.context, options_.windows);
    tokens_.resize(micro_batch_size() * static_cast<std::size_t>(options_.accumulate));
    targets_.resize(tokens_.size());
    parts_.resize(static_cast<std::size_t>(options_.accumulate));
    losses_.resize(2 * static_cast<std::size_t>(options_.accumulate));
    if constexpr (HostBackend<Backend>)
      if (options_.interrupted) state_before_.resize(model.state().size());
  }

 public:
  /// The steps that are left, one for each iteration of a loop: `for (const Step& s : trainer.run(corpus))`.
  /// The loop throws Exception where step() returns an Error. The corpus must live as long.
  Run run(const Corpus& corpus) { return Run(*this, corpus); }
  Run run(Corpus&&) = delete;
  /// The same on micro-batches of the caller's own; see BatchSource.
  Run run(BatchSource source) { return Run(*this, std::move(source)); }

  /// Makes this corpus that of the run, as its first step() does; for a run that has no step left to take. Errors (input), after
  /// which nothing has changed: those that step() has for a corpus.
  Result<void> meet(const Corpus& corpus);

  /// One step on random windows of the training part; `steps` of the options does not stop it. Errors, after which no parameter
  /// has changed: the corpus is too short for the context, has tokens outside the vocabulary, has no validation part though
  /// there are windows, or is not the one that the run began with (input); a loss or gradient that is not finite, with the name
  /// of the tensor (not_finite); options.interrupted said yes (interrupted), and the next step() takes the same step. Where the
  /// validation or the log fails, or the validation is interrupted, the step itself is done: save() keeps it.
  Result<Step> step(const Corpus& corpus);
  /// One step on micro-batches of the caller's own. Errors: as above, and tokens or targets that BatchSource does not allow, or a
  /// step whose targets are all masked (input).
  Result<Step> step(const BatchSource& source);
  /// One step on given data: tokens and targets [accumulate * batch, context], with the meaning that they have in BatchSource.
  /// Step::bits_per_byte are bits per target; nothing is validated (validate() does). Errors: another size (usage), and as above.
  Result<Step> step(std::span<const Token> tokens, std::span<const Token> targets);

  /// Causal bits per byte on the validation windows of the corpus. Errors: the trainer was made without windows (usage); the
  /// validation part is too short or has tokens outside the vocabulary (input); options.interrupted said yes (interrupted).
  Result<double> validate(const Corpus& corpus);

  /// Steps that the run has behind it, those before a resume() included.
  int steps_done() const { return done_; }
  /// Tokens of these steps.
  std::int64_t tokens_done() const { return std::int64_t{done_} * options_.accumulate * shape_.tokens(); }
  /// The options with the context filled in.
  const TrainOptions& options() const { return options_; }
  BasicModel<Backend>& model() { return *model_; }

  /// Writes everything that a run needs to go on, to the same bits, into FOLDER/checkpoint.safetensors, replaced whole or not at
  /// all; the folder is made where there is none. `own`: settings of the caller's that a resumed run must have the same.
  /// Errors: what the disk says (resources); a parameter that is not finite.
  Result<void> save(const std::string& folder, const checkpoint::RunSettings& own = {});
  /// Goes on where save() was called, on a trainer with the same options and a model of the same text. Errors (input), after
  /// which nothing has changed: no checkpoint, a damaged one, or one of another run; the message says what differs.
  Result<void> resume(const std::string& folder, const checkpoint::RunSettings& own = {});

 private:
  /// Beside the parameters and gradients that the model holds already.
  std::int64_t bytes_still_needed(std::int64_t optimizer_elements) {
    const Shape windows{std::min(Evaluation<Backend>::windows_at_once, options_.windows), options_.context};
    std::int64_t elements = model_->plan(shape_, Pass::train).workspace_elements + optimizer_elements;
    if (options_.windows > 0) elements += model_->plan(windows, Pass::evaluate).workspace_elements;
    return elements * static_cast<std::int64_t>(sizeof(typename Backend::Real));
  }

  using Clock = std::chrono::steady_clock;

  /// Tokens of a micro-batch.
  std::size_t micro_batch_size() const { return static_cast<std::size_t>(shape_.tokens()); }
  /// The number of a micro-batch of the next step, counted over the run.
  std::int64_t micro_batch_index(int i) const { return std::int64_t{done_} * options_.accumulate + i; }

  /// Whether all parts of a corpus suit the model and the windows: what a late validation needs is known before the first step.
  Result<void> check_corpus(const Corpus& corpus) const;
  /// Refuses data that is not what the run began with.
  Result<void> check_mark(const std::string& mark) const;
  Result<void> open_log();
  /// Fills parts_ from targets_.
  void weigh_micro_batches();
  /// One step on the micro-batches in tokens_ and targets_. `validation`: where it is measured, if anywhere.
  Result<Step> train_on_batches(Clock::time_point start, double bytes_per_token, const Corpus* validation);
  /// The gradients of all micro-batches. Error (interrupted), after which nothing has changed.
  Result<void> add_gradients();
  /// Runs passes of the model that may be interrupted: false where they were.
  template <class Passes>
  bool finishes(const Passes& passes);
  /// Of the step that was waited for.
  Losses mean_losses() const;
  /// The tensor that broke the step: a parameter if one is not finite, else a gradient.
  Error not_finite(double loss);
  /// Everything that a resumed run must have the same: the options of this run and the caller's `own`.
  checkpoint::RunSettings settings(const checkpoint::RunSettings& own) const;

  BasicModel<Backend>* model_;
  TrainOptions options_;
  Shape shape_;
  std::unique_ptr<Optimizer<Backend>> optimizer_;
  std::optional<Evaluation<Backend>> evaluation_;
  std::optional<TrainLog> log_;
  std::optional<Batches> batches_;
  std::vector<Token> tokens_, targets_;  ///< of a whole step, [accumulate, batch, context]
  /// Of each micro-batch: how many of its weight make the step. Each counts by its share of the targets, so that accumulated ones
  /// equal one large batch also where many targets are masked; exactly `accumulate` where none is.
  std::vector<double> parts_;
  std::vector<typename Backend::Real> losses_;  ///< main and auxiliary of each micro-batch of a step
  /// What routers remembered before the step, where it may be interrupted; a device takes a pass as a whole.
  std::vector<typename Backend::Real> state_before_;
  const Corpus* corpus_ = nullptr;      ///< the one that step() has met and checked
  const Corpus* validation_ = nullptr;  ///< the one of a source of batches, checked
  std::string corpus_mark_;             ///< of the data that the run has seen; a resumed run must see the same
  int done_ = 0;
};

/// The steps of a run that are left, as a range that is walked once; each ++ is one step of training.
template <class Backend>
class Trainer<Backend>::Run {
 public:
  struct End {};
  class Iterator {
   public:
    using value_type = Step;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit Iterator(Run& run) : run_(&run) { ++*this; }
    const Step& operator*() const { return run_->step_; }
    const Step* operator->() const { return &run_->step_; }
    Iterator& operator++() {
      run_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(End) const { return run_->ended_; }

   private:
    Run* run_;
  };

  Run(Trainer& trainer, const Corpus& corpus) : trainer_(&trainer), corpus_(&corpus) {}
  Run(Trainer& trainer, BatchSource source) : trainer_(&trainer), source_(std::move(source)) {}
  Iterator begin() { return Iterator(*this); }
  End end() const { return {}; }

 private:
  void advance() {
    ended_ = trainer_->done_ >= trainer_->options_.steps;
    if (!ended_) step_ = (corpus_ != nullptr ? trainer_->step(*corpus_) : trainer_->step(source_)).value();
  }

  Trainer* trainer_;
  const Corpus* corpus_ = nullptr;  ///< null: the batches of source_
  BatchSource source_{};
  Step step_;
  bool ended_ = false;
};

template <class Backend>
Result<Step> Trainer<Backend>::step(const Corpus& corpus) {
  if (corpus_ != &corpus)
    if (Result<void> fine = meet(corpus); !fine) return fine.error();
  const auto start = Clock::now();
  for (int i = 0; i < options_.accumulate; ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * micro_batch_size();
    batches_->fill(static_cast<std::uint64_t>(micro_batch_index(i)), std::span(tokens_).subspan(first, micro_batch_size()),
                   std::span(targets_).subspan(first, micro_batch_size()));
  }
  return train_on_batches(start, corpus.bytes_per_token(), &corpus);
}

template <class Backend>
Result<Step> Trainer<Backend>::step(const BatchSource& source) {
  if (!source.fill) return Error{ErrorKind::usage, "a source of batches without .fill"};
  if (Result<void> same = check_mark(source.name); !same) return same.error();
  if (source.validation != nullptr && source.validation != validation_) {
    if (Result<void> fine = check_corpus(*source.validation); !fine) return fine.error();
    validation_ = source.validation;
  }
  if (Result<void> opened = open_log(); !opened) return opened.error();
  const auto start = Clock::now();
  for (int i = 0; i < options_.accumulate; ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * micro_batch_size();
    source.fill(micro_batch_index(i), std::span(tokens_).subspan(first, micro_batch_size()),
                std::span(targets_).subspan(first, micro_batch_size()));
  }
  if (Result<void> fine = batch_source::check(tokens_, targets_, model_->sizes().vocab); !fine) return fine.error();
  if (corpus_mark_.empty()) corpus_mark_ = source.name;
  return train_on_batches(start, source.bytes_per_token, source.validation);
}

template <class Backend>
Result<Step> Trainer<Backend>::step(std::span<const Token> tokens, std::span<const Token> targets) {
  if (tokens.size() != tokens_.size() || targets.size() != tokens_.size())
    return Error{ErrorKind::usage, std::to_string(tokens.size()) + " tokens and " + std::to_string(targets.size()) +
                                       " targets; a step takes " + std::to_string(tokens_.size()) + ": " +
                                       std::to_string(options_.accumulate) + " micro-batches of " +
                                       std::to_string(options_.batch) + " sequences of " + std::to_string(options_.context)};
  if (Result<void> opened = open_log(); !opened) return opened.error();
  const auto start = Clock::now();
  if (Result<void> fine = batch_source::check(tokens, targets, model_->sizes().vocab); !fine) return fine.error();
  std::copy(tokens.begin(), tokens.end(), tokens_.begin());
  std::copy(targets.begin(), targets.end(), targets_.begin());
  return train_on_batches(start, 1, nullptr);
}

template <class Backend>
Result<Step> Trainer<Backend>::train_on_batches(Clock::time_point start, double bytes_per_token, const Corpus* validation) {
  Step s{.index = done_ + 1};
  if (Result<void> added = add_gradients(); !added) return added.error();
  optimizer_->measure_gradients();
  Losses losses;
  const auto all_finite = [&] {
    losses = mean_losses();
    s.gradient_norm = optimizer_->measured_norm();
    return math::is_finite(losses.main) && math::is_finite(losses.aux) && math::is_finite(s.gradient_norm);
  };
  if constexpr (HostBackend<Backend>)  // without a wait: nothing has changed yet, not even the state of routers
    if (!all_finite()) return not_finite(losses.main);
  s.learning_rate = static_cast<double>(options_.learning_rate) * options_.schedule.factor(done_, options_.steps);
  optimizer_->update(done_ + 1, s.learning_rate);  // of a norm that is not finite: changes nothing
  model_->after_step();
  s.routing = model_->routing_summary();  // the one wait of the step: losses and norm are there too
  if constexpr (DeviceBackend<Backend>)
    if (!all_finite()) return not_finite(losses.main);
  ++done_;
  s.bits_per_byte = losses.main / std::numbers::ln2 / bytes_per_token;
  s.aux_loss = losses.aux;
  s.tokens = tokens_done();
  s.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  s.tokens_per_second = static_cast<double>(options_.accumulate * shape_.tokens()) / s.seconds;
  const bool due = done_ == options_.steps || (options_.validate_every > 0 && done_ % options_.validate_every == 0);
  if (due && evaluation_ && validation != nullptr) {
    const Result<double> measured = validate(*validation);
    if (!measured && log_) static_cast<void>(log_->write(s));  // a resumed run does not take the step again
    if (!measured) return measured.error();
    s.validation = *measured;
  }
  if (log_)
    if (Result<void> written = log_->write(s); !written) return written.error();
  return s;
}

template <class Backend>
Result<void> Trainer<Backend>::add_gradients() {
  weigh_micro_batches();
  if constexpr (HostBackend<Backend>)
    if (options_.interrupted) state_before_.assign(model_->state().begin(), model_->state().end());
  model_->zero_gradients();
  const bool done = finishes([this] {
    for (int i = 0; i < options_.accumulate; ++i) {
      const std::size_t first = static_cast<std::size_t>(i) * micro_batch_size();
      model_->set_round(micro_batch_index(i));
      model_->add_gradient(std::span(tokens_).subspan(first, micro_batch_size()),
                           std::span(targets_).subspan(first, micro_batch_size()), options_.batch,
                           1.0 / parts_[static_cast<std::size_t>(i)],
                           std::span(losses_).subspan(2 * static_cast<std::size_t>(i)).template first<2>());
    }
  });
  if (done) return {};
  if constexpr (HostBackend<Backend>) std::copy(state_before_.begin(), state_before_.end(), model_->state().begin());
  return Error{ErrorKind::interrupted, "step " + std::to_string(done_ + 1) + ": interrupted; it changed nothing"};
}

template <class Backend>
template <class Passes>
bool Trainer<Backend>::finishes(const Passes& passes) {
  struct Asking {
    BasicModel<Backend>* model;
    ~Asking() { model->set_interruption({}); }
  };
  const Asking asking{model_};
  if (options_.interrupted) {
    if (options_.interrupted()) return false;
    model_->set_interruption({[](const void* held) { return static_cast<const TrainOptions*>(held)->interrupted(); }, &options_});
  }
  try {
    passes();
  } catch (const Exception& exception) {
    if (exception.error_kind() != ErrorKind::interrupted) throw;
    return false;
  }
  return true;
}

template <class Backend>
void Trainer<Backend>::weigh_micro_batches() {
  const auto all = static_cast<double>(batch_source::unmasked(targets_));
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto targets = std::span(targets_).subspan(i * micro_batch_size(), micro_batch_size());
    parts_[i] = all / static_cast<double>(batch_source::unmasked(targets));
  }
}

template <class Backend>
Result<double> Trainer<Backend>::validate(const Corpus& corpus) {
  if (!evaluation_) return Error{ErrorKind::usage, "the trainer was made without validation windows"};
  std::optional<Result<double>> nats;
  if (!finishes([&] { nats = evaluation_->nats(corpus.validation()); }))
    return Error{ErrorKind::interrupted, "the validation was interrupted"};
  if (!*nats) return nats->error();
  return **nats / std::numbers::ln2 / corpus.bytes_per_token();
}

template <class Backend>
Result<void> Trainer<Backend>::meet(const Corpus& corpus) {
  if (Result<void> fine = check_corpus(corpus); !fine) return fine;
  const std::string mark = std::to_string(corpus.fingerprint());
  if (Result<void> same = check_mark(mark); !same) return same;
  batches_.emplace(corpus.train(), static_cast<std::size_t>(options_.batch), static_cast<std::size_t>(options_.context),
                   options_.seed);
  if (Result<void> opened = open_log(); !opened) return opened;
  corpus_mark_ = mark;
  corpus_ = &corpus;
  return {};
}

template <class Backend>
Result<void> Trainer<Backend>::check_corpus(const Corpus& corpus) const {
  if (Result<void> long_enough = corpus.check_context(static_cast<std::size_t>(options_.context)); !long_enough)
    return long_enough;
  if (evaluation_ && corpus.validation().empty())
    return Error{ErrorKind::input, "the corpus has no validation part; give one, or train with .windows = 0"};
  return corpus.check_vocabulary(model_->sizes().vocab);
}

template <class Backend>
Result<void> Trainer<Backend>::check_mark(const std::string& mark) const {
  if (corpus_mark_.empty() || corpus_mark_ == mark) return {};
  return Error{ErrorKind::input, "the text is not the one that the run started with; resume with the same data"};
}

template <class Backend>
Result<void> Trainer<Backend>::open_log() {
  if (options_.log.empty() || log_) return {};
  Result<TrainLog> log = TrainLog::open(options_.log, done_);
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  return {};
}

template <class Backend>
Losses Trainer<Backend>::mean_losses() const {
  Losses mean;
  for (int i = 0; i < options_.accumulate; ++i) {
    const typename Backend::Real* const losses = losses_.data() + 2 * i;
    mean.main += static_cast<double>(losses[0]) / parts_[static_cast<std::size_t>(i)];
    mean.aux += static_cast<double>(losses[1]) / parts_[static_cast<std::size_t>(i)];
  }
  return mean;
}

template <class Backend>
Error Trainer<Backend>::not_finite(double loss) {
  const std::string parameter = first_not_finite(*model_, Memory::weights);
  const std::string gradient = first_not_finite(*model_, Memory::gradients);
  std::string what = "step " + std::to_string(done_ + 1) + ": ";
  if (!parameter.empty())
    return {ErrorKind::not_finite, what + "not finite: parameter " + parameter +
                                       ", before the step already; begin with finite weights and a smaller learning rate"};
  if (!gradient.empty())
    what += (math::is_finite(loss) ? "not finite: gradient of " : "the loss is not finite; the first gradient that is not: ") +
            gradient;
  else
    what += "the norm of the gradients is not finite";
  return {ErrorKind::not_finite, what + "; the step changed no parameter; try a smaller learning rate"};
}

template <class Backend>
checkpoint::RunSettings Trainer<Backend>::settings(const checkpoint::RunSettings& own) const {
  checkpoint::RunSettings all{{"steps", std::to_string(options_.steps)},
                              {"batch", std::to_string(options_.batch)},
                              {"context", std::to_string(options_.context)},
                              {"accumulate", std::to_string(options_.accumulate)},
                              {"learning_rate", checkpoint::number_text(options_.learning_rate)},
                              {"seed", std::to_string(options_.seed)},
                              {"activations", activations_of(model_->backend()) == ElementType::bf16 ? "bf16" : "full"},
                              {"schedule", options_.schedule.description()},
                              {"optimizer", optimizer_->description()},
                              {"frozen", model_->frozen()},
                              {"router z-loss", checkpoint::number_text(static_cast<float>(model_->router_training().z_loss))},
                              {"router jitter", checkpoint::number_text(static_cast<float>(model_->router_training().jitter))},
                              {"router seed", std::to_string(model_->router_training().seed)}};
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

template <class Backend>
Result<void> Trainer<Backend>::save(const std::string& folder, const checkpoint::RunSettings& own) {
  checkpoint::RunSettings all = settings(own);
  all.emplace_back("done", std::to_string(done_));
  all.emplace_back("data", corpus_mark_);
  return checkpoint::save(folder, *model_, *optimizer_, all);
}

template <class Backend>
Result<void> Trainer<Backend>::resume(const std::string& folder, const checkpoint::RunSettings& own) {
  Result<Safetensors> file = checkpoint::open(folder);
  if (!file) return file.error();
  if (Result<void> same = checkpoint::check_settings(*file, settings(own)); !same) return same;
  const std::string done = checkpoint::setting(*file, "done");
  int steps = -1;
  if (std::from_chars(done.data(), done.data() + done.size(), steps).ec != std::errc() || steps < 0 || steps > options_.steps)
    return Error{ErrorKind::input, file->path() + ": metadata key \"run.done\" is \"" + done + "\", not a step of this run"};
  if (Result<void> loaded = checkpoint::fill(*file, *model_, *optimizer_); !loaded) return loaded;
  done_ = steps;
  corpus_mark_ = checkpoint::setting(*file, "data");
  corpus_ = nullptr;
  return {};
}

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::Trainer;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"

#ifdef GENOFORM_COMPILED
#include "genoform/compiled/train.hpp"
#endif
