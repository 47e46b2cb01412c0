#pragma once
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report {

/// Whether output to a stream may be coloured: NO_COLOR decides first, then CLICOLOR_FORCE, then TERM=dumb, then whether it is
/// a terminal.
inline bool may_colour(std::FILE* stream) {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  if (is_set("NO_COLOR")) return false;
  if (is_set("CLICOLOR_FORCE")) return true;
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return isatty(fileno(stream)) == 1;
}

/// Progress on stderr: one line that is rewritten on a terminal, else a plain line from time to time. Never allocates.
class Progress {
 public:
  enum class Mode { automatic, quiet };

  explicit Progress(Mode mode = Mode::automatic)
      : quiet_(mode == Mode::quiet), refreshes_(isatty(STDERR_FILENO) == 1), coloured_(may_colour(stderr)), next_(Clock::now()) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { finish(); }

  /// Shows the state in a line; most calls between two refreshes have no effect.
  void show(std::string_view line) {
    if (quiet_ || Clock::now() < next_) return;
    write(line);
  }
  /// Shows a line at once: the first one, the last one, or news.
  void show_now(std::string_view line) {
    if (!quiet_) write(line);
  }
  /// Ends the line; later output starts on a line of its own.
  void finish() {
    if (open_) std::fputc('\n', stderr);
    open_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// The width of the terminal: a line that wraps could not be rewritten.
  static std::size_t columns() {
    winsize window{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col : std::size_t{80};
  }

  void write(std::string_view line) {
    next_ = Clock::now() + (refreshes_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(5000));
    const int size = static_cast<int>(refreshes_ ? std::min(line.size(), columns() - 1) : line.size());
    if (!refreshes_)
      std::fprintf(stderr, "%.*s\n", size, line.data());
    else if (coloured_)
      std::fprintf(stderr, "\r\033[2m%.*s\033[0m\033[K", size, line.data());
    else
      std::fprintf(stderr, "\r%.*s\033[K", size, line.data());
    std::fflush(stderr);
    open_ = refreshes_;
  }

  bool quiet_, refreshes_, coloured_, open_ = false;
  Clock::time_point next_;
};

}  // namespace genoform::inner::report

#include "genoform/core/restore_macros.hpp"
