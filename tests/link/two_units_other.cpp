#include "two_units.hpp"

double loss_of_text(const std::vector<genoform::Token>& tokens) {
  const genoform::Genome genome = genoform::Genome::parse(genoform::text_of<Net>);
  genoform::BasicModel<genoform::Cpu> model = genoform::builtin_kinds<genoform::Cpu>().build(genome, {.seed = 1});
  return model.loss_and_gradient(tokens, tokens, 1).main;
}
