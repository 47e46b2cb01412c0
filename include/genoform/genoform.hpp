#pragma once

// Types, costs and texts of models: what every program needs. No back end, no training: include those beside it.

// First, so that a compiler that refuses a type has a short way to tell to the sentence.
#include "genoform/core/rules.hpp"
//
#include "genoform/core/part.hpp"
#include "genoform/cost/cost.hpp"
#include "genoform/genome/canonical.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/genome/text_of.hpp"
#include "genoform/genome/type_of.hpp"
#include "genoform/version.hpp"
