#pragma once
#include "genoform/backend/dry_run.hpp"
#include "genoform/registry/kinds.hpp"
#include "optimizers.hpp"

/// The program genoform as a library, for a main() of your own that adds layers, routers and optimizers to it:
///   int main(int argc, char** argv) {
///     command::add_kind<ShiftLayer>();
///     command::add_kind<genoform::MoeWith<MyRouter>>();
///     command::optimizers().add<Lion>();
///     return command::run_program(argc, argv);
///   }
namespace command {

/// The kinds that the program knows, on the back end that computes and on the one that runs nothing.
genoform::Kinds<genoform::Cpu>& kinds();
genoform::Kinds<genoform::inner::DryRun>& dry_kinds();

/// Adds a kind of your own. A name that is taken throws Exception.
template <class Layer>
void add_kind() {
  kinds().add<Layer>();
  dry_kinds().add<Layer>();
}

/// Runs the command line; returns the exit code.
int run_program(int argc, char** argv);

}  // namespace command
