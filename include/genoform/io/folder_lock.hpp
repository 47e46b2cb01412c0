#pragma once
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <string>
#include <utility>

#include "genoform/core/result.hpp"
#include "genoform/io/mapped_file.hpp"
#include "genoform/io/standard_descriptors.hpp"

namespace genoform::inner::io {

/// Makes sure that one run writes into a folder: a lock on the folder itself, gone with the process however it ends.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::string& folder) {
    occupy_standard_descriptors();
    FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle.is_open()) return file_error(folder, "open", errno);
    // Some network file systems cannot lock a folder; nobody else holds a lock there either.
    if (::flock(handle.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return Error{ErrorKind::input, folder + ": another run is writing into this folder; wait for it or take another folder"};
    return FolderLock(std::move(handle));
  }

 private:
  explicit FolderLock(FileHandle handle) : handle_(std::move(handle)) {}

  FileHandle handle_;
};

}  // namespace genoform::inner::io
