#pragma once
#include <cstdint>

#include "genoform/backend/dry_run.hpp"
#include "genoform/registry/kinds.hpp"

namespace genoform {

/// The cost of a genome of the library's kinds with all its sizes, for a shape (context 0: its Context); no back end needed.
inline Result<Cost> cost_of(const Genome& genome, std::int64_t batch = 1, std::int64_t context = 0) {
  return builtin_kinds<DryRun>().cost_of(genome, batch, context);
}

}  // namespace genoform
