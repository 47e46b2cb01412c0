#include "genoform/core/control_group.hpp"

#include <filesystem>
#include <string>

#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform::inner;
using core::control_group::no_limit;

namespace {

constexpr std::int64_t mib = 1024 * 1024;

/// The files of a system, as far as control groups are concerned.
class System {
 public:
  System(const std::string& groups, const std::string& mounts) {
    write("/proc/self/cgroup", groups);
    write("/proc/self/mountinfo", "22 1 0:20 / / rw - ext4 /dev/root rw\n" + mounts);
  }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root() + path).parent_path());
    write_bytes(root() + path, text);
  }
  void write(const std::string& path, std::int64_t number) { write(path, std::to_string(number) + "\n"); }
  const std::string& root() const { return folder_.path(); }
  std::int64_t memory_left() const { return core::control_group::memory_left(root()); }
  std::int64_t processors() const { return core::control_group::processors(root()); }

 private:
  TemporaryFolder folder_;
};

const std::string unified = "30 22 0:26 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string separate =
    "31 22 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 22 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

}  // namespace

TEST_CASE("without control groups, or without their limits, there is no limit") {
  const System without("", "");
  CHECK(without.memory_left() == no_limit);
  CHECK(without.processors() == no_limit);
  System unlimited("0::/user\n", unified);
  unlimited.write("/sys/fs/cgroup/user/memory.max", "max\n");
  unlimited.write("/sys/fs/cgroup/user/memory.current", 5 * mib);
  unlimited.write("/sys/fs/cgroup/user/cpu.max", "max 100000\n");
  CHECK(unlimited.memory_left() == no_limit);
  CHECK(unlimited.processors() == no_limit);
}

TEST_CASE("in version 2 the tightest of the group and those around it counts, and unused file cache is free") {
  System system("0::/pod/job\n", unified);
  system.write("/sys/fs/cgroup/pod/job/memory.max", "max\n");
  system.write("/sys/fs/cgroup/pod/job/memory.current", 50 * mib);
  system.write("/sys/fs/cgroup/pod/memory.max", 300 * mib);
  system.write("/sys/fs/cgroup/pod/memory.current", 120 * mib);
  CHECK(system.memory_left() == 180 * mib);
  system.write("/sys/fs/cgroup/pod/memory.stat",
               "anon 7\ninactive_file_x 9\ninactive_file " + std::to_string(40 * mib) + "\nslab 1\n");
  CHECK(system.memory_left() == 220 * mib);
  system.write("/sys/fs/cgroup/pod/job/memory.max", 60 * mib);
  CHECK(system.memory_left() == 10 * mib);
  system.write("/sys/fs/cgroup/pod/job/memory.current", 70 * mib);
  CHECK(system.memory_left() == 0);
}

TEST_CASE("in version 1 each controller has a hierarchy of its own") {
  System system("11:cpu,cpuacct:/job\n5:memory:/pod/job\n1:name=systemd:/elsewhere\n0::/elsewhere\n", separate);
  system.write("/sys/fs/cgroup/memory/pod/job/memory.limit_in_bytes", 9223372036854771712);
  system.write("/sys/fs/cgroup/memory/pod/memory.limit_in_bytes", 200 * mib);
  system.write("/sys/fs/cgroup/memory/pod/memory.usage_in_bytes", 150 * mib);
  system.write("/sys/fs/cgroup/memory/pod/memory.stat",
               "inactive_file 1\ntotal_inactive_file " + std::to_string(30 * mib) + "\n");
  CHECK(system.memory_left() == 80 * mib);
  system.write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", 100000);
  system.write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", -1);
  CHECK(system.processors() == no_limit);
  system.write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", 250000);
  CHECK(system.processors() == 3);
}

TEST_CASE("a quota of processor time is rounded up to whole processors") {
  System system("0::/a/b\n", unified);
  system.write("/sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
  CHECK(system.processors() == 2);
  system.write("/sys/fs/cgroup/a/cpu.max", "10000 100000\n");
  CHECK(system.processors() == 1);
}

TEST_CASE("a container that sees its own group as the top one is told its name outside") {
  // The group of the process is the root of the mount, or lies outside of it.
  for (const char* group : {"/docker/abc", "/", "/../other"}) {
    System system("0::" + std::string(group) + "\n", "30 22 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    system.write("/sys/fs/cgroup/memory.max", 100 * mib);
    system.write("/sys/fs/cgroup/memory.current", 30 * mib);
    CAPTURE(group);
    CHECK(system.memory_left() == 70 * mib);
  }
  System below("0::/docker/abc/job\n", "30 22 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  below.write("/sys/fs/cgroup/job/memory.max", 100 * mib);
  CHECK(below.memory_left() == 100 * mib);
}
