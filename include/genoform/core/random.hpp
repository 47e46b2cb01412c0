#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace genoform {

/// Counter-based random numbers, Philox 4x32-10 (Salmon et al., SC 2011): a pure function of (seed, stream, index), so there is
/// no state to save or lose.
class Random {
 public:
  constexpr Random(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  /// 64 uniform bits.
  constexpr std::uint64_t bits(std::uint64_t index) const {
    const auto words = philox(index);
    return (std::uint64_t{words[1]} << 32) | words[0];
  }
  /// Uniform in [0, 1) with 53 bits.
  constexpr double uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }
  /// Uniform integer in [0, n), n >= 1; the bias is below n / 2^64.
  constexpr std::uint64_t below(std::uint64_t index, std::uint64_t n) const {
    return static_cast<std::uint64_t>((static_cast<Wide>(bits(index)) * n) >> 64);
  }
  /// Standard normal, by Box and Muller.
  double normal(std::uint64_t index) const {
    const auto words = philox(index);
    const double u = (static_cast<double>((std::uint64_t{words[1]} << 32) | words[0]) + 1.0) * 0x1p-64;
    const double v = static_cast<double>((std::uint64_t{words[3]} << 32) | words[2]) * 0x1p-64;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }

 private:
  __extension__ typedef unsigned __int128 Wide;  // nvcc refuses __extension__ before a using in a class

  constexpr std::array<std::uint32_t, 4> philox(std::uint64_t index) const {
    std::array<std::uint32_t, 4> counter{low(index), high(index), low(stream_), high(stream_)};
    std::uint32_t key0 = low(seed_), key1 = high(seed_);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{0xD2511F53U} * counter[0];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * counter[2];
      counter = {high(b) ^ counter[1] ^ key0, low(b), high(a) ^ counter[3] ^ key1, low(a)};
      key0 += 0x9E3779B9U;
      key1 += 0xBB67AE85U;
    }
    return counter;
  }
  static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

  std::uint64_t seed_, stream_;
};

/// FNV-1a: the stream number of a named thing (a tensor's start values, a phase of the search).
constexpr std::uint64_t stream_of(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

}  // namespace genoform
