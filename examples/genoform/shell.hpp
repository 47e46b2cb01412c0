#pragma once
#include <algorithm>
#include <cctype>
#include <cstring>
#include <string>

namespace command {

/// A file name as a shell takes it.
inline std::string in_shell(const std::string& name) {
  const auto is_plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || std::strchr("_./+-", c) != nullptr; };
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_plain)) return name;
  std::string quoted = "'";
  for (const char c : name) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace command
