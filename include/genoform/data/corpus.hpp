#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/tokenizer.hpp"
#include "genoform/io/mapped_file.hpp"

namespace genoform {

/// A text as byte tokens in three parts: for training, for validation (what a search sees), for the final test.
class Corpus {
 public:
  /// A text file, split 90 / 5 / 5 by position; or a folder with train.txt, val.txt and test.txt. Errors: unreadable, empty.
  static Result<Corpus> from_file(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return from_folder(path);
    const Result<MappedFile> file = MappedFile::open(path);
    if (!file) return file.error();
    return split(file->text(), path);
  }
  /// A text, split 90 / 5 / 5 by position. Errors: too short to give three parts.
  static Result<Corpus> from_text(std::string_view text) { return split(text, "the text"); }

  std::span<const Token> train() const { return std::span(tokens_).first(train_end_); }
  std::span<const Token> validation() const { return std::span(tokens_).subspan(train_end_, validation_end_ - train_end_); }
  std::span<const Token> test() const { return std::span(tokens_).subspan(validation_end_); }
  static constexpr double bytes_per_token() { return 1.0; }
  static constexpr std::int64_t vocabulary() { return ByteTokenizer::vocabulary; }

  /// Says which part is too short for one window of `context` inputs and their targets, if one is.
  Result<void> check_context(std::size_t context) const {
    for (const auto& [name, part] : {std::pair{"training", train()}, {"validation", validation()}, {"test", test()}})
      if (part.size() < context + 1)
        return Error{ErrorKind::input, source_ + ": the " + name + " part has " + std::to_string(part.size()) +
                                           " tokens; a context of " + std::to_string(context) + " needs " +
                                           std::to_string(context + 1)};
    return {};
  }
  /// FNV-1a over the tokens and the places of the cuts: equal corpora have equal fingerprints, on every machine.
  std::uint64_t fingerprint() const {
    std::uint64_t hash = 0xCBF29CE484222325U;
    const auto add = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001B3U; };
    for (const Token token : tokens_) add(static_cast<std::uint64_t>(token));
    add(train_end_);
    add(validation_end_);
    return hash;
  }

 private:
  Corpus(std::string source, std::vector<Token> tokens, std::size_t train_end, std::size_t validation_end)
      : source_(std::move(source)), tokens_(std::move(tokens)), train_end_(train_end), validation_end_(validation_end) {}

  static Result<Corpus> split(std::string_view text, const std::string& source) {
    if (text.empty()) return Error{ErrorKind::input, source + ": empty"};
    const std::size_t train_end = text.size() / 100 * 90 + text.size() % 100 * 90 / 100;
    const std::size_t validation_end = text.size() / 100 * 95 + text.size() % 100 * 95 / 100;
    if (train_end == validation_end || validation_end == text.size())
      return Error{ErrorKind::input, source + ": " + std::to_string(text.size()) + " bytes are too few to split 90 / 5 / 5"};
    return Corpus(source, ByteTokenizer::encode(text), train_end, validation_end);
  }

  static Result<Corpus> from_folder(const std::string& path) {
    std::string text;
    std::vector<std::size_t> ends;
    for (const char* const name : {"train.txt", "val.txt", "test.txt"}) {
      const std::string part = (std::filesystem::path(path) / name).string();
      const Result<MappedFile> file = MappedFile::open(part);
      if (!file) return file.error();
      if (file->text().empty()) return Error{ErrorKind::input, part + ": empty"};
      text += file->text();
      ends.push_back(text.size());
    }
    return Corpus(path, ByteTokenizer::encode(text), ends[0], ends[1]);
  }

  std::string source_;
  std::vector<Token> tokens_;
  std::size_t train_end_, validation_end_;
};

}  // namespace genoform
