#include <genoform/genoform.hpp>
