#pragma once
#include "genoform/ops/adafactor.hpp"
#include "genoform/ops/attention.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/mixing.hpp"
#include "genoform/ops/optimizer.hpp"
#include "genoform/ops/routing.hpp"
