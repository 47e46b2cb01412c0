#pragma once
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/registry/kinds.hpp>
#include <genoform/train.hpp>

using Net = genoform::Decoder<genoform::Block<genoform::Attention<genoform::Heads<2>>, genoform::Moe<genoform::Top2>>,
                              genoform::Vocab<16>, genoform::Width<16>, genoform::Context<8>>;

/// The loss of a model of Net that came as a text, built in the other translation unit.
double loss_of_text(const std::vector<genoform::Token>& tokens);
