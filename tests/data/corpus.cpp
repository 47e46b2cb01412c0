#include <genoform/data/corpus.hpp>
#include <genoform/data/synthetic.hpp>

#include <rapidcheck.h>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {
std::string string_of(TokenView tokens) { return ByteTokenizer::decode(tokens).value(); }
}  // namespace

TEST_CASE("byte tokens decode to the text that they were made of, whatever its bytes") {
  CHECK(rc::check("byte tokenizer round trip", [](const std::string& text) {
    const auto tokens = ByteTokenizer::encode(text);
    RC_ASSERT(tokens.size() == text.size());
    for (const Token token : tokens) RC_ASSERT(token >= 0 && token < ByteTokenizer::vocabulary);
    RC_ASSERT(string_of(tokens) == text);
  }));
  CHECK(ByteTokenizer::encode("\xFF")[0] == 255);
  CHECK(ByteTokenizer::decode(std::vector<Token>{65, 256}).error().message == "token 1 is 256; bytes are 0 to 255");
  CHECK_FALSE(ByteTokenizer::decode(std::vector<Token>{-1}));
}

TEST_CASE("a text is split 90 / 5 / 5 by position and nothing is lost") {
  const std::string text = synthetic_text(1234, 1);
  const Corpus corpus = Corpus::from_text(text);
  CHECK(corpus.train().size() == 1110);
  CHECK(corpus.validation().size() == 62);
  CHECK(corpus.test().size() == 62);
  CHECK(string_of(corpus.train()) + string_of(corpus.validation()) + string_of(corpus.test()) == text);
  CHECK(corpus.bytes_per_token() == 1.0);
}

TEST_CASE("a corpus is read from a text file or from a folder of three") {
  const TemporaryFolder folder;
  write_bytes(folder / "one.txt", synthetic_text(200, 1));
  CHECK(Corpus::from_file(folder / "one.txt")->train().size() == 180);
  for (const auto& [name, text] : {std::pair{"train.txt", "training"}, {"val.txt", "validating"}, {"test.txt", "test"}})
    write_bytes(folder / name, text);
  const Corpus corpus = Corpus::from_file(folder.path());
  CHECK(string_of(corpus.train()) == "training");
  CHECK(string_of(corpus.validation()) == "validating");
  CHECK(string_of(corpus.test()) == "test");
}

TEST_CASE("a corpus that cannot serve is refused with its name") {
  const TemporaryFolder folder;
  CHECK(Corpus::from_file(folder / "none.txt").error().message == folder / "none.txt: cannot open: No such file or directory");
  CHECK_THROWS_AS([&] { const Corpus corpus = Corpus::from_file(folder / "none.txt"); }(), Exception);
  CHECK(Corpus::from_file(folder.path()).error().message == folder / "train.txt: cannot open: No such file or directory");
  write_bytes(folder / "train.txt", "training");
  write_bytes(folder / "val.txt", "");
  CHECK(Corpus::from_file(folder.path()).error().message == folder / "val.txt: empty");
  CHECK(Corpus::from_file(folder / "val.txt").error().message == folder / "val.txt: empty");
  CHECK(Corpus::from_text("").error().message == "the text: empty");
  CHECK(Corpus::from_text("short").error().message == "the text: 5 bytes are too few to split 90 / 5 / 5");

  const Corpus corpus = Corpus::from_text(synthetic_text(1000, 1));
  CHECK(corpus.check_context(49));
  const auto checked = corpus.check_context(50);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message == "the text: the validation part has 50 tokens; a context of 50 needs 51");
}

