#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/attention.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/over_positions.hpp"
#include "genoform/layers/position.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/mixing.hpp"
#include "genoform/ops/positions.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

enum class LogitsKind : std::uint8_t { random, random_plus, dense, dense_plus };

struct RandomLogits : Word<"RandomLogits"> {
  static constexpr LogitsKind kind = LogitsKind::random;
};
struct RandomPlus : Word<"RandomPlus"> {
  static constexpr LogitsKind kind = LogitsKind::random_plus;
};
struct DenseLogits : Word<"DenseLogits"> {
  static constexpr LogitsKind kind = LogitsKind::dense;
};
struct DensePlus : Word<"DensePlus"> {
  static constexpr LogitsKind kind = LogitsKind::dense_plus;
};
template <int N>
struct Rank : Numbers<"Rank", N> {};

/// Where the logits of a Synthesizer come from: a trained table or each token alone; "plus": added to those of attention.
struct Logits {
  LogitsKind kind = LogitsKind::random_plus;

  using choices = OneOf<Logits, RandomLogits, RandomPlus, DenseLogits, DensePlus>;
  constexpr bool random() const { return kind == LogitsKind::random || kind == LogitsKind::random_plus; }
  constexpr bool plus() const { return kind == LogitsKind::random_plus || kind == LogitsKind::dense_plus; }
  friend constexpr bool operator==(const Logits&, const Logits&) = default;
};

struct DistanceBiasWords;

/// A bias of the logits by distance, or none.
struct DistanceBias {
  int buckets = absent, distance = absent;

  using choices = DistanceBiasWords;
  constexpr bool exists() const { return buckets > 0; }
  friend constexpr bool operator==(const DistanceBias&, const DistanceBias&) = default;
};

/// How it is written: RelBias<buckets, distance>.
struct DistanceBiasWords {
  using Example = RelBias<32, 128>;

  static constexpr bool names(std::string_view word) { return word == Example::word; }
  static constexpr void each_word(auto visit) { visit(Example::word); }
  static constexpr bool is_open(const DistanceBias&) { return false; }
  static constexpr CheckResult read(Tree tree, int node, DistanceBias& value) {
    return read_relative_bias(tree, node, value.buckets, value.distance);
  }
  static constexpr void print(const DistanceBias& value, auto& out) {
    const int node = out.open(Example::word);
    out.number(value.buckets);
    out.number(value.distance);
    out.close(node);
  }
  template <auto V>
  using tag = RelBias<V.buckets, V.distance>;
};

}  // namespace genoform::inner::layers

namespace genoform::inner::rules {
GENOFORM_RULE(RankOfDense, "Rank factors the table of RandomLogits and RandomPlus; dense logits have none");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

template <class... Options>
struct Synthesizer;

/// Attention whose logits are made without comparing tokens, y = Wo (softmax(logits) Wv x); x, y: [N, D]. Tay et al. 2020;
/// docs/formats/model.md section 7.4.
struct SynthesizerLayer : Normed {
  static constexpr std::string_view name = "Synthesizer";
  template <class... Options>
  using type = Synthesizer<Options...>;

  Logits logits{};
  int heads = by_width, head_dim = by_width, rank = absent;
  DistanceBias bias{};

  static constexpr auto options() {
    using L = SynthesizerLayer;
    return Table{choice<&L::logits, Show::always>(), count<Heads, &L::heads>([](const L&, const ModelContext& a) {
                   return a.width > 0 ? larger_of(1, a.width / 64) : by_width;
                 }),
                 count<HeadDim, &L::head_dim>([](const L& l, const ModelContext& a) {
                   return a.width > 0 && l.heads > 0 && a.width % l.heads == 0 ? a.width / l.heads : by_width;
                 }),
                 count<Rank, &L::rank>(), choice<&L::bias>()};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double columns = static_cast<double>(heads) * head_dim, positions = larger_of(a.context, 1);
    return Violations{refuse_if<rules::RankOfDense>(rank > 0 && !logits.random(), "Rank"),
                      refuse_if<rules::HeadsDivideWidth>(a.width > 0 && head_dim == by_width, "Heads"),
                      too_many_parameters(columns * larger_of<double>(a.width, positions), "Heads", "HeadDim"),
                      too_many_parameters(heads * positions * positions, "Heads", "HeadDim"),
                      too_many_parameters(static_cast<double>(heads) * bias.buckets, "RelBias"),
                      too_many_parameters(heads * positions * rank, "Rank", "Heads")};
  }
  friend constexpr bool operator==(const SynthesizerLayer&, const SynthesizerLayer&) = default;

