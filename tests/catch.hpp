#pragma once
/// Catch2, version 2 (one header) or 3 (split headers), under the names that both have. Approx stands in the global namespace.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
