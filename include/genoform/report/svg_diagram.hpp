#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/report/diagram.hpp"
#include "genoform/report/svg.hpp"
#include "genoform/report/text_table.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report {

namespace diagram {

/// The hue of a kind's boxes in degrees, made of its name, so that kinds that the library does not know have a colour too and
/// keep it from picture to picture.
inline int hue_of(std::string_view kind) {
  std::uint32_t hash = 8057;  // a start of FNV-1a from which the library's kinds lie far apart
  for (const char c : kind) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<int>((hash ^ (hash >> 15U)) % 360);
}
inline std::string look_of(std::string_view kind) { return "box hue" + std::to_string(hue_of(kind)); }

/// The colours of the kinds that a picture has, light and dark.
inline std::string style_of_kinds(const std::vector<Row>& rows) {
  std::set<int> hues;
  for (const Row& row : rows)
    if (!row.part.kind.empty()) hues.insert(hue_of(row.part.kind));
  const auto rules = [&](const char* fill, const char* stroke) {
    std::string all;
    for (const int hue : hues) {
      const std::string h = std::to_string(hue);
      all += ".diagram .hue" + h + " { fill: hsl(" + h + ", " + fill + "); stroke: hsl(" + h + ", " + stroke + ") }\n";
    }
    return all;
  };
  return "<style>\n" + rules("65%, 91%", "45%, 50%") + "@media (prefers-color-scheme: dark) {\n" + rules("45%, 20%", "45%, 50%") +
         "}\n</style>\n";
}

/// Light by default, dark where the reader's browser asks for it. Inside a page it styles nothing else.
inline constexpr std::string_view svg_style = R"(<style>
.diagram text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 13px; fill: #1c2430 }
.diagram .title { font-size: 19px; font-weight: 600 } .diagram .quiet, .diagram .head { fill: #5b6675; font-size: 12px }
.diagram .kind { font-size: 15px; font-weight: 600 }
.diagram .code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12px; fill: #35404f; white-space: pre }
.diagram .number, .diagram .head { text-anchor: end } .diagram .centre, .diagram .sum { text-anchor: middle }
.diagram .times { font-size: 15px; font-weight: 600; text-anchor: end }
.diagram .page { fill: #ffffff } .diagram .block { fill: #f6f7f9; stroke: #c3cad4; stroke-dasharray: 5 4 }
.diagram .step, .diagram .norm, .diagram .plus { fill: #ffffff; stroke: #7d8896 } .diagram .norm { fill: #eef0f3 }
.diagram .bar { fill: #e3e7ec } .diagram .share { fill: #5f7fb8 }
.diagram .stream, .diagram .branch { fill: none; stroke: #7d8896; stroke-width: 1.5 } .diagram .stream { stroke-width: 3 }
.diagram .dot, .diagram .arrow { fill: #7d8896 }
.diagram .box { stroke-width: 1.2 }
@media (prefers-color-scheme: dark) {
.diagram text { fill: #e6eaf0 } .diagram .quiet, .diagram .head { fill: #9aa5b4 } .diagram .code { fill: #c9d1dc }
.diagram .page { fill: #14181e } .diagram .block { fill: #1b2028; stroke: #46505e }
.diagram .step, .diagram .plus { fill: #14181e; stroke: #8a95a4 } .diagram .norm { fill: #2a313b; stroke: #8a95a4 }
.diagram .bar { fill: #2a313b } .diagram .share { fill: #7f9fd6 }
}
</style>
)";

/// Draws the rows from the top down: the stream of the model is a line at the left, each sub-layer a branch that leaves it
/// and is added to it again.
class SvgDrawing {
 public:
  static constexpr int width = 960;

  SvgDrawing(const std::vector<Row>& rows, bool counted) : counted_(counted), style_(style_of_kinds(rows)) {
    for (const Row& row : rows) flops_ += row.flops > 0 ? row.flops : 0;
  }

  void header(const std::string& title, const std::string& below, const std::string& options) {
    over_.text("title", margin, 40, title);
    over_.text("quiet", margin, 62, below);
    y_ = 74;
    for (const std::string& line : options.empty() ? std::vector<std::string>() : svg::wrapped(options, 120))
      over_.text("code", margin, y_ += 10, line), y_ += 8;
    y_ += 14;
    if (!counted_) return;
    over_.text("head", numbers, y_, "parameters, all repeats");
    over_.text("head", width - margin - 8, y_, "% of FLOPs");
    y_ += 12;
  }

  void draw(const std::vector<Row>& rows) {
    stream_from_ = y_ + 8;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::size_t end = i + 1;
      while (end < rows.size() && rows[end].role == Role::part) ++end;
      switch (rows[i].role) {
        case Role::step: step(rows[i]); break;
        case Role::block: begin_block(rows[i]); break;
        case Role::sub_layer: sub_layer(rows[i], std::span(rows).subspan(i + 1, end - i - 1)); break;
        case Role::part: break;  // drawn with its sub-layer
        case Role::block_end: end_block(); break;
      }
    }
    arrow_down(y_ + 10);
    stream_to_ = y_ + 2;
    y_ += 24;
  }

  void footer(const std::string& text) {
    for (const std::string& line : svg::wrapped(text, 124)) over_.text("code", margin, y_ += 17, line);
    y_ += 20;
  }

  std::string text(const std::string& title, const std::string& description) const {
    svg::Canvas page, stream;
    page.rectangle("page", 0, 0, width, y_);
    stream.line("stream", "M" + std::to_string(rail) + " " + std::to_string(stream_from_) + " V" + std::to_string(stream_to_));
    return svg::image("diagram", width, y_, title, description,
                      std::string(svg_style) + style_ + page.body() + under_.body() + stream.body() + over_.body());
  }

 private:
  static constexpr int margin = 24, rail = 64, norm_width = 92, norm_height = 26;
  static constexpr int norm_left = 92, box_left = 206, box_width = 372, inner_left = 600, numbers = 812, bar_left = 826;
  static constexpr int line_height = 17;

  void figures(const Row& row, int middle) {
    if (!counted_ || row.parameters < 0) return;
    over_.text("number", numbers, middle + 5, grouped(row.parameters));
    const double share = 100.0 * static_cast<double>(row.flops) / static_cast<double>(flops_ > 0 ? flops_ : 1);
    constexpr int bar = 60;
    over_.rectangle("bar", bar_left, middle - 4, bar, 8, 3);
    if (share > 0.05)
      over_.rectangle("share", bar_left, middle - 4, std::max(2, static_cast<int>(share * bar / 100 + 0.5)), 8, 3);
    over_.text("number", width - margin - 8, middle + 5, fixed_text(share, 1));
  }

  void arrow_down(int tip) {
    const std::string x = std::to_string(rail);
    over_.line("arrow", "M" + x + " " + std::to_string(tip) + " l-6 -10 h12 z");
  }

  void step(const Row& row) {
    const int left = margin + 8, height = 34;
    over_.rectangle("step", left, y_, std::max(320, 32 + 8 * static_cast<int>(row.text.size())), height, 8);
    over_.text("name", left + 16, y_ + 22, row.text);
    figures(row, y_ + height / 2);
    y_ += height + 20;
  }

  void begin_block(const Row& row) {
    block_from_ = y_;
    if (row.count > 1) over_.text("times", width - margin - 12, y_ + 24, "block × " + std::to_string(row.count));
    if (row.count == 1) over_.text("times", width - margin - 12, y_ + 24, "block");
    y_ += 40;
  }
  void end_block() {
    under_.rectangle("block", margin, block_from_, width - 2 * margin, y_ - block_from_, 12);
    y_ += 20;
  }

  void norm(const Norm& n, int left, int middle) {
    over_.rectangle("norm", left, middle - norm_height / 2, norm_width, norm_height, norm_height / 2);
    over_.text("centre", left + norm_width / 2, middle + 5, text_of_norm(n));
  }

  /// A run of the branch to the right, with an arrow at its end.
  void branch(int from, int to, int middle) {
    const std::string y = std::to_string(middle);
    over_.line("branch", "M" + std::to_string(from) + " " + y + " H" + std::to_string(to - 6));
    over_.line("arrow", "M" + std::to_string(to) + " " + y + " l-8 -4 v8 z");
  }

  static std::vector<std::string> lines_of(const Part& box, int width_of_box) {
    if (box.options.empty()) return {};
    return svg::wrapped(box.options, static_cast<std::size_t>((width_of_box - 28) * 10 / 73));
  }
  static int height_of(const Part& box, int width_of_box) {
    return 34 + line_height * static_cast<int>(lines_of(box, width_of_box).size());
  }

  /// Kind and options, in a box that may be higher than they need.
  void draw_box(const Part& box, int left, int top, int width_of_box, int height) {
    over_.rectangle(look_of(box.kind).c_str(), left, top, width_of_box, height, 9);
    over_.text("kind", left + 14, top + 22, box.kind);
    int y = top + 24;
    for (const std::string& line : lines_of(box, width_of_box)) over_.text("code", left + 14, y += line_height, line);
  }

  /// A sub-layer, its parts inside it one above the other; returns the height.
  int boxes(const Row& row, std::span<const Row> parts) {
    constexpr int gap = 8, part_left = box_left + 12, part_width = box_width - 24;
    const Part& box = row.part;
    const int own = height_of(box, box_width);
    int height = own + (parts.empty() ? 0 : 4);
    for (const Row& part : parts) height += height_of(part.part, part_width) + gap;
    draw_box(box, box_left, y_, box_width, height);
    figures(row, y_ + (parts.empty() ? height / 2 : 17));
    int y = y_ + own;
    for (const Row& part : parts) {
      const int inside_height = height_of(part.part, part_width);
      draw_box(part.part, part_left, y, part_width, inside_height);
      figures(part, y + inside_height / 2);
      y += inside_height + gap;
    }
    return height;
  }

  void sub_layer(const Row& row, std::span<const Row> parts) {
    const Normed& norms = row.part.norms;
    const bool has_pre = norms.pre.kind != NormKind::none, has_inner = norms.inner.kind != NormKind::none;
    over_.group(row.part.text);
    const int height = boxes(row, parts), middle = y_ + height / 2, back = y_ + height + 18;
    over_.circle("dot", rail, middle, 4);
    branch(rail, has_pre ? norm_left : box_left, middle);
    if (has_pre) {
      norm(norms.pre, norm_left, middle);
      branch(norm_left + norm_width, box_left, middle);
    }
    int right = box_left + box_width;
    if (has_inner) {
      branch(right, inner_left, middle);
      norm(norms.inner, inner_left, middle);
      right = inner_left + norm_width;
    }
    over_.line("branch", "M" + std::to_string(right) + " " + std::to_string(middle) + " h10 V" + std::to_string(back) + " H" +
                             std::to_string(rail + 16));
    over_.line("arrow", "M" + std::to_string(rail + 11) + " " + std::to_string(back) + " l8 -4 v8 z");
    over_.circle("plus", rail, back, 10);
    over_.line("branch", "M" + std::to_string(rail - 5) + " " + std::to_string(back) + " h10 m-5 -5 v10");
    y_ = back + 28;
    if (norms.post.kind != NormKind::none) {
      norm(norms.post, rail - 24, y_ + 4);
      y_ += 40;
    }
    over_.end_group();
  }

  bool counted_;
  std::string style_;
  std::int64_t flops_ = 0;
  int y_ = 0, block_from_ = 0, stream_from_ = 0, stream_to_ = 0;
  svg::Canvas under_, over_;
};

/// What the options of a model say beside its body and its sizes.
inline std::string other_options(DecoderLayer options) {
  options.vocab = options.width = options.context = 0;
  return written([&](TextWriter& out) { print_options(options, ModelContext{}, out); });
}

}  // namespace diagram

/// The same diagram as diagram_of() as a picture: one self-contained SVG file, for light and dark pages. Sub-layers are boxes
/// coloured by kind, with their options, norms and residual sums, parameters and share of the forward FLOPs over all repeats.
template <class Layers = BuiltinLayers>
std::string svg_diagram_of(const Genome& genome, Shape shape) {
  const bool counted = genome.is_model() && genome.has_sizes();
  const std::vector<diagram::Row> rows = diagram::rows_of<Layers>(genome, shape);
  const std::string text = genome.text();
  const DecoderLayer& sizes = genome.decoder();
  std::string title = text.substr(0, text.find('<')), below = "parameters and FLOPs need a Decoder with Vocab, Width and Context";
  if (counted) {
    std::int64_t parameters = 0, flops = 0;
    for (const diagram::Row& row : rows)
      parameters += std::max<std::int64_t>(0, row.parameters), flops += std::max<std::int64_t>(0, row.flops);
    title += " of width " + std::to_string(sizes.width) + ", vocabulary " + std::to_string(sizes.vocab) + ", context " +
             std::to_string(sizes.context);
    below = grouped(parameters) + " parameters; " + grouped(flops) + " useful FLOPs of a forward step over " +
            std::to_string(shape.batch) + " × " + std::to_string(shape.context) + " tokens";
  }
  diagram::SvgDrawing drawing(rows, counted);
  drawing.header(title, below, diagram::other_options(sizes));
  drawing.draw(rows);
  drawing.footer(text);
  return drawing.text(title, text);
}

}  // namespace genoform::inner::report

namespace genoform {
using inner::report::svg_diagram_of;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