  struct Weights {
    Tensor qkv, o;            ///< q and k (only with "plus") and v as one matrix: they are declared one after the other
    Tensor bias_table;        ///< [H, buckets]
    Tensor dense, bias;       ///< dense logits: the first matrix, of all heads
    op::Grouped keys;         ///< and the second one, [H, P, K]
    op::Grouped table;        ///< random logits [H, P, P]
    op::Grouped left, right;  ///< or its factors [H, P, R] each
  };
  struct Saved {
    Tensor qkv, hidden, mixed;
    op::Grouped p;  ///< the softmax; a table when no token has a say in it
    Tensor bias;    ///< what was added by distance [H, T]; on the backward pass only whether there was one
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    over_positions::require_context(d, name);
    const std::int64_t D = d.width(), P = d.context();
    d.attends(heads);
    const auto table = [&](TensorName tensor, std::int64_t columns, Initializer start) {
      return op::Grouped{d.tables(tensor, heads, P, columns, start), heads, P};
    };
    if (logits.plus()) {
      w.qkv = d.matrix("synthesizer.q.weight", columns(), D, Initializer::fan_in(D));
      d.matrix("synthesizer.k.weight", columns(), D, Initializer::fan_in(D));
    }
    const Tensor v = d.matrix("synthesizer.v.weight", columns(), D, Initializer::fan_in(D));
    if (!logits.plus()) w.qkv = v;
    w.qkv.rows = projected();
    if (!logits.random()) {
      w.dense = d.matrix("synthesizer.dense.weight", columns(), D, Initializer::fan_in(D));
      w.bias = d.vector("synthesizer.dense.bias", columns(), Initializer::constant(0));
      w.keys = table("synthesizer.keys", head_dim, Initializer::fan_in(head_dim));
    } else if (rank == absent) {
      w.table = table("synthesizer.table", P, Initializer::normal(1));
    } else {
      w.left = table("synthesizer.left", rank, Initializer::fan_in(rank));
      w.right = table("synthesizer.right", rank, Initializer::normal(1));
    }
    if (bias.exists()) w.bias_table = d.undecayed_matrix("synthesizer.bias", heads, bias.buckets, Initializer::fan_in(D));
    w.o = d.matrix("synthesizer.o.weight", D, columns(), Initializer::fan_in(columns()));
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const std::int64_t T = ops.shape().context;
    over_positions::require_fit(ops, logits.random() ? rank > 0 ? w.left : w.table : w.keys, name);
    s.qkv = ops.keep(x.rows, projected());
    ops(op::Linear{.x = x, .w = w.qkv, .y = s.qkv});
    s.p = op::Grouped{};
    if (logits.kind == LogitsKind::random) {
      s.p = op::of_table(ops.keep(heads * T, T), heads);
      const op::Grouped table = table_of_logits(ops, w);
      ops(op::CausalSoftmax{.x = add_bias(ops, w, s, table) ? s.p : table, .y = s.p, .context = T});
    } else {
      s.p = op::of_tokens(ops.keep(x.rows, heads * T), heads);
      op::Grouped added;
      if (logits.random()) {
        added = table_of_logits(ops, w);
      } else {
        s.hidden = ops.keep(x.rows, columns());
        ops(op::Linear{.x = x, .w = w.dense, .bias = w.bias, .y = s.hidden, .f = op::Function::relu});
        ops(op::CausalScores{.queries = headed(s.hidden), .keys = w.keys, .y = s.p, .context = T});
        added = s.p;
      }
      if (logits.plus())
        ops(op::CausalScores{
            .queries = queries(s.qkv), .keys = keys(s.qkv), .added = added, .y = s.p, .context = T, .scaled = true});
      add_bias(ops, w, s, s.p);
      ops(op::CausalSoftmax{.x = s.p, .y = s.p, .context = T});
    }
    s.mixed = ops.keep(x.rows, columns());
    ops(op::CausalMix{.x = values(s.qkv), .w = s.p, .y = headed(s.mixed), .context = T});
    ops(op::Linear{.x = s.mixed, .w = w.o, .y = y});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const std::int64_t T = ops.shape().context;
    const Tensor d_mixed = ops.scratch(x.rows, columns()), d_qkv = ops.scratch(x.rows, projected());
    ops(op::LinearWeightGradient{.x = s.mixed, .dy = dy, .dw = gradient(w.o)});
    ops(op::LinearInputGradient{.dy = dy, .w = w.o, .dx = d_mixed});
    const op::Grouped d_p{ops.scratch(s.p.rows, s.p.columns), heads, s.p.positions};
    if (d_p.is_table()) ops(op::Clear{.y = d_p});
    ops(op::CausalMixGradient{.x = values(s.qkv), .w = s.p, .dy = headed(d_mixed), .dx = values(d_qkv), .dw = d_p, .context = T});
    if (logits.kind == LogitsKind::random) {
      if (rank == absent)
        ops(op::CausalSoftmaxGradient{.y = s.p, .dy = d_p, .dx = gradient(w.table), .context = T, .accumulate = true});
      if (rank > 0 || s.bias.exists()) ops(op::CausalSoftmaxGradient{.y = s.p, .dy = d_p, .dx = d_p, .context = T});
      bias_backward(ops, w, s, d_p);
      factors_backward(ops, w, d_p);
    } else {
      ops(op::CausalSoftmaxGradient{.y = s.p, .dy = d_p, .dx = d_p, .context = T});
      bias_backward(ops, w, s, d_p);
      if (logits.plus()) scores_backward(ops, w, s, d_p, d_qkv);
    }
    ops(op::LinearWeightGradient{.x = x, .dy = d_qkv, .dw = gradient(w.qkv)});
    ops(op::LinearInputGradient{.dy = d_qkv, .w = w.qkv, .dx = dx});
    if (logits.random()) return;
    const Tensor d_hidden = ops.scratch(x.rows, columns());
    ops(op::CausalScoresGradient{.queries = headed(s.hidden),
                                 .keys = w.keys,
                                 .dy = d_p,
                                 .dqueries = headed(d_hidden),
                                 .dkeys = gradient(w.keys),
                                 .context = T});
    ops(op::ActivateGradient{.f = op::Function::relu, .y = s.hidden, .dy = d_hidden, .du = d_hidden});
    ops(op::LinearWeightGradient{.x = x, .dy = d_hidden, .dw = gradient(w.dense), .dbias = gradient(w.bias)});
    ops(op::LinearInputGradient{.dy = d_hidden, .w = w.dense, .dx = dx, .accumulate = true});
  }

