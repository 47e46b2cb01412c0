#include <cstdint>

#include "genoform/cost/cost.hpp"
#include "genoform/layers/conv.hpp"
#include "genoform/layers/gau.hpp"
#include "genoform/layers/linear_attention.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

// Parameters, state and useful FLOPs of one sub-layer of width 12 against formulas that were written for this test alone; the
// pre-norm has 12 numbers.
constexpr std::int64_t D = 12, B = 3, T = 10, N = B * T, visible = B * T * (T + 1) / 2;
template <class Part>
constexpr Cost cost = cost_of_part<Part>(D, {B, T});

using Linear = LinearAttention<Heads<4>, HeadDim<6>, KvHeads<2>, Features<9>>;
static_assert(cost<Linear>.parameters == D + D * (4 + 2 + 2) * 6 + 4 * 6 * D);
static_assert(cost<Linear>.state_elements == 9 * 6);
static_assert(cost<Linear>.forward_flops == 2 * N * (D * 48 + 24 * D)      // the four matrices
                                                + 2 * N * (4 + 2) * 9 * 6  // features of queries and keys
                                                + 2 * N * 2 * 9 * 6        // sums
                                                + 2 * N * 4 * 9 * 6);      // what queries read of them
static_assert(cost<LinearAttention<Heads<2>>>.state_elements == 4 * 6 * 6);

using Gated = Gau<Hidden<20>, HeadDim<8>>;
static_assert(cost<Gated>.parameters == D + D * (20 + 20 + 8) + 4 * 8 + 20 * D);
static_assert(cost<Gated>.state_elements == 0);
static_assert(cost<Gated>.forward_flops == 2 * N * D * (48 + 20) + 2 * visible * (8 + 20));
static_assert(cost<Gau<Hidden<20>, HeadDim<8>, Bias>>.parameters == cost<Gated>.parameters + 48 + D);
static_assert(cost<Gau<Hidden<20>, HeadDim<8>, Bias>>.forward_flops == cost<Gated>.forward_flops);

// 2 D = 24 channels, 6 beside them.
static_assert(cost<Conv<>>.parameters == D + (11 * D + 24 * D) + (7 * D + 6 * D) + 2 * 24 + (7 * 24 + D * 24));
static_assert(cost<Conv<>>.forward_flops == 2 * N * ((11 + 7) * D + 7 * 24 + 24 * D + 6 * D + D * 24));
static_assert(cost<Conv<Bias>>.parameters == cost<Conv<>>.parameters + 24 + 6 + D);
static_assert(cost<Conv<Middle<NoNorm>>>.parameters == cost<Conv<>>.parameters - 2 * 24);

}  // namespace

TEST_CASE("linear attention costs the same for every position, attention by scores more for each") {
  constexpr auto flops = [](auto type, std::int64_t context) {
    return cost_of_part<typename decltype(type)::type>(D, {1, context}).forward_flops;
  };
  CHECK(flops(Type<Linear>{}, 2000) == 2 * flops(Type<Linear>{}, 1000));
  CHECK(flops(Type<Conv<>>{}, 2000) == 2 * flops(Type<Conv<>>{}, 1000));
  CHECK(flops(Type<Gated>{}, 2000) > 2 * flops(Type<Gated>{}, 1000));
}
