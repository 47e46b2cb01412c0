// The program genoform with a router and an optimizer of a user's own.
#include "program.hpp"
#include "tests/extending/own_optimizer.hpp"
#include "tests/extending/own_router.hpp"

int main(int argc, char** argv) {
  command::add_kind<genoform::MoeWith<mine::Fair<1>>>();
  command::optimizers().add<mine::Momentum>();
  return command::run_program(argc, argv);
}
