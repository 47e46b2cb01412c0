#include "genoform/search/workers/text_cache.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "genoform/search/workers/base64.hpp"
#include "genoform/search/workers/worker_pool.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

namespace fs = std::filesystem;

/// Random bytes, the first of the same long text.
std::string words(std::size_t bytes) {
  static const std::string text = [] {
    std::string all;
    const Random random(1, 2);
    for (std::uint64_t i = 0; all.size() < max_piece + 12345; ++i) {
      const std::uint64_t bits = random.bits(i);
      all.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    }
    return all;
  }();
  return text.substr(0, bytes);
}

/// A folder that is the cache of this process while it lives.
class Cache {
 public:
  Cache() : folder_(fs::temp_directory_path() / ("genoform-cache-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  ~Cache() {
    ::unsetenv("XDG_CACHE_HOME");
    fs::remove_all(folder_);
  }
  fs::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  fs::path folder_;
};

std::string why(const TextIdentity& text, const TextPieces& ask) {
  try {
    path_of_text(text, "/nowhere", ask);
  } catch (const Exception& error) { return error.what(); }
  return "";
}

}  // namespace

TEST_CASE("bytes in base64 are those of RFC 4648 and come out as they went in") {
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                    {"f", "Zg=="},
                                                                                    {"fo", "Zm8="},
                                                                                    {"foo", "Zm9v"},
                                                                                    {"foob", "Zm9vYg=="},
                                                                                    {"fooba", "Zm9vYmE="},
                                                                                    {"foobar", "Zm9vYmFy"}}) {
    CHECK(base64::encode(bytes) == text);
    CHECK(base64::decode(text) == bytes);
  }
  for (std::size_t size = 0; size < 260; ++size) CHECK(base64::decode(base64::encode(words(size))) == words(size));
  for (const char* wrong : {"Zg", "Zg=", "Zh==", "Zm9=", "=m9v", "Zm9v=", "Zm 9", "Z===", "====", "Zg==Zg=="})
    CHECK_FALSE(base64::decode(wrong));
}

TEST_CASE("a text travels in pieces, once, and is kept where its fingerprint says") {
  const Cache cache;
  const Corpus corpus = Corpus::from_text(words(max_piece + 12345)).value();
  const TextIdentity text = TextIdentity::of(corpus);
  int asked = 0;
  const TextPieces ask = [&, pieces = pieces_of(corpus)](std::uint64_t first) { return ++asked, pieces(first); };
  const std::string kept = path_of_text(text, "/nowhere", ask);
  CHECK(kept == (cache / ("genoform/texts/" + text.fingerprint)).string());
  CHECK(Corpus::from_file(kept)->fingerprint() == corpus.fingerprint());
  CHECK(asked == 2);
  CHECK(pieces_of(corpus)(text.bytes()).empty());
  CHECK(path_of_text(text, "/nowhere", ask) == kept);
  CHECK(asked == 2);

  std::ofstream(fs::path(kept) / "val.txt", std::ios::app) << "more";  // damaged: it comes anew
  CHECK(path_of_text(text, "/nowhere", ask) == kept);
  CHECK(asked == 4);
  CHECK(Corpus::from_file(kept)->fingerprint() == corpus.fingerprint());
  for (const auto& entry : fs::directory_iterator(cache / "genoform/texts"))  // no piece of work is left
    CHECK((entry.path() == kept || entry.path().extension() == ".lock"));
}

TEST_CASE("a text that is there is used where it lies, as a file or a folder") {
  const Cache cache;
  const std::string bytes = words(5000);
  const TextIdentity text = TextIdentity::of(Corpus::from_text(bytes).value());
  const TextPieces never = [](std::uint64_t) -> std::string { throw Exception({ErrorKind::input, "asked"}); };
  const std::string file = (cache / "text").string(), folder = (cache / "parts").string();
  std::ofstream(file, std::ios::binary) << bytes;
  CHECK(path_of_text(text, file, never) == file);
  fs::create_directory(folder);
  std::ofstream(folder + "/train.txt", std::ios::binary) << bytes.substr(0, text.train);
  std::ofstream(folder + "/val.txt", std::ios::binary) << bytes.substr(text.train, text.validation);
  std::ofstream(folder + "/test.txt", std::ios::binary) << bytes.substr(text.train + text.validation);
  CHECK(path_of_text(text, folder, never) == folder);
  std::ofstream(file, std::ios::binary | std::ios::app) << "x";  // another text of that name is not taken
  CHECK_THROWS_WITH(path_of_text(text, file, never), "asked");
}

