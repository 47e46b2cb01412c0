#pragma once
#include <algorithm>
#include <fstream>
#include <string>

#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// The model name of the processor as Linux gives it; empty where the system does not tell.
inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return {};
}

}  // namespace genoform::inner::core

#include "genoform/core/restore_macros.hpp"
