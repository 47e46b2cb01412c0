#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "genoform/core/result.hpp"

namespace genoform::inner::io {

/// Does an error of the operating system say that there is no disk, memory or handle left? A file beyond the limit of sizes
/// (`ulimit -f`) counts as no disk; a program gets that error instead of a signal if it ignores SIGXFSZ.
constexpr bool is_exhaustion(int number) {
  return number == ENOSPC || number == EDQUOT || number == EFBIG || number == EIO || number == ENOMEM || number == EMFILE ||
         number == ENFILE;
}

/// The error of a failed call of the operating system: "FILE: cannot DO: text of errno"; ErrorKind::resources for exhaustion.
inline Error file_error(const std::string& file, std::string_view action, int number) {
  return {is_exhaustion(number) ? ErrorKind::resources : ErrorKind::input,
          file + ": cannot " + std::string(action) + ": " + std::system_category().message(number)};
}

/// An open file descriptor that closes itself.
class FileHandle {
 public:
  explicit FileHandle(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  FileHandle(FileHandle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileHandle() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const noexcept { return descriptor_; }
  bool is_open() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// The bytes of a file, read-only and mapped into memory, so that only what is used is read. The file must not be
/// shortened while it is mapped; the library's own writers replace files and never do so.
class MappedFile {
 public:
  /// Errors: a file that cannot be opened, or is a folder, a pipe or a device.
  static Result<MappedFile> open(const std::string& path) {
    const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) return file_error(path, "open", errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return file_error(path, "read", errno);
    if (S_ISDIR(status.st_mode)) return file_error(path, "read", EISDIR);
    if (!S_ISREG(status.st_mode)) return Error{ErrorKind::input, path + ": not a regular file"};
    MappedFile mapped;
    mapped.size_ = static_cast<std::size_t>(status.st_size);
    if (mapped.size_ == 0) return mapped;
    void* const start = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (start == MAP_FAILED) return file_error(path, "map", errno);
    mapped.start_ = start;
    return mapped;
  }

  MappedFile(MappedFile&& other) noexcept : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile() {
    if (start_ != nullptr) ::munmap(start_, size_);
  }

  std::span<const std::byte> bytes() const noexcept { return {static_cast<const std::byte*>(start_), size_}; }
  std::string_view text() const noexcept { return {static_cast<const char*>(start_), size_}; }

 private:
  MappedFile() = default;
  void* start_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace genoform::inner::io
