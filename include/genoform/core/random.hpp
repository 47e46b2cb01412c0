#pragma once
#include <cstdint>
#include <numbers>
#include <string_view>

#include "genoform/core/math.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// Counter-based random numbers, Philox 4x32-10 (Salmon et al., SC 2011): a pure function of (seed, stream, index), so there is
/// no state to save or to lose.
class Random {
 public:
  constexpr Random(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  constexpr std::uint64_t seed() const { return seed_; }
  constexpr std::uint64_t stream() const { return stream_; }

  /// 64 uniform bits.
  constexpr std::uint64_t bits(std::uint64_t index) const { return philox(index).first; }
  /// Uniform in [0, 1) with 53 bits.
  constexpr double uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }
  /// Uniform integer in [0, n), n >= 1; the bias is below n / 2^64.
  constexpr std::uint64_t below(std::uint64_t index, std::uint64_t n) const {
    return static_cast<std::uint64_t>((static_cast<Wide>(bits(index)) * n) >> 64);
  }
  /// Standard normal, by Box and Muller.
  [[gnu::noinline]] double normal(std::uint64_t index) const {
    const Words words = philox(index);
    const double u = (real(words.first) + 1.0) * 0x1p-64, v = real(words.second) * 0x1p-64;
    return math::sqrt(-2.0 * math::log(u)) * math::cos(2.0 * std::numbers::pi * v);
  }

 private:
  __extension__ typedef unsigned __int128 Wide;  // nvcc refuses __extension__ before a using in a class

  struct Words {
    std::uint64_t first, second;
  };
  /// Four variables and not an array, which would be written in halves and read as a whole, at twice the time.
  constexpr Words philox(std::uint64_t index) const {
    std::uint32_t word0 = low(index), word1 = high(index), word2 = low(stream_), word3 = high(stream_);
    std::uint32_t key0 = low(seed_), key1 = high(seed_);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{0xD2511F53U} * word0, b = std::uint64_t{0xCD9E8D57U} * word2;
      word0 = high(b) ^ word1 ^ key0;
      word1 = low(b);
      word2 = high(a) ^ word3 ^ key1;
      word3 = low(a);
      key0 += 0x9E3779B9U;
      key1 += 0xBB67AE85U;
    }
    return {(std::uint64_t{word1} << 32) | word0, (std::uint64_t{word3} << 32) | word2};
  }
  /// The integer as a double, rounded once. A single conversion needs a branch that the processor cannot predict.
  static constexpr double real(std::uint64_t bits) {
    return static_cast<double>(high(bits)) * 0x1p32 + static_cast<double>(low(bits));
  }
  static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

  std::uint64_t seed_, stream_;
};

/// FNV-1a: the stream number of a named thing (a tensor's initial values, a phase of the search).
constexpr std::uint64_t stream_of(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

}  // namespace genoform::inner::core

namespace genoform::extend {
using inner::core::Random;
using inner::core::stream_of;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