 private:
  constexpr std::int64_t columns() const { return std::int64_t{heads} * head_dim; }
  constexpr std::int64_t projected() const { return (logits.plus() ? 3 : 1) * columns(); }
  constexpr op::Grouped headed(Tensor x) const { return op::of_tokens(x, heads); }
  constexpr op::Grouped queries(Tensor qkv) const { return headed(qkv.column_range(0, columns())); }
  constexpr op::Grouped keys(Tensor qkv) const { return headed(qkv.column_range(columns(), columns())); }
  constexpr op::Grouped values(Tensor qkv) const { return headed(qkv.column_range(projected() - columns(), columns())); }

  /// s.p = x and the biases by distance, the layer's own and the model's; false, and nothing done, where there are none.
  template <class Ops>
  constexpr bool add_bias(Ops& ops, const Weights& w, Saved& s, const op::Grouped& x) const {
    s.bias = Tensor{};
    if (!bias.exists() && !ops.shared_bias.exists()) return false;
    const std::int64_t T = ops.shape().context;
    s.bias = ops.scratch(heads, T);
    if (bias.exists()) ops(op::RelativeBias{.table = w.bias_table, .y = s.bias, .distance = bias.distance});
    if (ops.shared_bias.exists())
      ops(op::RelativeBias{
          .table = ops.shared_bias.table, .y = s.bias, .distance = ops.shared_bias.distance, .accumulate = bias.exists()});
    ops(op::AddByDistance{.x = x, .bias = s.bias, .y = s.p, .context = T});
    return true;
  }
  template <class Ops>
  constexpr void bias_backward(Ops& ops, const Weights& w, const Saved& s, const op::Grouped& d_logits) const {
    if (!s.bias.exists()) return;
    const std::int64_t T = ops.shape().context;
    const Tensor d_bias = ops.scratch(heads, T);
    ops(op::AddByDistanceGradient{.dy = d_logits, .dbias = d_bias, .context = T});
    if (bias.exists()) ops(op::RelativeBiasGradient{.dy = d_bias, .dtable = gradient(w.bias_table), .distance = bias.distance});
    if (ops.shared_bias.exists())
      ops(op::RelativeBiasGradient{
          .dy = d_bias, .dtable = gradient(ops.shared_bias.table), .distance = ops.shared_bias.distance});
  }

