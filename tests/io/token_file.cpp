#include <genoform/io/token_file.hpp>

#include <rapidcheck.h>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {
std::string header(std::int32_t magic, std::int32_t version, std::int32_t count) {
  std::string bytes(1024, '\0');
  const std::int32_t words[]{magic, version, count};
  std::memcpy(bytes.data(), words, sizeof words);
  return bytes;
}
}  // namespace

TEST_CASE("token files have the bytes of llm.c in both widths") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.bin";
  const std::vector<Token> tokens{1, 258, 65535};
  REQUIRE(write_token_file(file, tokens));
  CHECK(read_bytes(file) == header(20240520, 1, 3) + std::string("\x01\x00\x02\x01\xFF\xFF", 6));
  REQUIRE(write_token_file(file, tokens, TokenWidth::bits32));
  CHECK(read_bytes(file) == header(20240801, 7, 3) + std::string("\x01\0\0\0\x02\x01\0\0\xFF\xFF\0\0", 12));
  const auto read = TokenFile::open(file);
  REQUIRE(read);
  CHECK(read->size() == 3);
  CHECK(read->read(1, 2).value() == std::vector<Token>{258, 65535});
  CHECK(read->read(3, 0).value().empty());
}

TEST_CASE("token files come back as they were") {
  const TemporaryFolder folder;
  CHECK(rc::check("token file round trip", [&folder] {
    const bool wide = *rc::gen::arbitrary<bool>();
    const auto tokens =
        *rc::gen::container<std::vector<Token>>(rc::gen::inRange<Token>(0, wide ? std::numeric_limits<Token>::max() : 65536));
    const std::string file = folder / "a.bin";
    RC_ASSERT(write_token_file(file, tokens, wide ? TokenWidth::bits32 : TokenWidth::bits16).ok());
    const auto read = TokenFile::open(file);
    RC_ASSERT(read.ok());
    RC_ASSERT(read->read(0, read->size()).value() == tokens);
  }));
}

TEST_CASE("a wrong token file is refused with the file and the byte") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.bin";
  const auto error = [&](const std::string& bytes) {
    write_bytes(file, bytes);
    const auto read = TokenFile::open(file);
    if (read) return std::string();
    CHECK(read.error().error_kind == ErrorKind::input);
    return read.error().message.substr(file.size() + 2);
  };
  const std::string data(6, '\1');
  CHECK(error(header(20240520, 1, 3) + data).empty());
  CHECK(error(header(20240520, 1, 3) + data + "more").empty());
  CHECK(error(header(20240520, 1, 0)).empty());
  CHECK(error(header(20240520, 1, 4) + data) == "byte 8: 4 tokens need 1032 bytes, the file has 1030");
  CHECK(error(header(20240801, 7, 3) + data) == "byte 8: 3 tokens need 1036 bytes, the file has 1030");
  CHECK(error(header(20240520, 1, -1) + data) == "byte 8: a count of -1 tokens");
  CHECK(error(header(20240520, 7, 3) + data) == "byte 4: found version 7; allowed is 1");
  CHECK(error(header(20240521, 1, 3) + data) == "byte 0: found 20240521; allowed is 20240520 or 20240801");
  CHECK(error(header(20240520, 1, 2147483647) + data) == "byte 8: 2147483647 tokens need 4294968318 bytes, the file has 1030");
  const std::string whole = header(20240520, 1, 3) + data;
  for (std::size_t length = 0; length < whole.size(); ++length)
    REQUIRE_FALSE(token_file::parse_header(std::as_bytes(std::span(whole)).first(length), file));
}

TEST_CASE("only ids of the vocabulary are read, and only the used ones are looked at") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.bin";
  REQUIRE(write_token_file(file, std::vector<Token>{1, 2, 300, 4}));
  const auto read = TokenFile::open(file);
  REQUIRE(read);
  CHECK(read->read(0, 2, 256));
  CHECK(read->read(0, 3, 256).error().message == file + ": byte 1028: token 2 is 300; ids below 256 are allowed");
  CHECK(read->read(0, 3, 301));
  CHECK(read->read(2, 3, 500).error().message == file + ": 3 tokens from token 2 on are needed, the file has 4");
  CHECK(read->read(5, 0).error().error_kind == ErrorKind::input);
  CHECK_FALSE(read->read(1, std::numeric_limits<std::size_t>::max()));

  write_bytes(file, header(20240801, 7, 1) + std::string(4, '\xFF'));
  CHECK(TokenFile::open(file)->read(0, 1).error().message ==
        file + ": byte 1024: token 0 is 4294967295; ids below 2147483648 are allowed");
}

TEST_CASE("ids that do not fit are not written") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.bin";
  CHECK(write_token_file(file, std::vector<Token>{0, 65536}).error().message ==
        file + ": token 1 is 65536; ids from 0 to 65535 fit");
  CHECK(write_token_file(file, std::vector<Token>{-1}, TokenWidth::bits32).error().error_kind == ErrorKind::usage);
  CHECK(write_token_file(file, std::vector<Token>{65536}, TokenWidth::bits32));
}
