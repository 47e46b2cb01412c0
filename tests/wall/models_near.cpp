#include <utility>

#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "tests/wall/models.hpp"

wall::BasicModel<wall::Cpu> wall::model_of(std::string_view text, ModelOptions<Cpu> options) {
  return builtin_kinds<Cpu>().build(Genome::parse(text).value(), std::move(options)).value();
}
