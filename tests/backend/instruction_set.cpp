#include "genoform/backend/cpu/machine/instruction_set.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace genoform;
using cpu::InstructionSet;

namespace {

std::string refusal_of(std::string_view name) {
  try {
    cpu::instruction_set_of(name, "GENOFORM_ISA");
  } catch (const Exception& error) {
    CHECK(error.error_kind() == ErrorKind::usage);
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("an instruction set is chosen by its name, and any other name is refused with the list") {
  CHECK(cpu::instruction_set_of("portable", "GENOFORM_ISA") == InstructionSet::portable);
  CHECK(refusal_of("avx3") ==
        "GENOFORM_ISA: \"avx3\" is no instruction set; allowed are portable, avx2, avx512, avx512_bf16, amx; did "
        "you mean avx2?");
  CHECK(refusal_of("AVX2,").ends_with("; did you mean avx2?"));
  CHECK(refusal_of("sse\x01") ==
        "GENOFORM_ISA: \"sse\\x01\" is no instruction set; allowed are portable, avx2, avx512, avx512_bf16, amx");
}

TEST_CASE("an instruction set that the processor lacks is refused with those that it has") {
  for (const InstructionSet set : cpu::all_instruction_sets) {
    const std::string refusal = refusal_of(cpu::name_of(set));
    CHECK(refusal.empty() == cpu::available(set));
    if (!cpu::available(set))
      CHECK(refusal == "GENOFORM_ISA: this processor has no " + std::string(cpu::name_of(set)) + "; it has " +
                           cpu::names_of_instruction_sets(true));
  }
}
