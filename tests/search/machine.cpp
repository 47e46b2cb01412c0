#include "genoform/search/clock/machine.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::search;

namespace {

namespace fs = std::filesystem;

/// A file or folder that is gone with it.
struct Files {
  fs::path folder = fs::temp_directory_path() / ("genoform-machine-" + std::to_string(::getpid()));
  Files() { fs::create_directories(folder); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() { fs::remove_all(folder); }

  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }
};

}  // namespace

TEST_CASE("a processor is known by family, model and stepping, not by its name") {
  const Files files;
  const std::string x86 =
      files.write("x86",
                  "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: EPYC\n"
                  "stepping\t: 2\nmicrocode\t: 0xa\n\nprocessor\t: 1\nvendor_id\t: Other\n");
  CHECK(machine::processor_in(x86) == "vendor_id AuthenticAMD, cpu family 25, model 1, stepping 2");
  const std::string arm = files.write("arm",
                                      "processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
                                      "CPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n");
  CHECK(machine::processor_in(arm) == "CPU implementer 0x41, CPU part 0xd0c, CPU variant 0x3, CPU revision 1");
  CHECK(machine::processor_in((files.folder / "none").string()) == "unknown processor");
}

TEST_CASE("caches and the instruction set in use are part of a machine") {
  const Files files;
  for (const auto& [file, text] : {std::pair{"index0/level", "1"},
                                   {"index0/type", "Data"},
                                   {"index0/size", "32K"},
                                   {"index1/level", "2"},
                                   {"index1/type", "Unified"},
                                   {"index1/size", "1024K"}})
    files.write(file, text + std::string("\n"));
  CHECK(machine::caches_in(files.folder) == "L1 Data 32K, L2 Unified 1024K");
  CHECK(machine::caches_in(files.folder / "none").empty());

  const std::string here = machine_identity();
  CHECK(here == machine_identity());
  ::setenv("GENOFORM_ISA", "portable", 1);
  const std::string portable = machine_identity();
  ::unsetenv("GENOFORM_ISA");
  CHECK(portable.ends_with("; portable"));
  CHECK((here == portable) == (cpu::best_instruction_set() == cpu::InstructionSet::portable));
}
