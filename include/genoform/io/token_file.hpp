#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/io/atomic_file.hpp"
#include "genoform/io/mapped_file.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

/// The two layouts of llm.c's .bin files (docs/formats/model.md section 3): ids of 16 or of 32 bits.
enum class TokenWidth { bits16, bits32 };

namespace token_file {

inline constexpr std::size_t header_words = 256;
inline constexpr std::size_t header_bytes = header_words * 4;

struct Variant {
  std::int32_t magic, version;
  std::size_t id_bytes;
};
inline constexpr Variant variant16{20240520, 1, 2}, variant32{20240801, 7, 4};

/// What the header says: bytes of an id, number of tokens.
struct Layout {
  std::size_t id_bytes = 0, count = 0;
};

/// Checks the header of the whole file `bytes`. Bytes behind the last token are allowed.
inline Result<Layout> parse_header(std::span<const std::byte> bytes, const std::string& file) {
  const auto error = [&](const std::string& text) { return Error{ErrorKind::input, file + ": " + text}; };
  if (bytes.size() < header_bytes)
    return error("a token file starts with " + std::to_string(header_bytes) + " bytes of header, this one has " +
                 std::to_string(bytes.size()));
  std::array<std::int32_t, 3> words{};
  std::memcpy(words.data(), bytes.data(), sizeof words);
  const auto& [magic, version, count] = words;
  if (magic != variant16.magic && magic != variant32.magic)
    return error("byte 0: found " + std::to_string(magic) + "; allowed is " + std::to_string(variant16.magic) + " or " +
                 std::to_string(variant32.magic));
  const Variant& variant = magic == variant16.magic ? variant16 : variant32;
  if (version != variant.version)
    return error("byte 4: found version " + std::to_string(version) + "; allowed is " + std::to_string(variant.version));
  if (count < 0) return error("byte 8: a count of " + std::to_string(count) + " tokens");
  const std::uint64_t needed = header_bytes + static_cast<std::uint64_t>(count) * variant.id_bytes;
  if (bytes.size() < needed)
    return error("byte 8: " + std::to_string(count) + " tokens need " + std::to_string(needed) + " bytes, the file has " +
                 std::to_string(bytes.size()));
  return Layout{variant.id_bytes, static_cast<std::size_t>(count)};
}

/// Tokens first .. first + count - 1. Errors: beyond the end, an id that is not below `vocabulary`.
inline Result<std::vector<Token>> parse_tokens(std::span<const std::byte> bytes, Layout layout, std::size_t first,
                                               std::size_t count, std::int64_t vocabulary, const std::string& file) {
  if (first > layout.count || count > layout.count - first)
    return Error{ErrorKind::input, file + ": " + std::to_string(count) + " tokens from token " + std::to_string(first) +
                                       " on are needed, the file has " + std::to_string(layout.count)};
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t id = 0;
    std::memcpy(&id, bytes.data() + header_bytes + (first + i) * layout.id_bytes, layout.id_bytes);
    if (id >= vocabulary)
      return Error{ErrorKind::input, file + ": byte " + std::to_string(header_bytes + (first + i) * layout.id_bytes) +
                                         ": token " + std::to_string(first + i) + " is " + std::to_string(id) + "; ids below " +
                                         std::to_string(vocabulary) + " are allowed"};
    tokens[i] = static_cast<Token>(id);
  }
  return tokens;
}

}  // namespace token_file

/// A token file, mapped into memory; its header is checked when it is opened, its ids when they are read.
class TokenFile {
 public:
  static Result<TokenFile> open(const std::string& path) {
    Result<MappedFile> file = MappedFile::open(path);
    if (!file) return file.error();
    const Result<token_file::Layout> layout = token_file::parse_header(file->bytes(), path);
    if (!layout) return layout.error();
    return TokenFile(path, std::move(*file), *layout);
  }

  std::size_t size() const { return layout_.count; }
  /// Tokens first .. first + count - 1. Errors: beyond the end, an id outside 0 .. vocabulary - 1.
  Result<std::vector<Token>> read(std::size_t first, std::size_t count,
                                  std::int64_t vocabulary = std::int64_t{std::numeric_limits<Token>::max()} + 1) const {
    return token_file::parse_tokens(file_.bytes(), layout_, first, count, vocabulary, path_);
  }

 private:
  TokenFile(std::string path, MappedFile file, token_file::Layout layout)
      : path_(std::move(path)), file_(std::move(file)), layout_(layout) {}

  std::string path_;
  MappedFile file_;
  token_file::Layout layout_;
};

/// Writes a token file, whole or not at all. Errors (ErrorKind::usage): an id that does not fit, 2^31 tokens or more.
inline Result<void> write_token_file(const std::string& path, std::span<const Token> tokens,
                                     TokenWidth width = TokenWidth::bits16) {
  const token_file::Variant& variant = width == TokenWidth::bits16 ? token_file::variant16 : token_file::variant32;
  const Token largest = width == TokenWidth::bits16 ? 0xFFFF : std::numeric_limits<Token>::max();
  if (tokens.size() > std::size_t{std::numeric_limits<std::int32_t>::max()})
    return Error{ErrorKind::usage, path + ": a token file holds fewer than 2^31 tokens, not " + std::to_string(tokens.size())};
  const auto wrong = std::ranges::find_if(tokens, [&](Token id) { return id < 0 || id > largest; });
  if (wrong != tokens.end())
    return Error{ErrorKind::usage, path + ": token " + std::to_string(wrong - tokens.begin()) + " is " + std::to_string(*wrong) +
                                       "; ids from 0 to " + std::to_string(largest) + " fit"};
  std::vector<std::int32_t> header(token_file::header_words);
  header[0] = variant.magic;
  header[1] = variant.version;
  header[2] = static_cast<std::int32_t>(tokens.size());
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) return file.error();
  if (Result<void> written = file->write(std::as_bytes(std::span(header))); !written) return written;
  const std::vector<std::uint16_t> narrow =
      width == TokenWidth::bits16 ? std::vector<std::uint16_t>(tokens.begin(), tokens.end()) : std::vector<std::uint16_t>{};
  const auto ids = width == TokenWidth::bits16 ? std::as_bytes(std::span(narrow)) : std::as_bytes(tokens);
  if (Result<void> written = file->write(ids); !written) return written;
  return file->commit();
}

}  // namespace genoform::inner::io

#include "genoform/core/restore_macros.hpp"
