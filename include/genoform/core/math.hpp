#pragma once
#include <bit>
#include <cstdint>

#include "genoform/core/namespaces.hpp"

// Every header that computes includes this one. g++ and clang 14 say nothing of -fassociative-math alone but these macros.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "genoform needs IEEE arithmetic: compile without -ffast-math, -Ofast, -ffinite-math-only and -funsafe-math-optimizations"
#endif

/// The functions of <cmath> that the library needs, by the compilers' built-in names: the header itself takes 0.08 s to
/// compile.
namespace genoform::inner::core::math {

inline double sqrt(double x) { return __builtin_sqrt(x); }
inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline double log(double x) { return __builtin_log(x); }
/// By bits, which no flag of a compiler may take to be anything else.
inline bool is_finite(double x) { return (std::bit_cast<std::uint64_t>(x) >> 52U & 0x7FFU) != 0x7FFU; }
inline bool is_finite(float x) { return (std::bit_cast<std::uint32_t>(x) >> 23U & 0xFFU) != 0xFFU; }
inline double floor(double x) { return __builtin_floor(x); }
inline double pow(double x, double exponent) { return __builtin_pow(x, exponent); }
inline double sin(double x) { return __builtin_sin(x); }
inline double cos(double x) { return __builtin_cos(x); }

inline long double log(long double x) { return __builtin_logl(x); }
inline long double floor(long double x) { return __builtin_floorl(x); }
inline long double abs(long double x) { return __builtin_fabsl(x); }
inline std::int64_t nearest(long double x) { return __builtin_llroundl(x); }

}  // namespace genoform::inner::core::math