TEST_CASE("a text that does not come as it should is an error and leaves nothing in the cache") {
  const Cache cache;
  const Corpus corpus = Corpus::from_text(words(5000)).value();
  const TextIdentity text = TextIdentity::of(corpus);
  CHECK(why(text, [&](std::uint64_t first) { return first == 0 ? pieces_of(corpus)(0).substr(0, 100) : ""; }) ==
        "the text of the study ended after 100 of 5000 bytes");
  CHECK(why(text, [&](std::uint64_t first) { return std::string(5000 - first, 'x'); }).find("its fingerprint is another") !=
        std::string::npos);
  CHECK(why({"../../etc", 1, 1, 1}, pieces_of(corpus)).find("\"../../etc\" is no fingerprint") != std::string::npos);
  for (const auto& entry : fs::directory_iterator(cache / "genoform/texts")) CHECK(entry.path().extension() == ".lock");
  ::setenv("XDG_CACHE_HOME", "/proc/none", 1);
  CHECK(why(text, pieces_of(corpus)).find("/proc/none/genoform/texts") == 0);
}

TEST_CASE("workers on one machine fetch a text once") {
  const Cache cache;
  const Corpus corpus = Corpus::from_text(words(max_piece + 1)).value();
  const TextIdentity text = TextIdentity::of(corpus);
  const Launcher launch = [&](int) {
    return std::make_unique<WorkerProcess>(
        [&](int fd) {
          return run_worker(Channel(fd), [](const nlohmann::json& setup, const TextPieces& ask) {
            path_of_text(from_json<TextIdentity>(setup, "setup"), "/nowhere", ask);
            return std::make_unique<Fake>(nlohmann::json::object());
          });
        },
        -1);
  };
  int asked = 0;
  WorkerPool pool(4, launch, json_of(text), [&](std::uint64_t first) { return ++asked, pieces_of(corpus)(first); });
  for (int i = 0; i < 600 && pool.idle().size() < 4; ++i) pool.wait(0.05);
  CHECK(pool.idle().size() == 4);
  CHECK(asked == 2);
}

TEST_CASE("a finalist's files come from the worker, in pieces, and only those of the last attempt stay") {
  struct Leaves : Evaluator {
    TrainReply train(const TrainRequest&) override { return {}; }
    FinalReply train_final(const FinalRequest& request) override {
      fs::create_directories(request.folder);
      std::ofstream(fs::path(request.folder) / "model.safetensors", std::ios::binary) << words(max_piece + 99);
      std::ofstream(fs::path(request.folder) / "empty");
      return {};
    }
  };
  const fs::path folder = fs::temp_directory_path() / ("genoform-carried-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "model.safetensors") << "of an attempt that died";
  WorkerPool pool(1, forked_evaluator([](const nlohmann::json&) { return std::make_unique<Leaves>(); }), {});
  while (pool.idle().empty()) pool.wait(0.05);
  FinalRequest request;
  request.folder = folder.string();
  pool.start(0, {7, request}, 30);
  std::vector<Reply> replies;
  for (int i = 0; i < 600 && replies.empty(); ++i) replies = pool.wait(0.05);
  REQUIRE(replies.size() == 1);
  CHECK(replies.front().kind == Reply::Kind::answer);
  std::ifstream file(folder / "model.safetensors", std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == words(max_piece + 99));
  CHECK(fs::file_size(folder / "empty") == 0);
  fs::remove_all(folder);
}