  /// The random logits: the trained table, or the product of its factors, once for all sequences.
  template <class Ops>
  constexpr op::Grouped table_of_logits(Ops& ops, const Weights& w) const {
    if (rank == absent) return w.table;
    const std::int64_t T = ops.shape().context;
    const op::Grouped table = op::of_table(ops.scratch(heads * T, T), heads);
    ops(op::CausalScores{.queries = w.left, .keys = w.right, .y = table, .context = T});
    return table;
  }
  template <class Ops>
  constexpr void factors_backward(Ops& ops, const Weights& w, const op::Grouped& d_table) const {
    if (rank == absent) return;
    ops(op::CausalScoresGradient{.queries = w.left,
                                 .keys = w.right,
                                 .dy = d_table,
                                 .dqueries = gradient(w.left),
                                 .dkeys = gradient(w.right),
                                 .context = ops.shape().context});
  }
  /// From the gradient of the logits to queries, keys and the table that was added.
  template <class Ops>
  constexpr void scores_backward(Ops& ops, const Weights& w, const Saved& s, const op::Grouped& d_logits, Tensor d_qkv) const {
    const std::int64_t T = ops.shape().context;
    op::Grouped d_table;
    if (logits.random() && rank > 0) {
      d_table = op::of_table(ops.scratch(heads * T, T), heads);
      ops(op::Clear{.y = d_table});
    } else if (logits.random()) {
      d_table = gradient(w.table);
    }
    ops(op::CausalScoresGradient{.queries = queries(s.qkv),
                                 .keys = keys(s.qkv),
                                 .dy = d_logits,
                                 .dqueries = queries(d_qkv),
                                 .dkeys = keys(d_qkv),
                                 .dadded = d_table,
                                 .context = T,
                                 .scaled = true});
    if (logits.random()) factors_backward(ops, w, d_table);
  }
};

template <class... Options>
struct Synthesizer : Part<SynthesizerLayer, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::DenseLogits;
using inner::layers::DensePlus;
using inner::layers::RandomLogits;
using inner::layers::RandomPlus;
using inner::layers::Rank;
using inner::layers::Synthesizer;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
