#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::io {

/// Opens those of the descriptors 0 to 2 that are closed, so that no file gets one of them and with it what is meant for the
/// standard streams. They are opened the wrong way round: reading and writing fail as they did while they were closed, and nobody
/// takes output that is lost for written.
inline void occupy_standard_descriptors() noexcept {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free descriptor is opened, this one, unless another thread is faster. Programs that are started inherit it.
    const int opened = ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened > STDERR_FILENO) ::close(opened);
  }
}

}  // namespace genoform::inner::io
