#pragma once
#include <cstdint>
#include <vector>

#include "genoform/core/math.hpp"

/// The buckets of T5's relative bias in one direction (docs/formats/model.md, section 2): with h = b / 2, bucket n for n < h,
/// else min(b - 1, h + floor(log(n/h) / log(m/h) * (b - h))), the floor of the exact value.
namespace genoform::inner::backend::host {

/// Whether (n/h)^r = (m/h)^k. Compared prime by prime, so that nothing is rounded.
inline bool equal_powers(std::int64_t n, std::int64_t m, std::int64_t h, std::int64_t r, std::int64_t k) {
  std::int64_t rest[] = {n, m, h};
  const auto same = [&](std::int64_t prime) {
    std::int64_t times[] = {0, 0, 0};
    for (int i = 0; i < 3; ++i)
      for (; rest[i] % prime == 0; rest[i] /= prime) ++times[i];
    return r * (times[0] - times[2]) == k * (times[1] - times[2]);
  };
  for (std::int64_t f = 2; f * f <= rest[0] || f * f <= rest[1] || f * f <= rest[2]; ++f)
    if (!same(f)) return false;
  for (const std::int64_t last : {rest[0], rest[1], rest[2]})  // what is left are primes
    if (last > 1 && !same(last)) return false;
  return true;
}

/// The bucket of distance n; buckets >= 2, distance > buckets / 2.
inline std::int64_t bucket_of(std::int64_t n, std::int64_t buckets, std::int64_t distance) {
  const std::int64_t h = buckets / 2, r = buckets - h;
  if (n < h) return n;
  if (n >= distance) return buckets - 1;
  const auto ratio = [&](std::int64_t a) { return math::log(static_cast<long double>(a) / static_cast<long double>(h)); };
  const long double steps = ratio(n) / ratio(distance) * static_cast<long double>(r);
  const auto nearest = math::nearest(steps);
  const bool whole = math::abs(steps - static_cast<long double>(nearest)) < 1e-12L * static_cast<long double>(r) &&
                     equal_powers(n, distance, h, r, nearest);
  const std::int64_t step = whole ? nearest : static_cast<std::int64_t>(math::floor(steps));
  return step < r ? h + step : buckets - 1;
}

/// The buckets of the distances 0 .. count - 1.
inline std::vector<std::int32_t> buckets_of(std::int64_t count, std::int64_t buckets, std::int64_t distance) {
  std::vector<std::int32_t> all;
  all.reserve(static_cast<std::size_t>(count));
  for (std::int64_t n = 0; n < count; ++n) all.push_back(static_cast<std::int32_t>(bucket_of(n, buckets, distance)));
  return all;
}

}  // namespace genoform::inner::backend::host
