#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/decimal.hpp"

#include "genoform/core/hide_macros.hpp"

/// What the control groups of Linux ("cgroups", version 1 and 2) that this process is in allow it. All functions read the files
/// below a root folder, "" for those of the system; where there are none, there is no limit.
namespace genoform::inner::core::control_group {

inline constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

/// The text of a file of the system; empty if it cannot be read.
inline std::string text_of_file(const std::string& path) {
  std::string text;
  if (std::FILE* const file = std::fopen(path.c_str(), "re")) {
    char part[4096];
    for (std::size_t size = 0; (size = std::fread(part, 1, sizeof part, file)) > 0;) text.append(part, size);
    std::fclose(file);
  }
  return text;
}

/// The words of a text between separators; `most`: the last word is all that is left then.
inline std::vector<std::string_view> split(std::string_view text, char separator, std::size_t most = std::string_view::npos) {
  std::vector<std::string_view> words;
  while (words.size() + 1 < most) {
    const std::size_t end = text.find(separator);
    if (end == std::string_view::npos) break;
    words.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  words.push_back(text);
  return words;
}

inline bool contains(const std::vector<std::string_view>& words, std::string_view wanted) {
  for (const std::string_view word : words)
    if (word == wanted) return true;
  return false;
}

/// A hierarchy of control groups: that of a controller of version 1, or the one of version 2.
struct Hierarchy {
  std::string_view controller;  ///< of version 1; empty: version 2

  bool is_unified() const { return controller.empty(); }
  /// Is this line of /proc/self/cgroup, "ID:CONTROLLERS:GROUP", about this hierarchy?
  bool owns_group(const std::vector<std::string_view>& fields) const {
    return is_unified() ? fields[0] == "0" && fields[1].empty() : contains(split(fields[1], ','), controller);
  }
  /// The same for what stands behind " - " in a line of /proc/self/mountinfo: type, source, options.
  bool owns_mount(const std::vector<std::string_view>& fields) const {
    if (is_unified()) return fields[0] == "cgroup2";
    return fields[0] == "cgroup" && contains(split(fields[2], ','), controller);
  }
};

/// Where a hierarchy is visible: the group that is the top of the visible part, and its folder.
struct Mount {
  std::string group, folder;
};

inline std::optional<Mount> mount_of(const Hierarchy& hierarchy, const std::string& root) {
  const std::string mounts = text_of_file(root + "/proc/self/mountinfo");
  for (const std::string_view line : split(mounts, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto place = split(line.substr(0, dash), ' '), type = split(line.substr(dash + 3), ' ', 3);
    if (place.size() < 5 || type.size() < 3 || !hierarchy.owns_mount(type)) continue;
    return Mount{std::string(place[3] == "/" ? "" : place[3]), std::string(place[4])};
  }
  return std::nullopt;
}

/// The group of the process, "" for the top one.
inline std::string group_of_process(const Hierarchy& hierarchy, const std::string& root) {
  const std::string groups = text_of_file(root + "/proc/self/cgroup");
  for (const std::string_view line : split(groups, '\n')) {
    const auto fields = split(line, ':', 3);
    if (fields.size() == 3 && hierarchy.owns_group(fields)) return std::string(fields[2] == "/" ? "" : fields[2]);
  }
  return {};
}

/// The folders of the group of the process and of those around it, as far as they are visible, innermost first.
inline std::vector<std::string> folders_of(const Hierarchy& hierarchy, const std::string& root) {
  const std::optional<Mount> mount = mount_of(hierarchy, root);
  if (!mount) return {};
  std::string below = group_of_process(hierarchy, root);
  // A container may see its group as the top of all, and still be told its name outside.
  const bool is_visible = below.starts_with(mount->group + "/") && below.find("/..") == std::string::npos;
  below = is_visible ? below.substr(mount->group.size()) : "";
  std::vector<std::string> folders;
  for (; !below.empty(); below.resize(below.rfind('/'))) folders.push_back(root + mount->folder + below);
  folders.push_back(root + mount->folder);
  return folders;
}

/// The number at the start of a text; none for "max" and the like.
inline std::optional<std::int64_t> leading_integer(std::string_view text) {
  return number_of<std::int64_t>(text.substr(0, text.find_first_of(" \n")));
}

inline std::optional<std::int64_t> integer_in(const std::string& file) { return leading_integer(text_of_file(file)); }

/// The file of a group that lists its kinds of memory, "KEY BYTES" a line: the bytes of a key, 0 if it is not there.
inline std::int64_t bytes_listed(const std::string& file, std::string_view key) {
  const std::string list = text_of_file(file);
  for (const std::string_view line : split(list, '\n'))
    if (line.starts_with(key) && line.substr(key.size()).starts_with(' '))
      return leading_integer(line.substr(key.size() + 1)).value_or(0);
  return 0;
}

/// Bytes that one group has left. Cached files that were not used lately count as free: they go before anybody is killed.
inline std::int64_t memory_left_in(const std::string& folder, bool is_unified) {
  const auto limit = integer_in(folder + (is_unified ? "/memory.max" : "/memory.limit_in_bytes"));
  if (!limit || *limit < 0) return no_limit;
  const std::int64_t used = integer_in(folder + (is_unified ? "/memory.current" : "/memory.usage_in_bytes")).value_or(0);
  const std::int64_t cached = bytes_listed(folder + "/memory.stat", is_unified ? "inactive_file" : "total_inactive_file");
  const std::int64_t kept = used > cached ? used - cached : 0;
  return *limit > kept ? *limit - kept : 0;
}

/// The smallest limit_in(folder, is_unified) of the groups of the process, in the hierarchy of a controller of version 1 and in
/// that of version 2.
template <class LimitIn>
std::int64_t lowest_limit(std::string_view controller, const std::string& root, LimitIn limit_in) {
  std::int64_t smallest = no_limit;
  for (const Hierarchy hierarchy : {Hierarchy{controller}, Hierarchy{}})
    for (const std::string& folder : folders_of(hierarchy, root))
      if (const std::int64_t here = limit_in(folder, hierarchy.is_unified()); here < smallest) smallest = here;
  return smallest;
}

/// Bytes that the process may still take before one of its groups is full.
inline std::int64_t memory_left(const std::string& root = "") { return lowest_limit("memory", root, memory_left_in); }

/// The processor time that one group may use, in processors, rounded up.
inline std::int64_t processors_in(const std::string& folder, bool is_unified) {
  std::optional<std::int64_t> quota, period;
  if (is_unified) {
    const std::string both = text_of_file(folder + "/cpu.max");
    const auto words = split(both, ' ');
    if (words.size() == 2) quota = leading_integer(words[0]), period = leading_integer(words[1]);
  } else {
    quota = integer_in(folder + "/cpu.cfs_quota_us");
    period = integer_in(folder + "/cpu.cfs_period_us");
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return no_limit;
  return (*quota - 1) / *period + 1;
}

/// The smallest quota of the groups of the process, in processors, at least 1.
inline std::int64_t processors(const std::string& root = "") { return lowest_limit("cpu", root, processors_in); }

}  // namespace genoform::inner::core::control_group

#include "genoform/core/restore_macros.hpp"
