#include "bench_profile.hpp"

#include <vector>

#include "genoform/report/json.hpp"
#include "genoform/report/text_table.hpp"

namespace command {

using namespace genoform;
using namespace genoform::inner;

namespace {

double seconds_of(const Profile::Step& step, const std::string& phase) {
  double sum = 0;
  for (const Profile::Row& row : step.rows) sum += row.phase == phase ? row.seconds : 0;
  return sum;
}

/// What a step takes outside of all rows: copying tokens, the clock itself.
double rest_of(const Profile::Step& step) {
  double rest = step.seconds;
  for (const Profile::Row& row : step.rows) rest -= row.seconds;
  return rest;
}

}  // namespace

std::string profile_table(const Profile::Step& step, double peak) {
  TextTable table({"operation", "calls", "ms", "%", "GFLOP/s", "% of peak", "MB", "GB/s", "shapes"});
  const auto time = [&](double seconds) {
    return std::vector<std::string>{fixed_text(seconds * 1e3, 3), fixed_text(100 * seconds / step.seconds, 1)};
  };
  const auto summary = [&](const std::string& name, double seconds) {
    const auto t = time(seconds);
    table.add({name, "", t[0], t[1], "", "", "", "", ""});
  };
  std::string phase;
  for (const Profile::Row& row : step.rows) {
    if (row.phase != phase) summary(phase = row.phase, seconds_of(step, row.phase));
    const auto t = time(row.seconds);
    const double gflops = row.flops / row.seconds * 1e-9;
    const bool useful = row.flops > 0;
    table.add({"  " + row.name, fixed_text(row.calls, 0), t[0], t[1], useful ? fixed_text(gflops, 1) : "",
               useful ? fixed_text(100 * gflops / peak, 1) : "", fixed_text(row.bytes * 1e-6, 2),
               fixed_text(row.bytes / row.seconds * 1e-9, 1), row.shapes});
  }
  summary("outside of operations", rest_of(step));
  summary("step", step.seconds);
  return table.text();
}

std::string profile_json(const Profile::Step& step, double peak) {
  std::string list;
  const auto add = [&](const JsonObject& object) { list += (list.empty() ? "" : ", ") + object.text(); };
  for (const Profile::Row& row : step.rows) {
    JsonObject json;
    json.add("phase", row.phase).add("operation", row.name).add("shapes", row.shapes).add("calls", row.calls);
    json.add("ms", row.seconds * 1e3).add("percent_of_step", 100 * row.seconds / step.seconds);
    if (row.flops > 0) {
      const double gflops = row.flops / row.seconds * 1e-9;
      json.add("flops", row.flops).add("gflops", gflops).add("percent_of_peak", 100 * gflops / peak);
    }
    json.add("bytes", row.bytes).add("gbps", row.bytes / row.seconds * 1e-9);
    add(json);
  }
  JsonObject rest;
  rest.add("phase", "outside").add("operation", "outside of operations").add("shapes", "").add("calls", 1);
  rest.add("ms", rest_of(step) * 1e3).add("percent_of_step", 100 * rest_of(step) / step.seconds).add("bytes", 0).add("gbps", 0.0);
  add(rest);
  return "[" + list + "]";
}

}  // namespace command
