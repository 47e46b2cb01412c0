#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/io/mapped_file.hpp"
#include "genoform/io/standard_descriptors.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Makes sure that one coordinator writes a study: a lock beside SQLite's own, gone with the process however it ends. Workers of
/// a coordinator that was killed hold it until they notice, so a taken lock is asked for again for a while.
class WriterLock {
 public:
  explicit WriterLock(const std::string& path) : fd_(open(path)) {
    if (fd_ < 0) throw Exception(io::file_error(path, "open", errno));
    for (int waited = 0; waited < max_milliseconds; waited += 20) {
      if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
      ::usleep(20000);
    }
    ::close(fd_);
    throw Exception({ErrorKind::input, path + ": another search is writing this study; wait for it or choose another --study"});
  }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;
  ~WriterLock() { ::close(fd_); }

 private:
  static constexpr int max_milliseconds = 2000;

  static int open(const std::string& path) {
    io::occupy_standard_descriptors();
    return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  }

  int fd_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
