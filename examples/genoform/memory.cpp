#include "memory.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "genoform/report/json.hpp"
#include "genoform/report/kept_memory.hpp"
#include "genoform/report/text_table.hpp"
#include "models.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

/// Tensors that all blocks of a stack keep alike.
struct Group {
  std::string where;  ///< the sub-layer, as in "1.0 Moe": stack, place and kind; or "model"
  KeptTensor first;
  std::int64_t times = 0, elements = 0;
  std::int64_t bytes() const { return 4 * elements; }
};

/// Names sub-layers by their stack: blocks are counted through all stacks.
class Names {
 public:
  explicit Names(const Genome& genome) : stacks_(genome.tree().stacks) {}

  std::string of(std::int64_t block, std::int64_t place) const {
    for (std::size_t s = 0; block >= 0 && s < stacks_.size(); block -= stacks_[s++].count)
      if (block < stacks_[s].count)
        return std::to_string(s) + "." + std::to_string(place) + " " +
               std::string(stacks_[s].sub_layers[static_cast<std::size_t>(place)].name());
    return "model";
  }

 private:
  std::vector<GenomeStack> stacks_;
};

std::vector<Group> groups_of(const KeptMemory& memory, const Names& names) {
  std::vector<Group> groups;
  for (const KeptTensor& t : memory.tensors()) {
    const std::string where = names.of(t.block, t.place);
    auto group = std::ranges::find_if(groups, [&](const Group& g) { return g.where == where && g.first.like(t); });
    if (group == groups.end()) group = groups.insert(group, {where, t});
    ++group->times;
    // A block that runs again takes the place of the one that did so before.
    if (!t.recomputed || t.block == group->first.block) group->elements += t.elements;
  }
  return groups;
}

std::string index_of(const MemoryPeak& peak, const Names& names) {
  const char* const phase = peak.phase == Phase::forward ? "forward"
                            : peak.phase == Phase::loss  ? "the loss"
                                                         : "the backward pass";
  std::string where = peak.block < 0 ? "" : ", block " + std::to_string(peak.block) + ", " + names.of(peak.block, peak.place);
  return std::string(phase) + where + ": " + std::string(peak.operation);
}

std::string group_json(const Group& g) {
  std::string readers;
  for (const std::string_view name : g.first.read_by) readers += (readers.empty() ? "" : ", ") + json_quoted(name);
  JsonObject json;
  json.add("sub_layer", g.where).add("made_by", g.first.made_by).add("rows", g.first.rows).add("columns", g.first.columns);
  json.add("times", g.times).add("bytes", g.bytes()).add("recomputed", g.first.recomputed);
  if (!g.first.overwritten_by.empty()) json.add("overwritten_by", g.first.overwritten_by);
  json.add_raw("read_by", "[" + readers + "]").add("why", g.first.why());
  return json.text();
}

/// All figures in bytes.
struct Figures {
  MemoryUse use;
  std::int64_t optimizer = 0, kept = 0, scratch_of_plan = 0;
  std::string peak;
  std::int64_t total() const { return use.total() + optimizer; }
};

void print_json(const Genome& genome, Shape shape, bool recompute, const Figures& f, const std::vector<Group>& groups) {
  std::string list;
  for (const Group& g : groups) list += (list.empty() ? "" : ", ") + group_json(g);
  JsonObject json;
  json.add("model", genome.text()).add("batch", shape.batch).add("context", shape.context).add("recompute", recompute);
  json.add("parameter_bytes", f.use.parameters).add("gradient_bytes", f.use.gradients).add("optimizer_bytes", f.optimizer);
  json.add("router_state_bytes", f.use.state).add("input_bytes", f.use.inputs).add("workspace_bytes", f.use.workspace);
  json.add("kept_bytes_at_peak", f.kept).add("scratch_bytes_at_peak", f.scratch_of_plan).add("peak", f.peak);
  json.add("backend_scratch_bytes", f.use.scratch).add("total_bytes", f.total()).add_raw("kept", "[" + list + "]");
  std::printf("%s\n", json.text().c_str());
}

void print_text(const Genome& genome, Shape shape, const Figures& f, const std::vector<Group>& groups,
                const std::string& optimizer) {
  std::printf("%s\n\n", genome.text().c_str());
  const std::string step = std::to_string(shape.batch) + " x " + std::to_string(shape.context) + " tokens";
  TextTable table({"a training step of " + step, "memory", "bytes"});
  const auto add = [&](const std::string& what, std::int64_t bytes) { table.add({what, bytes_text(bytes), grouped(bytes)}); };
  add("parameters", f.use.parameters);
  add("gradients", f.use.gradients);
  add("state of the optimizer, " + optimizer, f.optimizer);
  add("state of routers", f.use.state);
  add("tokens, targets, results", f.use.inputs);
  add("activations and scratch, at their peak", f.use.workspace);
  add("  of them kept for the backward pass", f.kept);
  add("  of them scratch", f.scratch_of_plan);
  add("scratch of the cpu back end, products included", f.use.scratch);
  add("in all", f.total());
  std::printf("%sthe peak is in %s\n\n", table.text().c_str(), f.peak.c_str());
  TextTable kept({"kept by", "made by", "shape", "times", "memory", "why"});
  for (const Group& g : groups)
    kept.add({g.where, std::string(g.first.made_by), std::to_string(g.first.rows) + "x" + std::to_string(g.first.columns),
              std::to_string(g.times), bytes_text(g.bytes()), g.first.why()});
  std::fputs(kept.text().c_str(), stdout);
  if (std::ranges::any_of(groups, [](const Group& g) { return g.first.recomputed; }))
    std::printf("what is recomputed is there for one block at a time\n");
}

}  // namespace

void print_memory(const Genome& genome, Shape shape, bool recompute, CpuOptions cpu, const OptimizerChoice& optimizer,
                  bool json) {
  const PassLayout layout = training_layout(recompute, cpu.precision);
  const KeptMemory memory = kept_memory_of(genome, shape, layout);
  const Names names(genome);
  const Figures f{.use = memory_of(genome, shape, layout, cpu, optimizer),
                  .optimizer = optimizer_bytes(genome, optimizer),
                  .kept = 4 * memory.peak().kept,
                  .scratch_of_plan = 4 * memory.peak().scratch,
                  .peak = index_of(memory.peak(), names)};
  const std::vector<Group> groups = groups_of(memory, names);
  if (json)
    print_json(genome, shape, recompute, f, groups);
  else
    print_text(genome, shape, f, groups, optimizer.name);
}

}  // namespace command
