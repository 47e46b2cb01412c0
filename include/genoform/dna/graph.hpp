#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/core/rules.hpp"
#include "genoform/dna/liveness.hpp"
#include "genoform/dna/program.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {

GENOFORM_RULE(ChannelsWithPositions,
              "a state of channels meets one of positions; element by element both are of one kind, or one has a single column");
GENOFORM_RULE(NoPositions, "MAT_MUL multiplies a state of positions, as TRANS_MAT_MUL makes, by another state");
GENOFORM_RULE(UnlikeFactors, "TRANS_MAT_MUL multiplies two states of channels, or two of positions");
GENOFORM_RULE(PositionsSideBySide, "states of positions cannot stand side by side; branching is for channels");
GENOFORM_RULE(ProgramTooLarge, "with its calls written out the program has more than 2048 instructions");
GENOFORM_RULE(StateTooWide, "a state has more than 65536 channels");
GENOFORM_RULE(ResultShape, "the result of the main subprogram does not have the channels of the model");
GENOFORM_RULE(ResultIsInput, "the program does nothing: its result is its input");

}  // namespace genoform::inner::rules

namespace genoform::dna {

/// What the columns of a state are: channels, or the positions up to that of the row (a matrix of attention).
enum class Columns : std::uint8_t { channels, positions };

/// A state: [N, width], or [N, T] of positions, whose row t has elements 0 to t only.
struct StateShape {
  Columns columns = Columns::channels;
  std::int64_t width = 0;  ///< of channels; 0: of positions

  constexpr bool is_column() const { return width == 1; }
  friend constexpr bool operator==(const StateShape&, const StateShape&) = default;
};

/// A primitive of a program whose calls are written out, or the input, or states side by side.
struct GraphNode {
  enum class Kind : std::uint8_t { input, primitive, concatenation };

  Kind kind = Kind::input;
  Primitive primitive = Primitive::add;
  std::vector<int> inputs;  ///< nodes before this one
  double constant = 0;      ///< where the primitive reads one
  StateShape shape;

  bool has_weights() const { return kind == Kind::primitive && dna::has_weights(primitive); }
  bool is_commutative() const { return kind == Kind::primitive && dna::is_commutative(primitive); }
};

/// What a program computes at one width: its primitives in order, without calls, without what does not reach the result, and
/// with equal primitives of equal states made once. Node 0 is the input, the last one the result.
struct Graph {
  std::int64_t width = 0;    ///< of the model
  std::int64_t context = 0;  ///< positions; weights of states of positions have so many columns
  std::vector<GraphNode> nodes;

  std::int64_t columns(const StateShape& shape) const { return shape.columns == Columns::positions ? context : shape.width; }
  /// Elements of the weights of a node.
  std::int64_t weights(const GraphNode& node) const {
    if (!node.has_weights()) return 0;
    const std::int64_t in = columns(nodes[static_cast<std::size_t>(node.inputs[0])].shape), taps = info(node.primitive).taps;
    switch (info(node.primitive).family) {
      case Family::convolution: return taps * in * node.shape.width;
      case Family::depthwise: return taps * in;
      default: return in;
    }
  }
  std::int64_t parameters() const {
    std::int64_t sum = 0;
    for (const GraphNode& node : nodes) sum += weights(node);
    return sum;
  }
};

namespace graph {

inline constexpr std::size_t max_nodes = 2048;
inline constexpr std::int64_t max_width = 65536;

/// A part of the relative width of the model: the first dimension is the width itself.
inline std::int64_t resolved(const std::vector<int>& dimensions, int index, std::int64_t width) {
  const std::int64_t of_model = dimensions[0], own = dimensions[static_cast<std::size_t>(index)];
  return std::max<std::int64_t>(1, (2 * width * own + of_model) / (2 * of_model));
}

/// Writes the calls of a program out.
class Builder {
 public:
  Builder(const Program& program, std::int64_t width, std::int64_t context)
      : program_(program), live_(live_parts(program)), graph_{.width = width, .context = context, .nodes = {}} {
    graph_.nodes.push_back({.inputs = {}, .shape = {Columns::channels, width}});
  }

  Result<Graph> build() {
    int result = call(0, 0, 0);
    if (result > 0 && graph_.nodes[static_cast<std::size_t>(result)].shape != StateShape{Columns::channels, graph_.width})
      result = refuse(rules::ResultShape{});
    if (result == 0) result = refuse(rules::ResultIsInput{});
    if (result < 0) return Error{ErrorKind::input, location_ + std::string(refused_.sentence)};
    return reachable(result);
  }

 private:
  static constexpr int refused = -1;

  int refuse(Rule rule) {
    refused_ = rule;
    return refused;
  }
  const StateShape& shape(int node) const { return graph_.nodes[static_cast<std::size_t>(node)].shape; }

