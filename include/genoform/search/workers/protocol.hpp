#pragma once
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/search/json.hpp"

namespace genoform::search {

/// Coordinator and workers exchange lines of JSON (messages.hpp). A worker greets with its version; the coordinator sends the
/// setup, which the worker may answer with questions for the text before it is ready, then requests, each of which the worker
/// answers with a reply or an error.
inline constexpr int protocol_version = 5;

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

  /// Sends what the other end takes now; flush() sends the rest. For a socket. An end that is gone is noticed by reading.
  void queue(const nlohmann::json& message);
  void flush();
  bool has_unsent() const { return !unsent_.empty(); }

  /// Takes a whole line out of what has arrived; reads more, waiting if need be, until there is one or nothing more comes. The
  /// message is JSON, or the line as it is.
  template <class Message>
  Read receive(Message& message) {
    for (;;) {
      if (const Read taken = take(message); taken != Read::nothing) return taken;
      if (const Read filled = fill(); filled != Read::line) return filled;
    }
  }
  /// The same without waiting for more than one read; for use after poll().
  template <class Message>
  Read receive_some(Message& message) {
    if (const Read taken = take(message); taken != Read::nothing) return taken;
    if (const Read filled = fill(); filled != Read::line) return filled;
    return take(message);
  }
  /// Takes a line that has arrived already.
  Read take(std::string& line) {
    const std::size_t end = received_.find('\n');
    if (end == std::string::npos) return received_.size() > max_line ? Read::violation : Read::nothing;
    line.assign(received_, 0, end);
    received_.erase(0, end + 1);
    return Read::line;
  }
  /// The same; a line that is no JSON object is a violation.
  Read take(nlohmann::json& message);

 private:
  Read fill() {
    char bytes[65536];
    for (;;) {
      const ssize_t n = ::read(in_, bytes, sizeof bytes);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return Read::closed;
      received_.append(bytes, static_cast<std::size_t>(n));
      return Read::line;
    }
  }

  int in_, out_;
  std::string received_, unsent_;
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

GENOFORM_SEARCH_INLINE void Channel::queue(const nlohmann::json& message) {
  unsent_ += message.dump() + "\n";
  flush();
}

GENOFORM_SEARCH_INLINE void Channel::flush() {
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const ssize_t n = ::send(out_, unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    sent = n < 0 ? unsent_.size() : sent + static_cast<std::size_t>(n);
  }
  unsent_.erase(0, sent);
}

GENOFORM_SEARCH_INLINE Channel::Read Channel::take(nlohmann::json& message) {
  std::string line;
  if (const Read taken = take(line); taken != Read::line) return taken;
  message = nlohmann::json::parse(line, nullptr, false);
  return message.is_object() ? Read::line : Read::violation;
}

#endif

}  // namespace genoform::search
