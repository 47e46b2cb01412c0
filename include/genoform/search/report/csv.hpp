#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "genoform/core/decimal.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/store/trial.hpp"

namespace genoform::search {

namespace csv {

/// A field as RFC 4180 has it: in quotes where it holds a comma, a quote or the end of a line.
inline std::string field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}
/// With all digits of a double.
inline std::string field(double number) { return general_text(number, 17); }
inline std::string field(const std::optional<double>& number) { return number ? field(*number) : ""; }

}  // namespace csv

/// The trials as a table (RFC 4180): a header, then a line for each trial and for each sample that was refused before it. Losses
/// are bits per byte on the validation text, times seconds; hurdles are JSON.
inline std::string csv_of(std::span<const Trial> trials) {
  std::string table =
      "number,sample,phase,name,text,parent,learning_rate,batch,seed,steps,step_seconds,hurdles,let_through,state,reason,"
      "loss\r\n";
  for (const Trial& t : trials) {
    const std::string fields[] = {std::to_string(t.number),    std::to_string(t.sample),
                                  csv::field(t.phase),         csv::field(t.name),
                                  csv::field(t.text),          std::to_string(t.parent),
                                  csv::field(t.learning_rate), std::to_string(t.batch),
                                  std::to_string(t.seed),      std::to_string(t.steps),
                                  csv::field(t.step_seconds),  csv::field(json_of(t.hurdles).dump()),
                                  t.let_through ? "1" : "0",   std::string(name_of(t.state)),
                                  csv::field(t.reason),        csv::field(t.loss)};
    for (const std::string& f : fields) table += (&f == fields ? "" : ",") + f;
    table += "\r\n";
  }
  return table;
}

}  // namespace genoform::search