  /// The node of the result, or refused; a and b: of the inputs.
  int call(std::size_t subprogram, int a, int b) {
    const Subprogram& code = program_.subprograms[subprogram];
    std::vector<int> states{a, b};
    for (std::size_t i = 0; i < code.size(); ++i) {
      const int made = live_[subprogram].instructions[i] ? instruction(code[i], states) : a;
      if (made == refused) {
        if (location_.empty()) location_ = "S" + std::to_string(subprogram) + ", h" + std::to_string(state_of(i)) + ": ";
        return refused;
      }
      states.push_back(made);
    }
    return states[static_cast<std::size_t>(result_of(code))];
  }
  int instruction(const Instruction& instruction, const std::vector<int>& states) {
    const int a = states[static_cast<std::size_t>(instruction.in1)], b = states[static_cast<std::size_t>(instruction.in2)];
    std::vector<int> branches;
    for (int branch = 0; branch < instruction.branching; ++branch) {
      if (++instructions_ > max_nodes) return refuse(rules::ProgramTooLarge{});
      const int made =
          instruction.is_call() ? call(static_cast<std::size_t>(instruction.subprogram), a, b) : primitive(instruction, a, b);
      if (made == refused) return refused;
      branches.push_back(made);
    }
    return branches.size() == 1 ? branches[0] : concatenate(std::move(branches));
  }
  int concatenate(std::vector<int> branches) {
    const StateShape each = shape(branches[0]);
    if (each.columns == Columns::positions) return refuse(rules::PositionsSideBySide{});
    const StateShape all{Columns::channels, each.width * static_cast<std::int64_t>(branches.size())};
    return add({.kind = GraphNode::Kind::concatenation, .inputs = std::move(branches), .shape = all});
  }

  int primitive(const Instruction& i, int a, int b) {
    GraphNode node{.kind = GraphNode::Kind::primitive, .primitive = i.primitive, .inputs = {a}, .shape = shape(a)};
    switch (info(i.primitive).family) {
      case Family::unary:
      case Family::vector:
      case Family::cumulative:
      case Family::depthwise: return add(std::move(node));
      case Family::constant:
        node.constant = program_.constants[static_cast<std::size_t>(i.constant)];
        return add(std::move(node));
      case Family::mask: return shape(a).columns == Columns::positions ? a : add(std::move(node));
      case Family::reduction: node.shape = {Columns::channels, 1}; return add(std::move(node));
      case Family::convolution:
        node.shape = {Columns::channels, resolved(program_.dimensions, i.dimension, graph_.width)};
        return add(std::move(node));
      case Family::binary: return binary(std::move(node), b);
      case Family::product: return product(std::move(node), b);
    }
    return refused;
  }
  int binary(GraphNode node, int b) {
    const StateShape first = node.shape, second = shape(b);
    if (first.is_column())
      node.shape = second;
    else if (!second.is_column() && first.columns != second.columns)
      return refuse(rules::ChannelsWithPositions{});
    else if (!second.is_column())
      node.shape.width = std::min(first.width, second.width);
    node.inputs.push_back(b);
    return add(std::move(node));
  }
  int product(GraphNode node, int b) {
    const StateShape first = node.shape, second = shape(b);
    if (node.primitive == Primitive::mat_mul) {
      if (first.columns != Columns::positions) return refuse(rules::NoPositions{});
      node.shape = second;
    } else {
      if (first.columns != second.columns) return refuse(rules::UnlikeFactors{});
      node.shape = {Columns::positions, 0};
    }
    node.inputs.push_back(b);
    return add(std::move(node));
  }

  /// A node without weights is made once, however many instructions make it.
  int add(GraphNode node) {
    if (node.shape.width > max_width) return refuse(rules::StateTooWide{});
    if (node.is_commutative()) std::sort(node.inputs.begin(), node.inputs.end());
    const int number = static_cast<int>(graph_.nodes.size());
    if (!node.has_weights()) {
      const auto [made, is_new] =
          pure_.try_emplace({node.kind, node.primitive, std::bit_cast<std::uint64_t>(node.constant), node.inputs}, number);
      if (!is_new) return made->second;
    }
    graph_.nodes.push_back(std::move(node));
    return number;
  }

  /// The nodes that the result depends on.
  Graph reachable(int result) {
    std::vector<int> index(graph_.nodes.size(), -1);
    index[static_cast<std::size_t>(result)] = 0;
    for (std::size_t n = static_cast<std::size_t>(result) + 1; n-- > 0;)
      if (index[n] == 0)
        for (const int input : graph_.nodes[n].inputs) index[static_cast<std::size_t>(input)] = 0;
    Graph graph{.width = graph_.width, .context = graph_.context, .nodes = {}};
    for (std::size_t n = 0; n <= static_cast<std::size_t>(result); ++n) {
      if (index[n] < 0) continue;
      index[n] = static_cast<int>(graph.nodes.size());
      graph.nodes.push_back(std::move(graph_.nodes[n]));
      for (int& input : graph.nodes.back().inputs) input = index[static_cast<std::size_t>(input)];
    }
    return graph;
  }

  const Program& program_;
  std::vector<Live> live_;
  Graph graph_;
  std::map<std::tuple<GraphNode::Kind, Primitive, std::uint64_t, std::vector<int>>, int> pure_;  ///< nodes without weights
  std::size_t instructions_ = 0;
  Rule refused_;
  std::string location_;  ///< of what was refused, as "S1, h5: "
};

}  // namespace graph

/// The graph of a program in a model of that width, for `context` positions; an error says where no state can be made.
inline Result<Graph> graph_of(const Program& program, std::int64_t width, std::int64_t context) {
  return graph::Builder(program, width, context).build();
}

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
