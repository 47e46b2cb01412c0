#pragma once
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/train.hpp>

using Net = genoform::Decoder<genoform::Stack<genoform::Block<genoform::Attn, genoform::Ffn<genoform::SqReLU>>, 1>,
                              genoform::Vocab<256>, genoform::Width<16>, genoform::Context<8>>;

/// Parameters of a model made in the other translation unit.
std::size_t parameters_elsewhere();
