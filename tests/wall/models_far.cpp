#include <utility>

#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "tests/wall/models.hpp"

wall::BasicModel<wall::Wall> wall::model_of(std::string_view text, ModelOptions<Wall> options) {
  return builtin_kinds<Wall>().build(Genome::parse(text).value(), std::move(options)).value();
}
