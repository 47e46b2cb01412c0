#pragma once
#include <version>

// What every header needs, each in one sentence before the compiler's own complaints.
#if __cplusplus < 202002L
#error "genoform is written in C++20: compile with -std=c++20 or newer"
#endif
#if defined(_LIBCPP_VERSION) || (defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE < 12)
#error "genoform needs the standard library of g++ 12 or newer (libstdc++); with clang leave out -stdlib=libc++"
#endif
#if !defined(__cpp_exceptions) && !defined(__CUDACC__)
#error "genoform throws exceptions: compile without -fno-exceptions"
#endif