TEST_CASE("a file that is compressed or in UTF-16 is named, not trained on") {
  const TemporaryFolder folder;
  using namespace std::string_literals;
  const std::string tail(100, 'x');
  for (const auto& [start, name] : {std::pair{"\x1F\x8B\x08"s, "compressed by gzip"},
                                    {"\x28\xB5\x2F\xFD"s, "compressed by zstd"},
                                    {"\xFD\x37zXZ\0"s, "compressed by xz"},
                                    {"BZh91AY&SY"s, "compressed by bzip2"},
                                    {"PK\3\4"s, "a zip archive"},
                                    {"\xFF\xFE"s, "in UTF-16"},
                                    {"\xFE\xFF"s, "in UTF-16"}}) {
    write_bytes(folder / "text", start + tail);
    CHECK(Corpus::from_file(folder / "text").error().message ==
          folder / "text: " + name + ", no plain text; unpack it or convert it to UTF-8 first");
  }
  for (const char* const start : {"BZh", "PK", "\xEF\xBB\xBF", "\xE9"}) {
    write_bytes(folder / "text", start + tail);
    CHECK(Corpus::from_file(folder / "text"));
  }
}

TEST_CASE("every text is either split into three parts or refused") {
  for (std::size_t size = 1; size < 300; ++size) {
    const auto corpus = Corpus::from_text(std::string(size, 'x'));
    if (!corpus) {
      CHECK(size < 20);
      continue;
    }
    CHECK(corpus->train().size() + corpus->validation().size() + corpus->test().size() == size);
    CHECK_FALSE(corpus->validation().empty());
    CHECK_FALSE(corpus->test().empty());
  }
}

TEST_CASE("a fingerprint tells corpora apart") {
  const TemporaryFolder folder;
  std::string text = synthetic_text(1000, 1);
  const Corpus corpus = Corpus::from_text(text);
  write_bytes(folder / "a.txt", text);
  CHECK(Corpus::from_file(folder / "a.txt")->fingerprint() == corpus.fingerprint());
  text[500] ^= 1;
  CHECK(Corpus::from_text(text)->fingerprint() != corpus.fingerprint());
  text[500] ^= 1;
  write_bytes(folder / "train.txt", text.substr(0, 901));
  write_bytes(folder / "val.txt", text.substr(901, 49));
  write_bytes(folder / "test.txt", text.substr(950));
  CHECK(Corpus::from_file(folder.path())->fingerprint() != corpus.fingerprint());
}

TEST_CASE("a byte text takes one byte of memory a token, and its fingerprint is the same as ever") {
  const Corpus corpus = Corpus::from_text(synthetic_text(1000, 1));
  CHECK(corpus.train().bytes_per_token() == 1);
  CHECK(corpus.vocabulary() == 256);
  // Checkpoints hold it: another value would refuse to resume every run that was saved before.
  CHECK(corpus.fingerprint() == 0x5DD55C2EBA868205U);
}

