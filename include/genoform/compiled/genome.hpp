#pragma once
#include "genoform/genome/genome.hpp"

namespace genoform::inner {

extern template genome::KindNames::KindNames();

}  // namespace genoform::inner
