#include "genoform/search/report/statistics.hpp"

#include <cmath>
#include <vector>

#include "genoform/core/random.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

TEST_CASE("quantiles of Student's distribution are those of the tables") {
  const std::vector<std::pair<int, double>> table{{1, 12.7062}, {2, 4.30265}, {3, 3.18245},  {4, 2.77645},
                                                  {7, 2.36462}, {9, 2.26216}, {30, 2.04227}, {99, 1.98422}};
  for (const auto& [degrees, t] : table) CHECK(statistics::student_quantile(0.95, degrees) == Approx(t).epsilon(1e-5));
  CHECK(statistics::student_quantile(0.99, 4) == Approx(4.60409).epsilon(1e-5));
}

TEST_CASE("the interval of a difference covers the truth as often as it says, and equal models differ as seldom") {
  const Random random(7, stream_of("statistics"));
  for (const std::size_t seeds : {std::size_t{3}, std::size_t{5}, std::size_t{8}}) {
    int covered = 0, significant = 0;
    constexpr int studies = 4000;
    std::uint64_t drawn = 0;
    for (int i = 0; i < studies; ++i) {
      std::vector<double> a, b;
      for (std::size_t s = 0; s < seeds; ++s) {
        const double data = random.normal(drawn++);  // both see the same data
        a.push_back(2 + data + 0.1 * random.normal(drawn++));
        b.push_back(2 + data + 0.1 * random.normal(drawn++));
      }
      const statistics::Difference d = statistics::difference(a, b);
      covered += d.low <= 0 && 0 <= d.high ? 1 : 0;
      significant += d.p < 0.05 ? 1 : 0;
    }
    CHECK(covered > 0.935 * studies);
    CHECK(covered < 0.965 * studies);
    CHECK(significant == studies - covered);
  }
}

TEST_CASE("Holm's correction multiplies the smallest probability by the number of tests, and keeps the order") {
  CHECK(statistics::holm(std::vector{0.01, 0.04, 0.03}) == std::vector{0.03, 0.06, 0.06});
  CHECK(statistics::holm(std::vector{0.5, 0.9}) == std::vector{1.0, 1.0});
  CHECK(statistics::holm({}).empty());
}

TEST_CASE("too few seeds say nothing") {
  CHECK(statistics::difference(std::vector{1.0}, std::vector{2.0}).p == 1);
  CHECK(statistics::difference(std::vector{1.0}, std::vector{2.0}).high > 1e300);
  CHECK(statistics::difference(std::vector{1.0, 1.0}, std::vector{2.0, 2.0}).p == 0);
}

TEST_CASE("rank correlations are those of the textbooks, ties included") {
  const std::vector<double> quotients{106, 86, 100, 101, 99, 103, 97, 113, 112, 110}, hours{7, 0, 27, 50, 28, 29, 20, 12, 6, 17};
  CHECK(statistics::spearman(quotients, hours) == Approx(-29.0 / 165));
  const std::vector<double> ties{1, 2, 2, 3}, others{1, 3, 2, 4};
  CHECK(statistics::ranks(ties) == std::vector<double>{1, 2.5, 2.5, 4});
  CHECK(statistics::spearman(ties, others) == Approx(4.5 / std::sqrt(22.5)));
  const std::vector<double> rising{1, 10, 100, 1000}, falling{4, 3, 2, 1}, equal{2, 2, 2, 2}, one{1};
  CHECK(statistics::spearman(rising, others) == Approx(0.8));
  CHECK(statistics::spearman(rising, falling) == Approx(-1));
  CHECK(std::isnan(statistics::spearman(rising, equal)));
  CHECK(std::isnan(statistics::spearman(one, one)));
  CHECK(std::isnan(statistics::spearman(rising, one)));
}
