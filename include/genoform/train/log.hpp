#pragma once
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "genoform/core/decimal.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/folder_lock.hpp"
#include "genoform/io/mapped_file.hpp"
#include "genoform/train/step.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// The steps of a run as JSON lines (log.jsonl) and as a table (log.csv), one line a step, written through at once.
/// `pool_bits_per_byte` is the loss of the training batch; only `validation_bits_per_byte` is causal.
class TrainLog {
 public:
  /// Opens both files in a folder, in which no other run may be writing. What they hold of later steps than `steps_done` is cut
  /// off, so a resumed run has no step twice. Errors (input): another run, files of these names that are no logs.
  static Result<TrainLog> open(const std::filesystem::path& folder, std::int64_t steps_done) {
    TrainLog log;
    log.folder_ = folder;
    Result<FolderLock> lock = FolderLock::take(folder.string());
    if (!lock) return lock.error();
    log.lock_.emplace(std::move(*lock));
    for (const bool table : {false, true})
      if (const auto path = log.path_of(table); !is_ours(path, table))
        return Error{ErrorKind::input, path.string() + ": not a log of a training run; it would be lost; take another folder"};
    for (auto* one : {&log.json_, &log.table_}) {
      const bool table = one == &log.table_;
      const auto path = log.path_of(table);
      if (Result<void> kept = keep_until(path, steps_done, table); !kept) return kept.error();
      one->reset(std::fopen(path.c_str(), "ab"));
      if (!*one) return Error{ErrorKind::resources, path.string() + ": cannot be written: " + std::strerror(errno)};
      std::setvbuf(one->get(), nullptr, _IOFBF, 4096);
    }
    std::fseek(log.table_.get(), 0, SEEK_END);
    if (std::ftell(log.table_.get()) == 0) std::fputs(header, log.table_.get());
    if (Result<void> written = log.flush(); !written) return written.error();
    return log;
  }

  Result<void> write(const Step& s) {
    write_json(s);
    write_row(s);
    return flush();
  }

 private:
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  static constexpr const char* header =
      "step,tokens,pool_bits_per_byte,validation_bits_per_byte,aux_loss,learning_rate,gradient_norm,seconds,tokens_per_second,"
      "worst_load,dropped,router_entropy\n";

  void write_json(const Step& s) {
    const char* before = "{";
    const auto integer = [&](const char* key, std::int64_t value) {
      std::fprintf(json_.get(), "%s\"%s\": %lld", std::exchange(before, ", "), key, static_cast<long long>(value));
    };
    const auto number = [&](const char* key, double value) {
      std::fprintf(json_.get(), "%s\"%s\": %s", std::exchange(before, ", "), key, general_text(value).c_str());
    };
    integer("step", s.index);
    integer("tokens", s.tokens);
    number("pool_bits_per_byte", s.bits_per_byte);
    if (s.was_validated()) number("validation_bits_per_byte", s.validation);
    if (s.routing.exists()) {
      number("worst_load", s.routing.worst_load);
      number("dropped", s.routing.dropped);
      number("router_entropy", s.routing.entropy);
    }
    number("aux_loss", s.aux_loss);
    number("learning_rate", s.learning_rate);
    number("gradient_norm", s.gradient_norm);
    number("seconds", s.seconds);
    number("tokens_per_second", s.tokens_per_second);
    std::fputs("}\n", json_.get());
  }
  void write_row(const Step& s) {
    const auto number = [&](double value, bool is_known = true) {
      std::fprintf(table_.get(), ",%s", is_known ? general_text(value).c_str() : "");
    };
    std::fprintf(table_.get(), "%d,%lld", s.index, static_cast<long long>(s.tokens));
    number(s.bits_per_byte);
    number(s.validation, s.was_validated());
    for (const double value : {s.aux_loss, s.learning_rate, s.gradient_norm, s.seconds, s.tokens_per_second}) number(value);
    for (const double value : {s.routing.worst_load, s.routing.dropped, s.routing.entropy}) number(value, s.routing.exists());
    std::fputs("\n", table_.get());
  }
  std::filesystem::path path_of(bool table) const { return folder_ / (table ? "log.csv" : "log.jsonl"); }
  /// Hands what was printed to the operating system.
  Result<void> flush() {
    for (std::FILE* const file : {json_.get(), table_.get()})
      if (std::fflush(file) != 0) return file_error(path_of(file == table_.get()).string(), "write", errno);
    return {};
  }
  /// Also a file that is new, empty or torn in its first words.
  static bool is_ours(const std::filesystem::path& path, bool table) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed)) return true;
    const std::string_view start = table ? "step,tokens," : "{\"step\": ";
    std::string found(start.size(), '\0');
    std::ifstream in(path, std::ios::binary);
    in.read(found.data(), static_cast<std::streamsize>(found.size()));
    return start.starts_with(std::string_view(found).substr(0, static_cast<std::size_t>(in.gcount())));
  }
  static std::int64_t step_of(std::string_view line, bool table) {
    constexpr std::string_view key = "{\"step\": ";
    if (!table && !line.starts_with(key)) return -1;
    if (!table) line.remove_prefix(key.size());
    std::int64_t step = -1;
    std::from_chars(line.data(), line.data() + line.size(), step);
    return step;
  }
  static Result<void> keep_until(const std::filesystem::path& path, std::int64_t steps_done, bool table) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed)) return {};  // none yet, or a device or pipe, which keeps nothing
    std::uintmax_t kept = 0;
    {
      std::ifstream in(path, std::ios::binary);
      for (std::string line; std::getline(in, line) && !in.eof(); kept += line.size() + 1) {
        const bool is_header = table && kept == 0;
        const std::int64_t step = step_of(line, table);
        if (!is_header && (step < 0 || step > steps_done)) break;
        if (steps_done == 0) break;
      }
    }
    std::filesystem::resize_file(path, kept, failed);
    if (failed) return Error{ErrorKind::resources, path.string() + ": cannot be shortened: " + failed.message()};
    return {};
  }

  std::filesystem::path folder_;
  std::optional<FolderLock> lock_;
  std::unique_ptr<std::FILE, Close> json_, table_;
};

}  // namespace genoform::inner::train

#include "genoform/core/restore_macros.hpp"
