#pragma once
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>

namespace genoform::search {

/// Lines that another program writes into a pipe, socket or file. A last line may lack its end.
class LineReader {
 public:
  enum class Read { line, nothing, closed, too_long };

  /// A line of more than `max_line` bytes is left out.
  LineReader(int fd, std::size_t max_line) : fd_(fd), max_line_(max_line) {}

  std::size_t max_line() const { return max_line_; }

  /// The next line without its end, or `nothing` when none is whole after `milliseconds`. A line that is too long is reported
  /// once, when that is known.
  Read next(std::string& line, int milliseconds) {
    for (;;) {
      if (const Read taken = take(line); taken != Read::nothing) return taken;
      if (is_closed_) return Read::closed;
      pollfd end{fd_, POLLIN, 0};
      const int ready = ::poll(&end, 1, milliseconds);
      if (ready == 0 || (ready < 0 && errno == EINTR)) return Read::nothing;
      fill();
    }
  }

 private:
  Read take(std::string& line) {
    const std::size_t end = buffer_.find('\n', searched_);
    const bool is_whole = end != std::string::npos || (is_closed_ && !buffer_.empty());
    const std::size_t size = end != std::string::npos ? end : buffer_.size();
    if (size <= max_line_ && !is_whole) {
      searched_ = buffer_.size();
      return Read::nothing;
    }
    const bool is_fine = size <= max_line_ && !is_skipping_, is_new = !is_skipping_;
    if (is_fine) line.assign(buffer_, 0, size);
    buffer_.erase(0, end != std::string::npos ? end + 1 : size);
    searched_ = 0;
    is_skipping_ = !is_whole;
    return is_fine ? Read::line : is_new ? Read::too_long : take(line);
  }

  void fill() {
    char bytes[65536];
    const ssize_t n = ::read(fd_, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0)
      is_closed_ = true;
    else
      buffer_.append(bytes, static_cast<std::size_t>(n));
  }

  int fd_;
  std::size_t max_line_;
  std::string buffer_;
  std::size_t searched_ = 0;  ///< so many bytes of the buffer hold no end of a line
  bool is_skipping_ = false, is_closed_ = false;
};

}  // namespace genoform::search
