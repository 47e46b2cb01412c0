#pragma once
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/search/json.hpp"

namespace genoform::search {

/// Coordinator and workers exchange lines of JSON (messages.hpp). The coordinator sends the setup, then requests; a worker says
/// which version it speaks when it is set up and answers each request with a reply or an error.
inline constexpr int protocol_version = 4;

/// One end of a connection: a socket, or two pipes as between a program and its standard input and output. A line longer than
/// `max_line` is a protocol error.
class Channel {
 public:
  enum class Read { line, nothing, closed, violation };
  static constexpr std::size_t max_line = std::size_t{16} << 20;

  explicit Channel(int fd) : Channel(fd, fd) {}
  Channel(int in, int out) : in_(in), out_(out) {}

  /// The end to read from.
  int fd() const { return in_; }

  /// False when the other end is gone.
  bool send(const nlohmann::json& message);

  /// Takes a whole line out of what has arrived; reads more, waiting if need be, until there is one or nothing more comes.
  Read receive(nlohmann::json& message) {
    for (;;) {
      if (const Read taken = take(message); taken != Read::nothing) return taken;
      if (const Read filled = fill(); filled != Read::line) return filled;
    }
  }
  /// The same without waiting for more than one read; for use after poll().
  Read receive_some(nlohmann::json& message) {
    if (const Read taken = take(message); taken != Read::nothing) return taken;
    if (const Read filled = fill(); filled != Read::line) return filled;
    return take(message);
  }
  /// Takes a line that has arrived already.
  Read take(nlohmann::json& message);

 private:
  Read fill() {
    char bytes[65536];
    for (;;) {
      const ssize_t n = ::read(in_, bytes, sizeof bytes);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return Read::closed;
      buffer_.append(bytes, static_cast<std::size_t>(n));
      return Read::line;
    }
  }

  int in_, out_;
  std::string buffer_;
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE bool Channel::send(const nlohmann::json& message) {
  const std::string line = message.dump() + "\n";
  std::size_t sent = 0;
  while (sent < line.size()) {
    ssize_t n = ::send(out_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = ::write(out_, line.data() + sent, line.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

GENOFORM_SEARCH_INLINE Channel::Read Channel::take(nlohmann::json& message) {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return buffer_.size() > max_line ? Read::violation : Read::nothing;
  message = nlohmann::json::parse(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
  buffer_.erase(0, end + 1);
  return message.is_object() ? Read::line : Read::violation;
}

#endif

}  // namespace genoform::search
