#include "genoform/genome/dense_twin.hpp"

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

Genome model_of(const std::string& block) {
  return Genome::parse("Decoder<Stack<Block<" + block + ">, 2>, Vocab<256>, Width<64>, Context<32>>");
}
std::string twin_of(const std::string& block) { return dense_twin(model_of(block), 128).value().text(); }

}  // namespace

TEST_CASE("the dense twin of a sparse layer is as wide as the experts that a token uses") {
  CHECK(twin_of("Attn, Moe<Top2>") == model_of("Attn, Ffn<SqReLU, Hidden<512>>").text());
  CHECK(twin_of("Attn, Moe<TopK<3>, SqReLU, Hidden<80>>") == model_of("Attn, Ffn<SqReLU, Hidden<240>>").text());
  CHECK(twin_of("Moe<ExpertChoice, SwiGlu, Capacity<200>, Hidden<100>>, Ffn<SqReLU>") ==
        model_of("Ffn<SwiGlu, Hidden<200>>, Ffn<SqReLU>").text());
  CHECK(twin_of("Moe<Top2, Capacity<50>, Shared<1>>") == model_of("Ffn<SqReLU, Hidden<512>>").text());
}

TEST_CASE("the dense twin keeps norms and parallel parts, and is the model itself where nothing is sparse") {
  CHECK(twin_of("Moe<Top1, Post<LayerNorm>>") == model_of("Ffn<SqReLU, Post<LayerNorm>>").text());
  CHECK(twin_of("Parallel<Attn, Moe<Top2>>") == model_of("Parallel<Attn, Ffn<SqReLU, Hidden<512>>>").text());
  CHECK(twin_of("Attn, Ffn<SqReLU>") == model_of("Attn, Ffn<SqReLU>").text());
}
