#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "genoform/core/result.hpp"
#include "genoform/io/mapped_file.hpp"
#include "genoform/io/standard_descriptors.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

namespace atomic_file {

inline std::filesystem::path folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? std::filesystem::path(".") : folder;
}

/// Makes renames and new names in a folder durable.
inline Result<void> sync_folder(const std::filesystem::path& folder) {
  const FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.is_open()) return file_error(folder.string(), "open", errno);
  // Some file systems cannot sync a folder and say EINVAL: nothing more can be done there.
  if (::fsync(handle.get()) != 0 && errno != EINVAL) return file_error(folder.string(), "sync", errno);
  return {};
}

/// Removes temporary files that writers of `path` left when they were killed. A living writer holds a lock on its own.
inline void remove_stale(const std::string& path) {
  const std::string prefix = std::filesystem::path(path).filename().string() + ".tmp.";
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(folder_of(path), ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (entry->path().filename().string().compare(0, prefix.size(), prefix) != 0) continue;
    const FileHandle file(::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry->path().c_str());
  }
}

/// The file that a write to `path` reaches: links stay links.
inline std::string behind_links(const std::string& path) {
  std::error_code failed;
  std::filesystem::path target = path;
  constexpr int max_links = 40;  // of Linux
  for (int i = 0; i < max_links && std::filesystem::is_symlink(target, failed); ++i) {
    const std::filesystem::path next = std::filesystem::read_symlink(target, failed);
    if (failed) return path;
    target = target.parent_path() / next;  // of an absolute one: itself
  }
  return target.string();
}

}  // namespace atomic_file

/// A file that comes into being whole or not at all: written under a temporary name in the same folder, synced, renamed,
/// folder synced. Until commit() succeeds, and on every error, what stood under `path` stays as it was. A link stays a link: the
/// file behind it is replaced. A device or a pipe is no file to replace: the bytes are written to it.
class AtomicFile {
 public:
  static Result<AtomicFile> create(std::string path) {
    occupy_standard_descriptors();
    struct stat there {};
    if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) return open_special(std::move(path));
    static std::atomic<unsigned> counter{0};
    std::string target = atomic_file::behind_links(path);
    atomic_file::remove_stale(target);
    for (;;) {
      std::string temporary = target + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
      FileHandle file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (!file.is_open() && errno == EEXIST) continue;
      if (!file.is_open()) return file_error(path, "create", errno);
      // Without locks (some network file systems) nobody else can take the file for stale either.
      static_cast<void>(::flock(file.get(), LOCK_EX));
      struct stat status {};
      if (::fstat(file.get(), &status) != 0) return file_error(path, "create", errno);
      if (status.st_nlink == 0) continue;  // another writer saw it before it was locked, and removed it
      return AtomicFile(std::move(path), std::move(target), std::move(temporary), std::move(file));
    }
  }

  AtomicFile(AtomicFile&& other) noexcept
      : path_(std::move(other.path_)),
        target_(std::move(other.target_)),
        temporary_(std::exchange(other.temporary_, {})),
        file_(std::move(other.file_)) {}
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  Result<void> write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), std::min(bytes.size(), std::size_t{1} << 30U));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return file_error(path_, "write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }
  Result<void> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

  Result<void> commit() {
    if (temporary_.empty()) return {};  // a device or a pipe has it already
    if (::fsync(file_.get()) != 0) return file_error(path_, "sync", errno);
    if (std::rename(temporary_.c_str(), target_.c_str()) != 0) return file_error(path_, "replace", errno);
    temporary_.clear();
    return atomic_file::sync_folder(atomic_file::folder_of(target_));
  }

 private:
  AtomicFile(std::string path, std::string target, std::string temporary, FileHandle file)
      : path_(std::move(path)), target_(std::move(target)), temporary_(std::move(temporary)), file_(std::move(file)) {}

  static Result<AtomicFile> open_special(std::string path) {
    FileHandle file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open()) return file_error(path, "write", errno);
    return AtomicFile(std::move(path), {}, {}, std::move(file));
  }

  std::string path_;       ///< as it was given, for messages
  std::string target_;     ///< the file behind it
  std::string temporary_;  ///< empty: written through, or renamed already
  FileHandle file_;
};

/// Replaces the file `path` by `text`, whole or not at all.
inline Result<void> write_file_atomically(const std::string& path, std::string_view text) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) return file.error();
  if (Result<void> written = file->write(text); !written) return written;
  return file->commit();
}

}  // namespace genoform::inner::io

#include "genoform/core/restore_macros.hpp"
