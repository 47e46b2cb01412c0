#include "tests/search/interruption.hpp"

using namespace toy;

TEST_CASE("hundreds of kills leave no trace in the record of a study") {
  DigitStudy study;
  study.setup["microseconds"] = 2500;
  study.genomes = 120;
  const TemporaryFile whole("genoform-long-unkilled");
  REQUIRE(study.run(whole.path()));
  const std::string expected = record_of(whole.path());
  int kills = 0;
  for (std::uint64_t seed = 100; kills < 400 && seed < 200; ++seed) {
    const TemporaryFile file("genoform-long-killed");
    study.workers = 1 + static_cast<int>(seed % 3);
    kills += kill_until_done(study, file.path(), expected, seed);
  }
  CHECK(kills >= 400);
}
