#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/batches.hpp"
#include "genoform/data/token_view.hpp"
#include "genoform/model/basic_model.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// Says which token of a text is outside a vocabulary, if one is.
inline Result<void> check_vocabulary(TokenView text, std::int64_t vocabulary) {
  const std::size_t wrong = first_outside(text, vocabulary);
  if (wrong == text.size()) return {};
  return Error{ErrorKind::input, "token " + std::to_string(wrong) + " of the text is " + std::to_string(text[wrong]) +
                                     "; the model has Vocab<" + std::to_string(vocabulary) + ">"};
}

/// The causal loss (docs/formats/model.md section 4) on windows spread evenly over a text. Everything is prepared by the
/// constructor.
template <class Backend>
class Evaluation {
 public:
  static constexpr int windows_at_once = 64;

  /// `context`: positions of a window, at most the model's; `windows`: how many, 1 to max_windows. Throws Exception: other
  /// numbers (usage), too little memory (resources). The model must outlive it and stay where it is.
  Evaluation(BasicModel<Backend>& model, int context, int windows) : model_(&model), context_(context), windows_(windows) {
    if (context < 1 || context > model.sizes().context || windows < 1 || windows > max_windows)
      throw Exception({ErrorKind::usage, "an evaluation of " + std::to_string(windows) + " windows of " +
                                             std::to_string(context) + " positions; 1 to " + std::to_string(max_windows) +
                                             " windows of 1 to " + std::to_string(model.sizes().context) +
                                             " positions, the Context of the model, are allowed"});
    const std::int64_t whole = std::min(windows, windows_at_once), rest = windows % whole;
    model.prepare({whole, context}, Pass::evaluate);
    if (rest != 0) model.prepare({rest, context}, Pass::evaluate);
    tokens_.resize(static_cast<std::size_t>(whole * context));
    targets_.resize(tokens_.size());
  }

  /// Nats per token, the mean over the predictions at the positions from `first_position` on, 0 to context - 1, of all windows of
  /// a text: at later positions a model sees more. Errors: another position (usage); the text is too short, a token is outside
  /// the vocabulary (input); the loss is not finite (not_finite).
  Result<double> nats(TokenView text, int first_position = 0) {
    if (first_position < 0 || first_position >= context_)
      return Error{ErrorKind::usage,
                   "a loss from position " + std::to_string(first_position) + " of windows of " + std::to_string(context_)};
    const auto context = static_cast<std::size_t>(context_);
    const Result<std::vector<std::size_t>> starts = evaluation_windows(text, static_cast<std::size_t>(windows_), context);
    if (!starts) return starts.error();
    if (Result<void> fine = check_vocabulary(text, model_->sizes().vocab); !fine) return fine.error();
    double sum = 0;
    for (std::size_t first = 0; first < starts->size(); first += windows_at_once) {
      const auto some = std::span(*starts).subspan(first, std::min<std::size_t>(windows_at_once, starts->size() - first));
      copy_windows(text, some, context, tokens_, targets_);
      for (std::size_t w = 0; w < some.size(); ++w)
        std::fill_n(targets_.begin() + static_cast<std::ptrdiff_t>(w * context), first_position, Token{-1});
      const std::size_t size = some.size() * context;
      const Losses losses = model_->evaluate(std::span(tokens_).first(size), std::span(targets_).first(size),
                                             static_cast<std::int64_t>(some.size()));
      if (!math::is_finite(losses.main))
        return Error{ErrorKind::not_finite, "the causal loss is not finite in windows " + std::to_string(first) + " to " +
                                                std::to_string(first + some.size() - 1) +
                                                " of the text; the weights are too large"};
      sum += losses.main * static_cast<double>(some.size());
    }
    return sum / static_cast<double>(starts->size());
  }

 private:
  BasicModel<Backend>* model_;
  int context_, windows_;
  std::vector<Token> tokens_, targets_;
};

}  // namespace genoform::inner::train

#include "genoform/core/restore_macros.hpp"