TEST_CASE("tokens of any vocabulary make a corpus, in as few bytes as they need") {
  std::vector<Token> tokens(1000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i * 7 % 200);
  for (const auto& [vocabulary, bytes] :
       {std::pair<std::int64_t, std::size_t>{200, 1}, {256, 1}, {257, 2}, {65'536, 2}, {65'537, 4}}) {
    const Corpus corpus = Corpus::from_tokens(tokens, vocabulary, 4.5);
    CHECK(corpus.train().bytes_per_token() == bytes);
    CHECK(corpus.vocabulary() == vocabulary);
    CHECK(corpus.bytes_per_token() == 4.5);
    CHECK(corpus.train().size() == 900);
    CHECK(corpus.validation().to_vector() == std::vector<Token>(tokens.begin() + 900, tokens.begin() + 950));
    CHECK(std::ranges::equal(corpus.test(), std::span(tokens).subspan(950)));
    CHECK(corpus.fingerprint() == Corpus::from_tokens(tokens, 200)->fingerprint());
  }
  tokens[3] = 65'535;
  CHECK(Corpus::from_tokens(tokens, 65'536)->train()[3] == 65'535);
  tokens[3] = 2'000'000'000;
  CHECK(Corpus::from_tokens(tokens, 2'000'000'001)->train()[3] == 2'000'000'000);
}

TEST_CASE("the bytes of a text as tokens make the same corpus as the text") {
  const std::string text = synthetic_text(1000, 1) + "\xFF";
  CHECK(Corpus::from_tokens(ByteTokenizer::encode(text), 256)->fingerprint() == Corpus::from_text(text)->fingerprint());
}

TEST_CASE("the parts of a corpus can be given, and those for measuring may be absent") {
  const std::vector<Token> a{1, 2, 3, 4}, b{5, 6}, c{7};
  const Corpus all = Corpus::from_tokens({.train = a, .validation = b, .test = c}, 8);
  CHECK(all.train().to_vector() == a);
  CHECK(all.validation().to_vector() == b);
  CHECK(all.test().to_vector() == c);
  const Corpus only = Corpus::from_tokens({.train = a, .validation = {}, .test = {}}, 8);
  CHECK(only.validation().empty());
  CHECK(only.check_context(3));
  CHECK(only.check_context(4).error().message == "the text: the training part has 4 tokens; a context of 4 needs 5");
  CHECK(Corpus::from_tokens({.train = {}, .validation = b, .test = c}, 8).error().message ==
        "the text: the training part is empty");
}

TEST_CASE("tokens that cannot serve are refused with their position") {
  const std::vector<Token> tokens(100, 5);
  std::vector<Token> negative = tokens;
  negative[42] = -1;
  CHECK(Corpus::from_tokens(tokens, 5).error().message == "token 0 is 5; allowed are 0 to 4");
  CHECK(Corpus::from_tokens(negative, 6).error().message == "token 42 is -1; allowed are 0 to 5");
  CHECK(Corpus::from_tokens(std::vector<Token>(7), 6).error().message == "the text: 7 tokens are too few to split 90 / 5 / 5");
  CHECK(Corpus::from_tokens(tokens, 0).error().error_kind == ErrorKind::usage);
  CHECK(Corpus::from_tokens(tokens, 6, 0).error().error_kind == ErrorKind::usage);
}

TEST_CASE("a copy of a corpus outlives the first") {
  std::vector<Corpus> copies;
  {
    const Corpus first = Corpus::from_text(synthetic_text(1000, 1));
    copies.push_back(first);
  }
  CHECK(string_of(copies[0].train()) == synthetic_text(1000, 1).substr(0, 900));
}

TEST_CASE("synthetic text depends on the seed alone, and a longer one begins like a shorter one") {
  CHECK(synthetic_text(0, 1).empty());
  for (const std::size_t bytes : {1U, 2U, 100U, 5000U}) CHECK(synthetic_text(bytes, 7).size() == bytes);
  const std::string text = synthetic_text(5000, 7);
  CHECK(text == synthetic_text(5000, 7));
  CHECK(text.starts_with(synthetic_text(100, 7)));
  CHECK(text != synthetic_text(5000, 8));
  CHECK(synthetic_text(61, 1) == "The storm found the young island beyond the gardener. The bir");
  std::set<char> letters(text.begin(), text.end());
  for (const char c : letters) CHECK(((c >= 'a' && c <= 'z') || c == 'T' || c == ' ' || c == ',' || c == '.' || c == '\n'));
  CHECK(letters.size() > 20);
}

TEST_CASE("a text that is larger than the memory is refused before it is copied, and a shorter text is the advice") {
  const TemporaryFolder folder;
  for (const char* const name : {"train.txt", "val.txt", "test.txt"}) write_bytes(folder / name, "a text");
  // A file of holes, which takes no room on the disk.
  const std::string file = folder / "train.txt";
  std::filesystem::resize_file(file, static_cast<std::uintmax_t>(available_memory()) + (std::uintmax_t{1} << 32U));
  for (const std::string& path : {file, folder.path()}) {
    const Error error = Corpus::from_file(path).error();
    CHECK(error.error_kind == ErrorKind::resources);
    CHECK(error.message.starts_with(file + ": needs "));
    CHECK(error.message.ends_with(" MiB are available; take a shorter text"));
  }
}
