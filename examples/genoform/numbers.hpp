#pragma once
#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "genoform/core/decimal.hpp"
#include "genoform/io/quote.hpp"

namespace command {

/// The numbers that an option allows, within those of its type. What is not finite is never allowed.
struct AllowedNumbers {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool without_low = false;
};
constexpr AllowedNumbers any_number() { return {}; }
constexpr AllowedNumbers at_least(double low) { return {.low = low}; }
constexpr AllowedNumbers above(double low) { return {.low = low, .without_low = true}; }
constexpr AllowedNumbers from_to(double low, double high) { return {.low = low, .high = high}; }

/// `an integer from 1 to 2147483647`, `a number above 0`.
template <class Number>
std::string allowed_text(const AllowedNumbers& allowed) {
  using genoform::inner::general_text;
  if constexpr (std::is_integral_v<Number>) {
    const auto bound = [](double value, Number limit) {
      return std::isfinite(value) ? general_text(value, 17) : std::to_string(limit);
    };
    return "an integer from " + bound(allowed.low, std::numeric_limits<Number>::min()) + " to " +
           bound(allowed.high, std::numeric_limits<Number>::max());
  } else if (std::isfinite(allowed.high)) {
    return "a number from " + general_text(allowed.low) + " to " + general_text(allowed.high);
  } else {
    const std::string low = general_text(allowed.low);
    return !std::isfinite(allowed.low) ? "a finite number"
           : allowed.without_low       ? "a number above " + low
                                       : "a number of at least " + low;
  }
}

/// The number of a whole text if it is allowed. A number that its type cannot hold is not: it would become another one.
template <class Number>
std::optional<Number> allowed_number(const std::string& text, const AllowedNumbers& allowed) {
  const std::optional<Number> number = genoform::inner::number_of<Number>(text);
  if (!number) return std::nullopt;
  const auto value = static_cast<double>(*number);
  const bool is_fine = std::isfinite(value) && value >= allowed.low && value <= allowed.high;
  return is_fine && !(allowed.without_low && value == allowed.low) ? number : std::nullopt;
}

/// Says in one line what is wrong with a number; empty if nothing is.
template <class Number>
std::string complaint_about(const std::string& text, const AllowedNumbers& allowed) {
  if (allowed_number<Number>(text, allowed)) return {};
  return genoform::inner::in_quotes(text) + " is not " + allowed_text<Number>(allowed);
}

/// An option that is a number: `add_number(app, "--steps", o.steps, "steps of the optimizer", at_least(1))`.
template <class Number>
CLI::Option* add_number(CLI::App& app, const std::string& name, Number& number, const std::string& help,
                        const AllowedNumbers& allowed) {
  return app.add_option(name, number, help)
      ->check(CLI::Validator([allowed](std::string& text) { return complaint_about<Number>(text, allowed); }, ""));
}

}  // namespace command
