#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

#include "genoform/core/result.hpp"
#include "genoform/core/utf8.hpp"
#include "genoform/io/mapped_file.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// An open SQLite file. Errors are thrown as Exception with the file's name. Compiled statements are kept for the next time.
class Database {
 public:
  enum class Open { existing, create, read };
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  using CompiledStatement = std::unique_ptr<sqlite3_stmt, Finalize>;

  /// A reader too opens for writing where it may: a writer that was killed in a transaction leaves a journal, which the next one
  /// who opens the file must roll back.
  Database(const std::string& path, Open how) : path_(path) {
    sqlite3* raw = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | (how == Open::create ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
    handle_.reset(raw);
    if (code != SQLITE_OK) fail();
    sqlite3_busy_timeout(raw, 20000);
    if (how == Open::read) run("PRAGMA query_only = ON");
  }

  void run(const std::string& sql) {
    if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }
  sqlite3* handle() const { return handle_.get(); }
  const std::string& path() const { return path_; }
  /// A copy that is gone with the object; errors have the name of the file.
  std::unique_ptr<Database> copy_in_memory() const {
    auto copy = std::make_unique<Database>(":memory:", Open::create);
    copy->path_ = path_;
    copy->run("PRAGMA page_size = " + std::to_string(page_size()));  // a copy in memory must have that of the file
    sqlite3_backup* const backup = sqlite3_backup_init(copy->handle(), "main", handle_.get(), "main");
    if (backup == nullptr) copy->fail();
    const int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) copy->fail();
    return copy;
  }
  bool is_in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

  /// A statement that is not in use, compiled now if there is none.
  CompiledStatement take(std::string_view sql) const {
    if (const auto found = compiled_.find(sql); found != compiled_.end()) return std::move(compiled_.extract(found).mapped());
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK) fail();
    return CompiledStatement(raw);
  }
  void release(CompiledStatement statement) const {
    sqlite3_reset(statement.get());
    sqlite3_clear_bindings(statement.get());
    std::string sql = sqlite3_sql(statement.get());
    compiled_.emplace(std::move(sql), std::move(statement));
  }

  [[noreturn]] void fail() const {
    const int code = handle_ ? sqlite3_errcode(handle_.get()) : SQLITE_NOMEM;
    if (has_journal_left())
      throw Exception({ErrorKind::input,
                       path_ + ": a search was killed while it wrote, and what it left in " + path_ +
                           "-journal must be rolled back, which needs leave to write; open the study as its owner, or copy both "
                           "files to a folder of yours and open it there"});
    const bool no_room = code == SQLITE_FULL || code == SQLITE_NOMEM || code == SQLITE_IOERR ||
                         (handle_ && code == SQLITE_CANTOPEN && io::is_exhaustion(sqlite3_system_errno(handle_.get())));
    // SQLite quotes what it does not understand, which may be whole pages of a damaged file.
    const std::string_view what = handle_ ? sqlite3_errmsg(handle_.get()) : "no memory";
    throw Exception({no_room ? ErrorKind::resources : ErrorKind::input, path_ + ": " + visible(what.substr(0, what.find('\n')))});
  }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };
  std::int64_t page_size() const {
    const CompiledStatement statement = take("PRAGMA page_size");
    return sqlite3_step(statement.get()) == SQLITE_ROW ? sqlite3_column_int64(statement.get(), 0) : 0;
  }
  /// Did the last call fail because a journal is to be rolled back that this process must not roll back?
  bool has_journal_left() const {
    const int code = handle_ ? sqlite3_extended_errcode(handle_.get()) : SQLITE_OK;
    return code == SQLITE_READONLY_ROLLBACK || code == SQLITE_IOERR_DELETE;
  }

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
  mutable std::multimap<std::string, CompiledStatement, std::less<>> compiled_;  ///< after handle_: finalized before it closes
};

/// Bytes that may hold zeros, for a column of type BLOB.
struct Blob {
  std::string bytes;
};

/// One SQL statement with its values: bind in order, then step over the rows.
class Statement {
 public:
  Statement(const Database& database, std::string_view sql) : database_(database), handle_(database.take(sql)) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { database_.release(std::move(handle_)); }

  template <class... Values>
  Statement& bind(const Values&... values) {
    (put(values), ...);
    return *this;
  }
  /// The next row; false after the last.
  bool step() {
    const int code = sqlite3_step(handle_.get());
    if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail();
    return code == SQLITE_ROW;
  }
  void run() {
    while (step()) {}
  }

  int columns() const { return sqlite3_column_count(handle_.get()); }
  bool is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  double real(int column) const { return sqlite3_column_double(handle_.get(), column); }
  std::optional<double> real_or_null(int column) const { return is_null(column) ? std::nullopt : std::optional(real(column)); }
  /// A text, or the bytes of a blob.
  std::string text(int column) const {
    const void* bytes = sqlite3_column_blob(handle_.get(), column);
    return bytes == nullptr ? std::string()
                            : std::string(static_cast<const char*>(bytes),
                                          static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
  }

 private:
  void check(int code) {
    if (code != SQLITE_OK) database_.fail();
  }
  void put(std::int64_t value) { check(sqlite3_bind_int64(handle_.get(), ++bound_, value)); }
  void put(int value) { put(std::int64_t{value}); }
  void put(std::uint64_t value) { put(static_cast<std::int64_t>(value)); }
  void put(double value) { check(sqlite3_bind_double(handle_.get(), ++bound_, value)); }
  void put(const std::string& value) {
    check(sqlite3_bind_text64(handle_.get(), ++bound_, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  void put(std::string_view value) { put(std::string(value)); }
  void put(const Blob& value) {
    check(sqlite3_bind_blob64(handle_.get(), ++bound_, value.bytes.data(), value.bytes.size(), SQLITE_TRANSIENT));
  }
  void put(const std::optional<double>& value) {
    if (value) return put(*value);
    check(sqlite3_bind_null(handle_.get(), ++bound_));
  }

  const Database& database_;
  Database::CompiledStatement handle_;
  int bound_ = 0;
};

/// Everything until commit() happens, or nothing of it. Inside another transaction it is a part of that one.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database), is_open_(!database.is_in_transaction()) {
    if (is_open_) database_.run("BEGIN IMMEDIATE");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (is_open_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  void commit() {
    if (is_open_) database_.run("COMMIT");
    is_open_ = false;
  }

 private:
  Database& database_;
  bool is_open_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
