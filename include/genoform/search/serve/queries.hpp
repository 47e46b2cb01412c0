#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What an optimizer asks beside training (docs/ask_and_tell.md). Each struct lists its fields once, for JSON.
namespace genoform::search {

/// Genomes at random: the same seed, the same genomes.
struct SampleQuery {
  static constexpr std::string_view name = "sample";
  static constexpr int max_count = 10000;
  std::uint64_t seed = 0;
  std::optional<int> count;  ///< from 1 to max_count; none: 1

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("seed", self.seed);
    visit("count", self.count);
  }
};

/// A genome one mutation away.
struct MutateQuery {
  static constexpr std::string_view name = "mutate";
  std::string text;
  std::uint64_t seed = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("text", self.text);
    visit("seed", self.seed);
  }
};

/// Something about one text.
struct TextQuery {
  std::string text;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("text", self.text);
  }
};

/// What a genome costs; none: a training step has as many sequences as --batch.
struct CostQuery {
  static constexpr std::string_view name = "cost";
  std::string text;
  std::optional<int> batch;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("text", self.text);
    visit("batch", self.batch);
  }
};

/// The parameters of blocks of so many sub-layers; none: of all blocks.
struct ParametersQuery {
  static constexpr std::string_view name = "parameters";
  std::optional<int> max_sub_layers;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("max_sub_layers", self.max_sub_layers);
  }
};

}  // namespace genoform::search
