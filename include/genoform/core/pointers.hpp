#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

// The parts of std::unique_ptr and std::shared_ptr that the library needs: <memory> includes streams and allocators and takes
// 0.14 s to compile, a seventh of the limit of the umbrella header.

struct Delete {
  template <class T>
  void operator()(T* held) const {
    delete held;
  }
};

/// The only owner of an object on the heap, or of none.
template <class T, class Free = Delete>
class UniquePtr {
 public:
  using pointer = T*;

  UniquePtr() = default;
  explicit UniquePtr(T* held) : held_(held) {}
  UniquePtr(UniquePtr&& other) noexcept : held_(other.release()) {}
  template <class U>
  requires(std::is_convertible_v<U*, T*>) UniquePtr(UniquePtr<U, Free>&& other)
  noexcept : held_(other.release()) {}
  UniquePtr& operator=(UniquePtr&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~UniquePtr() {
    if (held_ != nullptr) Free{}(held_);
  }

  T* get() const { return held_; }
  T& operator*() const { return *held_; }
  T* operator->() const { return held_; }
  explicit operator bool() const { return held_ != nullptr; }
  T* release() { return std::exchange(held_, nullptr); }

 private:
  T* held_ = nullptr;
};

template <class T, class... Arguments>
UniquePtr<T> make_unique_ptr(Arguments&&... arguments) {
  return UniquePtr<T>(new T{std::forward<Arguments>(arguments)...});
}

/// An object on the heap that all copies own together; threads may copy and destroy their copies at the same time.
template <class T>
class SharedPtr {
 public:
  SharedPtr() : held_(new Held) {}
  SharedPtr(const SharedPtr& other) : held_(other.held_) {
    if (held_ != nullptr) __atomic_add_fetch(&held_->owners, 1, __ATOMIC_RELAXED);
  }
  SharedPtr(SharedPtr&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  SharedPtr& operator=(SharedPtr other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~SharedPtr() {
    if (held_ != nullptr && __atomic_sub_fetch(&held_->owners, 1, __ATOMIC_ACQ_REL) == 0) delete held_;
  }

  T* operator->() const { return &held_->value; }

 private:
  struct Held {
    T value{};
    std::size_t owners = 1;
  };
  Held* held_;
};

}  // namespace genoform::inner::core

#include "genoform/core/restore_macros.hpp"
