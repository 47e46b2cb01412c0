#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/token_view.hpp"
#include "genoform/data/tokenizer.hpp"
#include "genoform/io/mapped_file.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::data {

/// The three parts of a tokenized text, for Corpus::from_tokens. `validation` and `test` may be empty: then nothing can be
/// measured on them.
struct TokenParts {
  std::span<const Token> train, validation, test;
};

/// Tokens in three parts: for training, for validation (what a search sees), for the final test. Bytes of a text, or tokens of
/// any vocabulary. In memory a token takes 1 byte up to a vocabulary of 256, 2 bytes up to 65,536, else 4. It never changes; a
/// copy shares the tokens.
class Corpus {
 public:
  /// The bytes of a text file, split 90 / 5 / 5 by position; or of a folder with train.txt, val.txt and test.txt. Errors (input):
  /// unreadable, empty, compressed, in UTF-16, too short to split; larger than the memory that is available (resources).
  static Result<Corpus> from_file(const std::string& path);
  /// The bytes of a text, split 90 / 5 / 5 by position. Errors (input): too short to give three parts.
  static Result<Corpus> from_text(std::string_view text) { return split_text(text, "the text"); }

  /// Tokens 0 .. vocabulary - 1 of the caller's tokenizer (a TokenFile reads llm.c's .bin files), copied, split 90 / 5 / 5 by
  /// position. `bytes_per_token`: the mean length of a token in bytes of text, by which losses become bits per byte; with 1 they
  /// are bits per token. Errors: a token outside the vocabulary, too few to split (input); a vocabulary or bytes_per_token that
  /// is not above 0 (usage).
  static Result<Corpus> from_tokens(std::span<const Token> tokens, std::int64_t vocabulary, double bytes_per_token = 1);
  /// The same with parts that the caller chose: `Corpus::from_tokens({.train = a, .validation = b, .test = c}, 50'257, 4.2)`.
  /// Errors: also no tokens to train on (input).
  static Result<Corpus> from_tokens(const TokenParts& parts, std::int64_t vocabulary, double bytes_per_token = 1);

  TokenView train() const { return tokens_.first(cuts_.train_end); }
  TokenView validation() const { return tokens_.subspan(cuts_.train_end, cuts_.validation_end - cuts_.train_end); }
  TokenView test() const { return tokens_.subspan(cuts_.validation_end); }
  /// Bytes of text that a token stands for, on average; 1 for byte texts.
  double bytes_per_token() const { return bytes_per_token_; }
  /// Tokens are below it; 256 for byte texts. A model needs a Vocab of at least this, or of what really occurs.
  std::int64_t vocabulary() const { return vocabulary_; }

  /// Says which part is too short for one window of `context` inputs and their targets, if one is. A part that is empty counts as
  /// absent, not as too short.
  Result<void> check_context(std::size_t context) const;
  /// Says which token of the three parts is outside a vocabulary, if one is: by its file and byte where the corpus was read from
  /// files.
  Result<void> check_vocabulary(std::int64_t vocabulary) const;
  /// FNV-1a over the tokens and the positions of the cuts: equal corpora have equal fingerprints, on every machine and however
  /// the tokens are stored.
  std::uint64_t fingerprint() const;

 private:
  /// Where the parts end.
  struct Cuts {
    std::size_t train_end = 0, validation_end = 0;
  };
  /// What the tokens are: the bytes of one text or of three files, or tokens of the caller's.
  enum class Origin { text, folder, tokens };

  template <class Stored>
  Corpus(std::string source, Origin origin, std::vector<Stored> tokens, Cuts cuts, std::int64_t vocabulary,
         double bytes_per_token);

  /// Names a token by its file and byte, or by its index among the caller's tokens.
  std::string position_of(std::size_t index) const;
  static std::string file_of_part(const std::string& folder, std::size_t part);

  /// What a file is that is no text of bytes, by its first bytes; empty for all others.
  static std::string_view other_form(std::string_view bytes);
  static Result<MappedFile> open_text(const std::string& path);

  static Result<Cuts> split(std::size_t size, const std::string& source, const char* unit);
  /// Refuses what does not fit into memory before it is copied.
  static Result<void> check_memory(std::size_t bytes, const std::string& source);
  static Result<Corpus> split_text(std::string_view text, const std::string& source);
  static Result<Corpus> from_folder(const std::string& path);

  using Parts = std::array<std::span<const Token>, 3>;

  static Result<Corpus> of_tokens(const Parts& parts, Cuts cuts, std::int64_t vocabulary, double bytes_per_token);
  template <class Stored>
  static Result<Corpus> stored(const Parts& parts, Cuts cuts, std::int64_t vocabulary, double bytes_per_token);

  std::string source_;
  Origin origin_;
  std::shared_ptr<const void> storage_;  ///< owns what tokens_ shows
  TokenView tokens_;
  Cuts cuts_;
  std::int64_t vocabulary_;
  double bytes_per_token_;
};

