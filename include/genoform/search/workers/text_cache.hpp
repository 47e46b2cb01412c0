#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "genoform/core/result.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/workers/text_identity.hpp"
#include "genoform/search/workers/text_supply.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

namespace text_cache {

namespace fs = std::filesystem;

inline bool is_text(const fs::path& path, const TextIdentity& text) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return false;
  const Result<Corpus> corpus = Corpus::from_file(path.string());
  return corpus && TextIdentity::of(*corpus).fingerprint == text.fingerprint;
}

/// $XDG_CACHE_HOME/genoform or ~/.cache/genoform.
inline fs::path folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return fs::path(cache) / "genoform";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fs::path(home) / ".cache" / "genoform";
  throw Exception({ErrorKind::resources, "no folder to keep the text of the study in: set HOME or XDG_CACHE_HOME there"});
}

/// Held by the one of the workers of a machine that fetches a text; the others wait. After a minute they fetch it themselves.
class Lock {
 public:
  explicit Lock(const fs::path& file) : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd_ < 0) throw Exception({ErrorKind::resources, file.string() + ": " + std::strerror(errno)});
    for (int waited = 0; waited < 60'000 && ::flock(fd_, LOCK_EX | LOCK_NB) != 0; waited += 50) ::usleep(50'000);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { ::close(fd_); }

 private:
  int fd_;
};

/// Writes the three parts into a folder as Corpus::from_file reads it.
inline void fetch(const fs::path& to, const TextIdentity& text, const TextPieces& ask) {
  std::string piece;
  std::uint64_t first = 0;
  for (const auto& [name, size] : {std::pair{"train.txt", text.train}, {"val.txt", text.validation}, {"test.txt", text.test}}) {
    std::ofstream file(to / name, std::ios::binary);
    for (std::uint64_t written = 0; written < size;) {
      if (piece.empty() && (piece = ask(first)).empty())
        throw Exception({ErrorKind::input, "the text of the study ended after " + std::to_string(first) + " of " +
                                               std::to_string(text.bytes()) + " bytes"});
      const std::uint64_t count = std::min<std::uint64_t>(piece.size(), size - written);
      file.write(piece.data(), static_cast<std::streamsize>(count));
      piece.erase(0, count);
      written += count;
      first += count;
    }
    file.close();
    if (!file) throw Exception({ErrorKind::resources, (to / name).string() + ": the text of the study cannot be kept there"});
  }
}

}  // namespace text_cache

/// Where a worker has the text of a study: at `path` when that is the text, else in its cache, into which `ask` brings it when it
/// is not there. A text in the cache is whole: it is renamed to its name when its fingerprint is right. Throws Exception.
inline std::string path_of_text(const TextIdentity& text, const std::string& path, const TextPieces& ask) {
  namespace fs = std::filesystem;
  if (text.fingerprint.empty() || text.fingerprint.find_first_not_of("0123456789") != std::string::npos)
    throw Exception({ErrorKind::input, in_quotes(text.fingerprint) + " is no fingerprint of a text"});  // it names files below
  if (text_cache::is_text(path, text)) return path;
  const fs::path texts = text_cache::folder() / "texts", kept = texts / text.fingerprint;
  if (text_cache::is_text(kept, text)) return kept.string();
  std::error_code error;
  fs::create_directories(texts, error);
  if (error) throw Exception({ErrorKind::resources, texts.string() + ": " + error.message()});
  const text_cache::Lock lock(texts / (text.fingerprint + ".lock"));
  if (text_cache::is_text(kept, text)) return kept.string();
  char host[256] = {};
  (void)::gethostname(host, sizeof host - 1);  // a home folder may be shared by several machines
  const fs::path fresh = texts / (text.fingerprint + "." + host + "." + std::to_string(::getpid()));
  fs::remove_all(fresh, error);
  fs::create_directory(fresh, error);
  try {
    text_cache::fetch(fresh, text, ask);
    if (!text_cache::is_text(fresh, text))
      throw Exception({ErrorKind::input, "the text that came is not that of the study: its fingerprint is another"});
  } catch (...) {
    fs::remove_all(fresh, error);
    throw;
  }
  fs::remove_all(kept, error);  // one that was damaged
  fs::rename(fresh, kept, error);
  if (error && !text_cache::is_text(kept, text)) throw Exception({ErrorKind::resources, kept.string() + ": " + error.message()});
  fs::remove_all(fresh, error);  // where another worker was first
  return kept.string();
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
