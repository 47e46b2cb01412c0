#pragma once
#include "genoform/ops/attention.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/optimizer.hpp"
#include "genoform/ops/routing.hpp"
