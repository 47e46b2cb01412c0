#pragma once
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <system_error>

#include "genoform/backend/cpu/machine/instruction_set.hpp"
#include "genoform/core/result.hpp"

namespace genoform::search {

namespace machine {

/// The value of a line "key : value" of the first processor in a file like /proc/cpuinfo; empty when there is none.
inline std::string value_in(const std::string& file, const std::string& key) {
  std::ifstream info(file);
  for (std::string line; std::getline(info, line) && !line.empty();) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(key)) continue;
    if (line.find_first_not_of(" \t", key.size()) != colon) continue;
    const std::size_t start = line.find_first_not_of(' ', colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return {};
}

inline std::string first_word_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

/// "L1 Data 32K, L1 Instruction 32K, L2 Unified 512K" of a processor's folder below /sys; empty where it has none.
inline std::string caches_in(const std::filesystem::path& folder) {
  std::string caches;
  for (int i = 0;; ++i) {
    const std::filesystem::path cache = folder / ("index" + std::to_string(i));
    std::error_code ignored;
    if (!std::filesystem::exists(cache, ignored)) return caches;
    caches += (caches.empty() ? "L" : ", L") + first_word_of(cache / "level") + " " + first_word_of(cache / "type") + " " +
              first_word_of(cache / "size");
  }
}

/// The processor in a file like /proc/cpuinfo: vendor, family, model and stepping on x86, implementer, part, variant and revision
/// on ARM.
inline std::string processor_in(const std::string& file) {
  std::string processor;
  for (const char* key :
       {"vendor_id", "cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU variant", "CPU revision"})
    if (const std::string value = value_in(file, key); !value.empty())
      processor += (processor.empty() ? "" : ", ") + std::string(key) + " " + value;
  return processor.empty() ? "unknown processor" : processor;
}

}  // namespace machine

/// What step times depend on: processor, caches, and the instruction set in use. Processors of one marketing name may differ in
/// it, and equal ones may be sold under several. Machines with equal texts share a table of step times.
inline std::string machine_identity() {
  std::string set;
  try {
    set = cpu::name_of(cpu::best_instruction_set());
  } catch (const Exception& error) { set = error.what(); }  // the back end refuses it before it trains
  const std::string caches = machine::caches_in("/sys/devices/system/cpu/cpu0/cache");
  return machine::processor_in("/proc/cpuinfo") + "; " + (caches.empty() ? "" : caches + "; ") + set;
}

}  // namespace genoform::search
