#pragma once

// Types, costs and texts of models: what every program needs. No back end, no training: include those beside it.

#include "genoform/cost/cost.hpp"
#include "genoform/genome/canonical.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/genome/text_of.hpp"
#include "genoform/genome/type_of.hpp"
#include "genoform/version.hpp"
