// The names of the built-in kinds, for texts.
#include "genoform/compiled/genome.hpp"

namespace genoform::inner {

template genome::KindNames::KindNames();

}  // namespace genoform::inner
