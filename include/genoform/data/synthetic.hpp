#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "genoform/core/random.hpp"

namespace genoform::inner::data {

namespace synthetic {

using Words = std::span<const std::string_view>;

// The nouns that follow a noun in this list are the likeliest to come next in the text: something to learn beyond a sentence.
inline constexpr std::array<std::string_view, 24> nouns{
    "captain", "ship",   "harbour", "storm",  "sailor", "island", "garden", "rose",   "gardener", "apple", "orchard", "bird",
    "teacher", "letter", "school",  "window", "lesson", "child",  "river",  "bridge", "miller",   "horse", "market",  "village"};
inline constexpr std::array<std::string_view, 12> adjectives{"old",    "small", "quiet", "green",   "tall",  "gentle",
                                                             "clever", "grey",  "happy", "strange", "young", "patient"};
inline constexpr std::array<std::string_view, 12> verbs{"watched", "followed", "remembered", "carried", "found",   "praised",
                                                        "forgot",  "painted",  "described",  "crossed", "admired", "left"};
inline constexpr std::array<std::string_view, 8> places{"near",  "behind", "beyond", "beside",
                                                        "above", "under",  "before", "across"};
inline constexpr std::array<std::string_view, 6> links{"and", "but", "because", "while", "when", "although"};

/// Takes random numbers of one stream in order: the index of the next is the only state.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed, stream_of("synthetic text")) {}

  std::string text(std::size_t bytes) {
    while (text_.size() < bytes) sentence();
    text_.resize(bytes);
    return std::move(text_);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_.below(index_++, n); }
  void word(std::string_view word) { (text_ += word) += ' '; }
  void any_of(Words words) { word(words[static_cast<std::size_t>(below(words.size()))]); }

  void noun_phrase() {
    word("the");
    if (below(3) == 0) any_of(adjectives);
    // Mostly a step to a neighbour, sometimes a jump.
    topic_ = below(8) == 0 ? below(nouns.size()) : (topic_ + 1 + below(3)) % nouns.size();
    word(nouns[static_cast<std::size_t>(topic_)]);
  }
  void clause() {
    noun_phrase();
    any_of(verbs);
    noun_phrase();
    if (below(3) == 0) {
      any_of(places);
      noun_phrase();
    }
  }
  void sentence() {
    const std::size_t begin = text_.size();
    clause();
    if (below(4) == 0) {
      text_.back() = ',';
      text_ += ' ';
      any_of(links);
      clause();
    }
    text_[begin] = 'T';  // a clause starts with "the"
    text_.back() = '.';
    text_ += below(8) == 0 ? "\n\n" : " ";
  }

  Random random_;
  std::uint64_t index_ = 0, topic_ = 0;
  std::string text_;
};

}  // namespace synthetic

/// English-like text of exactly `bytes` bytes (ASCII) from a small grammar with 60 words: the same for the same seed on
/// every machine. A byte model can learn it well below 2 bits per byte in a few hundred steps.
inline std::string synthetic_text(std::size_t bytes, std::uint64_t seed) { return synthetic::Writer(seed).text(bytes); }

}  // namespace genoform::inner::data

namespace genoform {
using inner::data::synthetic_text;
}  // namespace genoform