#if GENOFORM_FILE_BODIES

template <class Stored>
Corpus::Corpus(std::string source, Origin origin, std::vector<Stored> tokens, Cuts cuts, std::int64_t vocabulary,
               double bytes_per_token)
    : source_(std::move(source)), origin_(origin), cuts_(cuts), vocabulary_(vocabulary), bytes_per_token_(bytes_per_token) {
  const auto owned = std::make_shared<const std::vector<Stored>>(std::move(tokens));
  tokens_ = TokenView(std::span<const Stored>(*owned));
  storage_ = owned;
}

template <class Stored>
Result<Corpus> Corpus::stored(const Parts& parts, Cuts cuts, std::int64_t vocabulary, double bytes_per_token) {
  const std::size_t size = parts[0].size() + parts[1].size() + parts[2].size();
  if (Result<void> fits = check_memory(size * sizeof(Stored), "the text"); !fits) return fits.error();
  std::vector<Stored> all;
  all.reserve(size);
  for (const auto part : parts)
    for (const Token token : part) all.push_back(static_cast<Stored>(token));
  return Corpus("the text", Origin::tokens, std::move(all), cuts, vocabulary, bytes_per_token);
}

GENOFORM_INLINE Result<Corpus> Corpus::from_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return from_folder(path);
  const Result<MappedFile> file = open_text(path);
  if (!file) return file.error();
  return split_text(file->text(), path);
}

GENOFORM_INLINE Result<Corpus> Corpus::from_tokens(std::span<const Token> tokens, std::int64_t vocabulary,
                                                   double bytes_per_token) {
  const Result<Cuts> cuts = split(tokens.size(), "the text", "tokens");
  if (!cuts) return cuts.error();
  return of_tokens({tokens}, *cuts, vocabulary, bytes_per_token);
}

GENOFORM_INLINE Result<Corpus> Corpus::from_tokens(const TokenParts& parts, std::int64_t vocabulary, double bytes_per_token) {
  if (parts.train.empty()) return Error{ErrorKind::input, "the text: the training part is empty"};
  const std::size_t train_end = parts.train.size();
  return of_tokens({parts.train, parts.validation, parts.test}, {train_end, train_end + parts.validation.size()}, vocabulary,
                   bytes_per_token);
}

GENOFORM_INLINE Result<void> Corpus::check_context(std::size_t context) const {
  for (const auto& [name, part] : {std::pair{"training", train()}, {"validation", validation()}, {"test", test()}})
    if (!part.empty() && part.size() < context + 1)
      return Error{ErrorKind::input, source_ + ": the " + name + " part has " + std::to_string(part.size()) +
                                         " tokens; a context of " + std::to_string(context) + " needs " +
                                         std::to_string(context + 1)};
  return {};
}

GENOFORM_INLINE Result<void> Corpus::check_vocabulary(std::int64_t vocabulary) const {
  const std::size_t wrong = first_outside(tokens_, vocabulary);
  if (wrong == tokens_.size()) return {};
  return Error{ErrorKind::input, position_of(wrong) + " is " + std::to_string(tokens_[wrong]) + "; the model has Vocab<" +
                                     std::to_string(vocabulary) + ">, which allows 0 to " + std::to_string(vocabulary - 1)};
}

GENOFORM_INLINE std::uint64_t Corpus::fingerprint() const {
  std::uint64_t hash = 0xCBF29CE484222325U;
  const auto add = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001B3U; };
  tokens_.visit([&](const auto tokens) {
    for (const auto token : tokens) add(static_cast<std::uint64_t>(token));
  });
  add(cuts_.train_end);
  add(cuts_.validation_end);
  return hash;
}

GENOFORM_INLINE std::string Corpus::position_of(std::size_t index) const {
  if (origin_ != Origin::folder) return source_ + (origin_ == Origin::tokens ? ": token " : ": byte ") + std::to_string(index);
  const std::size_t part = (index >= cuts_.train_end ? 1U : 0U) + (index >= cuts_.validation_end ? 1U : 0U);
  const std::array starts{std::size_t{0}, cuts_.train_end, cuts_.validation_end};
  return file_of_part(source_, part) + ": byte " + std::to_string(index - starts[part]);
}

GENOFORM_INLINE std::string Corpus::file_of_part(const std::string& folder, std::size_t part) {
  constexpr std::array names{"train.txt", "val.txt", "test.txt"};
  return (std::filesystem::path(folder) / names[part]).string();
}

