#pragma once
#include <unistd.h>

#include <string>

namespace genoform::search {

/// A word as a POSIX shell takes it.
inline std::string in_shell(const std::string& word) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// The exit code of a process that could not become another program, as a shell has it.
inline constexpr int not_started = 127;

/// Makes the connection the standard input and output of this process; false when it cannot.
inline bool become_standard_streams(int fd) {
  if (::dup2(fd, STDIN_FILENO) < 0 || ::dup2(fd, STDOUT_FILENO) < 0) return false;
  ::close(fd);
  return true;
}

/// Makes this process a command of /bin/sh that speaks on the connection; returns `not_started` when it cannot.
inline int become_shell_command(int fd, const std::string& command) {
  if (become_standard_streams(fd)) ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  return not_started;
}

}  // namespace genoform::search
