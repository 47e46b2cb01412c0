#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/workers/messages.hpp"
#include "genoform/search/workers/worker_process.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// One worker of a pool: its process, what it is doing, and when it is started again.
struct WorkerSlot {
  using Clock = std::chrono::steady_clock;
  /// away: it waits to be started again. greeting: nothing is known of it. setting_up: it has the setup.
  enum class State { away, greeting, setting_up, idle, busy };

  std::unique_ptr<WorkerProcess> process;
  State state = State::away;
  JobRequest asked{};
  Clock::time_point deadline{};  ///< of the answer that is waited for, or of the next start
  bool readable = false;
  std::string machine{};       ///< of its last greeting
  std::string before{};        ///< what came before the greeting, its start
  std::size_t noise = 0;       ///< bytes that came before the greeting
  std::uint64_t supplied = 0;  ///< bytes of the text that it got
  int failed_starts = 0;       ///< since it was ready
  int losses = 0;              ///< since it answered
  Error error{};               ///< of the last start that failed

  bool is_starting() const { return state == State::greeting || state == State::setting_up; }
  bool is_there() const { return state == State::idle || state == State::busy; }

  /// Before the next start: none at first, then 0.5 s, 1 s, 2 s and so on up to a minute.
  std::chrono::milliseconds pause() const {
    if (losses <= 1) return std::chrono::milliseconds(0);
    return std::chrono::milliseconds(std::min(60'000, 500 << std::min(losses - 2, 7)));
  }

  /// How it ended and what it last said, for an error.
  std::string with_last_words(const std::string& end) const {
    std::string text = end;
    if (state == State::greeting && !before.empty()) text += "; before a worker greeted it printed " + in_quotes(before);
    if (const std::string lines = process->errors().last_lines(); !lines.empty()) text += "; its last words: " + in_quotes(lines);
    return text;
  }
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