GENOFORM_INLINE std::string_view Corpus::other_form(std::string_view bytes) {
  using namespace std::string_view_literals;
  static constexpr std::pair<std::string_view, std::string_view> forms[] = {
      {"\x1F\x8B"sv, "compressed by gzip"},
      {"\x28\xB5\x2F\xFD"sv, "compressed by zstd"},
      {"\xFD\x37zXZ\0"sv, "compressed by xz"},
      {"PK\3\4"sv, "a zip archive"},
      {"\xFF\xFE"sv, "in UTF-16"},
      {"\xFE\xFF"sv, "in UTF-16"},
  };
  for (const auto& [start, name] : forms)
    if (bytes.starts_with(start)) return name;
  const bool is_bzip2 = bytes.starts_with("BZh"sv) && bytes.size() > 4 && bytes.substr(4).starts_with("1AY&SY"sv);
  return is_bzip2 ? "compressed by bzip2"sv : ""sv;
}

GENOFORM_INLINE Result<MappedFile> Corpus::open_text(const std::string& path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  if (const std::string_view form = other_form(file->text()); !form.empty())
    return Error{ErrorKind::input, path + ": " + std::string(form) + ", no plain text; unpack it or convert it to UTF-8 first"};
  return file;
}

GENOFORM_INLINE Result<Corpus::Cuts> Corpus::split(std::size_t size, const std::string& source, const char* unit) {
  if (size == 0) return Error{ErrorKind::input, source + ": empty"};
  const Cuts cuts{size / 100 * 90 + size % 100 * 90 / 100, size / 100 * 95 + size % 100 * 95 / 100};
  if (cuts.train_end == cuts.validation_end || cuts.validation_end == size)
    return Error{ErrorKind::input, source + ": " + std::to_string(size) + " " + unit + " are too few to split 90 / 5 / 5"};
  return cuts;
}

GENOFORM_INLINE Result<void> Corpus::check_memory(std::size_t bytes, const std::string& source) {
  const MemoryLimit there = memory_limit();
  if (bytes <= static_cast<std::uint64_t>(there.bytes)) return {};
  return Error{ErrorKind::resources, joined({source, ": needs ", mebibytes_needed(static_cast<std::int64_t>(bytes)),
                                             " MiB of memory, ", available_text(there), "; take a shorter text"})};
}

GENOFORM_INLINE Result<Corpus> Corpus::split_text(std::string_view text, const std::string& source) {
  const Result<Cuts> cuts = split(text.size(), source, "bytes");
  if (!cuts) return cuts.error();
  if (Result<void> fits = check_memory(text.size(), source); !fits) return fits.error();
  return Corpus(source, Origin::text, std::vector<std::uint8_t>(text.begin(), text.end()), *cuts, ByteTokenizer::vocabulary, 1);
}

GENOFORM_INLINE Result<Corpus> Corpus::from_folder(const std::string& path) {
  std::vector<std::uint8_t> bytes;
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string part = file_of_part(path, i);
    const Result<MappedFile> file = open_text(part);
    if (!file) return file.error();
    if (file->text().empty()) return Error{ErrorKind::input, part + ": empty"};
    // While the vector grows, the old and the new copy are there.
    if (Result<void> fits = check_memory(bytes.size() + file->text().size(), part); !fits) return fits.error();
    bytes.reserve(bytes.size() + file->text().size());
    bytes.insert(bytes.end(), file->text().begin(), file->text().end());
    ends.push_back(bytes.size());
  }
  return Corpus(path, Origin::folder, std::move(bytes), {ends[0], ends[1]}, ByteTokenizer::vocabulary, 1);
}

GENOFORM_INLINE Result<Corpus> Corpus::of_tokens(const Parts& parts, Cuts cuts, std::int64_t vocabulary, double bytes_per_token) {
  constexpr std::int64_t largest = std::int64_t{std::numeric_limits<Token>::max()} + 1;
  if (vocabulary < 1 || vocabulary > largest)
    return Error{ErrorKind::usage,
                 "a vocabulary of " + std::to_string(vocabulary) + "; allowed are 1 to " + std::to_string(largest)};
  if (!(bytes_per_token > 0) || bytes_per_token > std::numeric_limits<double>::max())
    return Error{ErrorKind::usage, "the bytes of a token must be above 0 and finite"};
  std::size_t index = 0;
  for (const auto part : parts)
    for (const Token token : part) {
      if (token < 0 || token >= vocabulary)
        return Error{ErrorKind::input, "token " + std::to_string(index) + " is " + std::to_string(token) + "; allowed are 0 to " +
                                           std::to_string(vocabulary - 1)};
      ++index;
    }
  if (vocabulary <= 256) return stored<std::uint8_t>(parts, cuts, vocabulary, bytes_per_token);
  if (vocabulary <= 65'536) return stored<std::uint16_t>(parts, cuts, vocabulary, bytes_per_token);
  return stored<Token>(parts, cuts, vocabulary, bytes_per_token);
}

#endif

}  // namespace genoform::inner::data

namespace genoform {
using inner::data::Corpus;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
