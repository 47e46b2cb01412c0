#pragma once
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// What kind of thing went wrong; the values are the exit codes of the program (docs/formats/model.md, section 5).
enum class ErrorKind { usage = 2, input = 3, resources = 4, not_finite = 5, interrupted = 130 };

/// One line that says where, what was found, what is allowed and what to do.
struct Error {
  ErrorKind error_kind = ErrorKind::input;
  std::string message;
};

/// The exception thrown at construction and when a failed Result is converted to its value.
class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error) : std::runtime_error(error.message), error_kind_(error.error_kind) {}
  ErrorKind error_kind() const noexcept { return error_kind_; }
  Error error() const { return {error_kind_, what()}; }

 private:
  ErrorKind error_kind_;
};

/// A value or an Error. Test it with `if (result)`; converting it to T throws Exception when it holds an error.
template <class T>
class [[nodiscard]] Result {
 public:
  // Two constructors, not one by value: nvcc does not move a returned local into a parameter.
  Result(const T& value) : value_(value) {}
  Result(T&& value) : value_(std::move(value)) {}
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  const Error& error() const { return error_; }

  T& value() & { return checked(*this); }
  const T& value() const& { return checked(*this); }
  T&& value() && { return std::move(checked(*this)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  operator T() && { return std::move(*this).value(); }

 private:
  template <class Self>
  static auto& checked(Self& self) {
    if (!self.ok()) throw Exception(self.error());
    return *self.value_;
  }

  std::optional<T> value_;  ///< no std::variant: every program would pay for it when it is compiled
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  const Error& error() const { return error_; }
  void value() const {
    if (!ok_) throw Exception(error_);
  }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace genoform::inner::core

namespace genoform {
using inner::core::Error;
using inner::core::ErrorKind;
using inner::core::Exception;
using inner::core::Result;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
