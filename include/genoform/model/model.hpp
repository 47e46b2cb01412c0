#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "genoform/core/joined.hpp"
#include "genoform/core/pointers.hpp"
#include "genoform/genome/text_of.hpp"
#include "genoform/model/any_layer.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/network.hpp"
#include "genoform/model/sample_blocks.hpp"

namespace genoform::inner::model {

/// How a model is made, as in `Model<Net, Cpu> model({.seed = 7, .backend = Cpu({.threads = 4})})`.
template <class Backend>
struct ModelOptions {
  std::uint64_t seed = 1;  ///< of the initial values: equal seeds give equal bits, whatever the number of threads
  /// The sizes that the architecture leaves out; 0: not given. One that is missing, or that contradicts the architecture, is an
  /// Exception (input).
  int vocab = 0, width = 0, context = 0;
  /// Parameters and gradients in memory of the caller's, each exactly as many numbers as the model has parameters (else an
  /// Exception, input), which must outlive the model; empty: the model allocates them.
  Storage<typename Backend::Real> storage{};
  /// Where the model computes. A Cpu computes with 1 thread, in f32, by default; Cpu({.threads = 0}) takes all that the program
  /// may use.
  Backend backend{};
  RouterTraining routers{};  ///< z-loss and jitter of routers in training; 0, so none, by default
  /// False samples no initial parameters, for weights that are loaded or lie in `storage` already: they stay as they are in
  /// `storage`, or 0. What routers remember gets its initial values in any case.
  bool initialize = true;
};

/// The sizes of an architecture completed by those given at run time; throws Exception when one is missing or contradicts.
[[gnu::cold]] inline DecoderLayer with_sizes(DecoderLayer sizes, int vocab, int width, int context) {
  const auto complete = [](int& own, int given, const char* word) {
    if (own != 0 && given != 0 && own != given)
      fail(ErrorKind::input, {word, "<", own, "> of the architecture and ", given, " given contradict"});
    if (own == 0) own = given;
    if (own == 0) fail(ErrorKind::input, {"the architecture has no ", word, "; write it or give it"});
  };
  complete(sizes.vocab, vocab, "Vocab");
  complete(sizes.width, width, "Width");
  complete(sizes.context, context, "Context");
  const Violation violation = sizes.violation(ModelContext{});
  if (!violation.fine()) throw Exception({ErrorKind::input, std::string(violation.rule.sentence)});
  return sizes;
}

/// A decoder whose architecture is the type Net: `Model<Net, Cpu> model({.seed = 1});`. Throws Exception at construction only.
template <class Net, class Backend>
class Model : public BasicModel<Backend> {
 public:
  /// Without options, so the architecture must have all sizes.
  explicit Model() : Model(ModelOptions<Backend>{}) {
    static_assert(!has_open_sizes,
                  "the architecture leaves Vocab, Width or Context open; write it, or give it as in Model<Net, Cpu> "
                  "model({.width = 128})");
  }
  explicit Model(ModelOptions<Backend> options)
      : Model(with_sizes(decoder_of<Net>, options.vocab, options.width, options.context), options) {}

 private:
  using Network = DecoderNetwork<AnyBlocks<Backend>>;
  static constexpr bool has_open_sizes = decoder_of<Net>.vocab == 0 || decoder_of<Net>.width == 0 || decoder_of<Net>.context == 0;

  [[gnu::cold]] Model(const DecoderLayer& sizes, ModelOptions<Backend>& options)
      : BasicModel<Backend>(sizes,
                            make_unique_ptr<NetworkOf<Backend, Network>>(
                                Network(sizes, blocks_of<Backend>(stacks_of<Net>{}, sizes.model_context()))),
                            std::string(text_of<Net>), options.storage, std::move(options.backend)) {
    this->start(options.seed, options.initialize);
    this->set_router_training(options.routers);
  }
};

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Model;
using inner::model::ModelOptions;
}  // namespace genoform
