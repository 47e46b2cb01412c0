#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace genoform::search {

/// The end of what a process wrote on its standard error, for the sentence that says why it ended.
class ErrorOutput {
 public:
  ErrorOutput() = default;
  /// Owns the end of the pipe to read from.
  explicit ErrorOutput(int fd) : fd_(fd) { ::fcntl(fd, F_SETFL, O_NONBLOCK); }
  ErrorOutput(const ErrorOutput&) = delete;
  ErrorOutput& operator=(const ErrorOutput&) = delete;
  ~ErrorOutput() { close(); }

  /// -1 when nothing more can come.
  int fd() const { return fd_; }

  /// Takes what has arrived.
  void read() {
    char bytes[4096];
    while (fd_ >= 0) {
      const ssize_t n = ::read(fd_, bytes, sizeof bytes);
      if (n < 0) return;  // nothing now
      if (n == 0) return close();
      text_.append(bytes, static_cast<std::size_t>(n));
      if (text_.size() > 2 * kept) text_.erase(0, text_.size() - kept);
    }
  }

  /// The last line that is not empty, with the one before it when both are short, "one | two"; empty when there is none.
  std::string last_lines() const {
    std::string lines;
    std::size_t end = text_.size();
    for (int found = 0; found < 2; ++found) {
      const std::size_t last = text_.substr(0, end).find_last_not_of(" \t\r\n");
      if (last == std::string::npos) break;
      const std::size_t before = text_.rfind('\n', last);
      const std::size_t first = before == std::string::npos ? 0 : before + 1;
      const std::string line = text_.substr(first, last + 1 - first);
      if (found == 1 && line.size() + lines.size() > 110) break;  // a message quotes 120 bytes
      lines = found == 0 ? line : line + " | " + lines;
      end = first;
    }
    return lines;
  }

 private:
  static constexpr std::size_t kept = 4096;

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  int fd_ = -1;
  std::string text_;
};

}  // namespace genoform::search
