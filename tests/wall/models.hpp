#pragma once
#include <string_view>

#include "genoform/backend/cpu.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/model.hpp"
#include "genoform/testing/distant.hpp"

/// The same models on a back end and on the same back end behind a wall; each built in a unit of its own.
namespace wall {

using namespace genoform;
using namespace genoform::inner;
using Wall = testing::Distant<Cpu>;

BasicModel<Cpu> model_of(std::string_view text, ModelOptions<Cpu> options);
BasicModel<Wall> model_of(std::string_view text, ModelOptions<Wall> options);

}  // namespace wall
