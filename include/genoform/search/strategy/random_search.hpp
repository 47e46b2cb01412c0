#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "genoform/search/strategy/strategy.hpp"

namespace genoform::search {

/// Samples every genome anew.
class RandomSearch : public Strategy {
 public:
  std::string name() const override { return "random"; }
  nlohmann::json describe() const override { return nlohmann::json::object(); }
  std::size_t memory() const override { return 0; }
  Proposal propose(const Space& space, std::span<const Scored>, RandomStream& samples) const override {
    return {space.random(samples), 0};
  }
};

}  // namespace genoform::search
