// The language in a CUDA file: options in any order, a type from its text, cost as a constant, the memory plan's dry run.
#include <genoform/genoform.hpp>

#include <type_traits>

using Net = genoform::Decoder<genoform::Stack<genoform::Block<genoform::Attention<genoform::DConv<3>, genoform::Heads<2>>,
                                                              genoform::Ffn<genoform::SqReLU>>, 2>,
                              genoform::Vocab<256>, genoform::Width<32>, genoform::Context<16>>;
static_assert(genoform::text_of<Net> ==
              "Decoder<Stack<Block<Attention<Heads<2>, DConv<3>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<32>, Context<16>>");
static_assert(std::is_same_v<genoform::type_of<"Block<Attn, Ffn<SqReLU>>">,
                             genoform::Block<genoform::Attention<>, genoform::Ffn<genoform::SqReLU>>>);
static_assert(genoform::parameters<Net> > 256 * 32);
