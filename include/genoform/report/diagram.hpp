#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/model/slot.hpp"
#include "genoform/ops/count.hpp"
#include "genoform/ops/stream.hpp"
#include "genoform/report/text_table.hpp"

namespace genoform::inner::report {

namespace diagram {

/// One sub-layer: its canonical text, its kind and its options without norms, its parameters, its useful FLOPs of a forward step,
/// and the norms around it.
struct Part {
  std::string text, kind, options;
  std::int64_t parameters = 0, flops = 0;
  Normed norms{};
};

/// A sub-layer without its figures and norms.
inline Part named_part(const SubLayer& sub_layer, const ModelContext& model_context) {
  NodeList list;
  sub_layer.spell(model_context, list);
  const Tree nodes = list.tree();
  Part part{.text = text_of_nodes(nodes), .kind = std::string(sub_layer.name()), .options = {}, .norms = {{}, {}, {}}};
  part.options = written([&](TextWriter& out) {
    for (int c = first_child(0); c < end_of(nodes, 0); c = next_sibling(nodes, c))
      if (!parallel_rules::is_norm(node_at(nodes, c).word)) write_node(nodes, c, out);
  });
  return part;
}

inline std::string text_of_norm(Norm norm) {
  return norm.kind == NormKind::none     ? "NoNorm"
         : norm.kind == NormKind::rms    ? "RmsNorm"
         : norm.kind == NormKind::primer ? "PrimerNorm"
                                         : "LayerNorm";
}

inline std::string text_of_positions(const InputPositions& positions) {
  if (positions.kind == InputPositionsKind::sinusoid) return "x += sinusoids of the position";
  if (positions.kind == InputPositionsKind::learned) return "x += positions, learned";
  return "bias of every attention: " + std::to_string(positions.buckets) + " buckets a head up to distance " +
         std::to_string(positions.distance);
}

/// Adds parameters and FLOPs of a layer with all its sizes. `norms`: it stands in the stream itself, not in a Parallel, which has
/// them.
template <class Layer>
void count(Part& part, const Layer& layer, const ModelContext& model_context, Shape shape, bool norms) {
  if (norms) part.norms = norms_of(layer);
  if (model_context.width == 0 || model_context.context == 0) return;
  Declaration d(model_context);
  typename Layer::Weights weights;
  typename Layer::Saved saved;
  if (norms) NormPositions(norms_of(layer)).declare(d);
  layer.declare(weights, d);
  Stream<Count> ops(shape, Pass::train, 0, Count{});
  const Tensor x = ops.keep(shape.tokens(), model_context.width), y = ops.keep(shape.tokens(), model_context.width);
  layer.forward(ops, weights, saved, x, y);
  part.parameters = d.parameters();
  part.flops = ops.sink().flops;
}

/// What a row is: a step of the model outside its blocks, the begin of a block, a sub-layer in it, a part of the sub-layer before
/// it, the end of the block.
enum class Role : std::uint8_t { step, block, sub_layer, part, block_end };

struct Row {
  std::string text;
  std::int64_t parameters = -1, flops = -1;  ///< below 0: a line without figures
  Role role = Role::step;
  std::int64_t count = 1;  ///< how often the block is repeated
  Part part{};             ///< of a sub-layer, or of one of its parts
};

template <class Layers>
Row row_of_layer(const SubLayer& sub_layer, const ModelContext& model_context, std::int64_t times, Shape shape,
                 const std::string& lead, Role role) {
  Part part = named_part(sub_layer, model_context);
  sub_layer.resolved(model_context).visit<Layers>([&](const auto& layer) {
    count(part, layer, model_context, shape, role == Role::sub_layer);
  });
  return {.text = lead + part.text,
          .parameters = times * part.parameters,
          .flops = times * part.flops,
          .role = role,
          .count = times,
          .part = part};
}

/// A sub-layer is one line; a Parallel is a line with its norms, and one for each part.
template <class Layers>
void add_sub_layer(std::vector<Row>& rows, const SubLayer& sub_layer, const ModelContext& model_context, std::int64_t times,
                   Shape shape) {
  if (!sub_layer.is_parallel()) {
    rows.push_back(row_of_layer<Layers>(sub_layer, model_context, times, shape, "|    x += ", Role::sub_layer));
    return;
  }
  const SubLayer norms = sub_layer.get<ParallelNorms>();
  Part whole = named_part(norms, model_context);
  whole.norms = sub_layer.get<ParallelNorms>();
  whole.parameters = static_cast<std::int64_t>(norms.parameters(model_context));
  rows.push_back({.text = "|    x += " + whole.text + " of",
                  .parameters = times * whole.parameters,
                  .flops = 0,
                  .role = Role::sub_layer,
                  .count = times,
                  .part = whole});
  for (const SubLayer& part : sub_layer.parts)
    rows.push_back(row_of_layer<Layers>(part, model_context, times, shape, "|           ", Role::part));
}

template <class Layers>
std::vector<Row> rows_of(const Genome& genome, Shape shape) {
  const DecoderLayer& sizes = genome.decoder();
  const auto size_text = [](int n) { return n > 0 ? std::to_string(n) : std::string("?"); };
  const OwnParameters own =
      genome.is_model() && sizes.width > 0 ? own_parameters(sizes, sizes.shares_bias() ? genome.heads() : 0) : OwnParameters{};
  std::vector<Row> rows;
  if (genome.is_model())
    rows.push_back({"tokens -> embedding [" + size_text(sizes.vocab) + ", " + size_text(sizes.width) + "]", own.embedding, 0});
  if (sizes.positions.kind != InputPositionsKind::none) rows.push_back({text_of_positions(sizes.positions), own.positions, 0});
  for (const GenomeStack& stack : genome.tree().stacks) {
    rows.push_back({.text = "+- block" + (stack.count == 1 ? std::string() : ", " + std::to_string(stack.count) + " times"),
                    .role = Role::block,
                    .count = stack.count});
    for (const SubLayer& sub_layer : stack.sub_layers)
      add_sub_layer<Layers>(rows, sub_layer, genome.model_context(), stack.count, shape);
    rows.push_back({.text = "+-", .role = Role::block_end});
  }
  if (!genome.is_model()) return rows;
  rows.push_back({"final " + text_of_norm(sizes.final_norm), own.final_norm, 0});
  const std::string scale = sizes.logit_scale.kind == LogitScaleKind::one ? "" : " * width^-0.5";
  rows.push_back({"logits = " + std::string(sizes.untied ? "head" : "embedding") + " * x" + scale, own.head,
                  2 * shape.tokens() * sizes.vocab * sizes.width});
  return rows;
}

}  // namespace diagram

/// The parts of a genome in order, as lines of text: what stands where, how often, with parameters and share of the forward FLOPs
/// for a shape. Kinds that are not among Layers have no figures, nor has what depends on a width that is open.
template <class Layers = BuiltinLayers>
std::string diagram_of(const Genome& genome, Shape shape) {
  const bool counted = genome.is_model() && genome.has_sizes();
  const std::vector<diagram::Row> rows = diagram::rows_of<Layers>(genome, shape);
  std::int64_t flops = 0;
  for (const diagram::Row& row : rows) flops += row.flops > 0 ? row.flops : 0;
  TextTable table({"", counted ? "parameters" : "", counted ? "% of FLOPs" : ""});
  for (const diagram::Row& row : rows) {
    const std::string share = fixed_text(100.0 * static_cast<double>(row.flops) / static_cast<double>(flops > 0 ? flops : 1), 1);
    if (counted && row.parameters >= 0)
      table.add({row.text, grouped(row.parameters), share});
    else
      table.add({row.text});
  }
  return table.text();
}

}  // namespace genoform::inner::report

namespace genoform {
using inner::report::diagram_of;
}  // namespace genoform
