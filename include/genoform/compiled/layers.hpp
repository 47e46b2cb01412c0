#pragma once
#include "genoform/compiled/genome.hpp"
#include "genoform/model/any_layer.hpp"

#include "genoform/core/hide_macros.hpp"

/// Explicit instantiations of a layer on a back end; `keyword` as in compiled/operations.hpp.
#define GENOFORM_BACK_END_LAYER(keyword, Backend, Layer) keyword class model::TypedLayer<Backend, layers::Layer>;

#include "genoform/core/restore_macros.hpp"
