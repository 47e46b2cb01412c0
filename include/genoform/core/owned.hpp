#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

namespace genoform {

// What is needed here of std::unique_ptr and std::shared_ptr: <memory> brings streams and allocators along and costs a compiler
// 0.14 s, a seventh of what the umbrella header may cost.

struct Delete {
  template <class T>
  void operator()(T* held) const {
    delete held;
  }
};

/// The one owner of something on the heap, or of nothing.
template <class T, class Free = Delete>
class Owned {
 public:
  using pointer = T*;

  Owned() = default;
  explicit Owned(T* held) : held_(held) {}
  Owned(Owned&& other) noexcept : held_(other.release()) {}
  template <class U>
  requires(std::is_convertible_v<U*, T*>) Owned(Owned<U, Free>&& other)
  noexcept : held_(other.release()) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Owned() {
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
Owned<T> make_owned(Arguments&&... arguments) {
  return Owned<T>(new T{std::forward<Arguments>(arguments)...});
}

/// Something on the heap that all copies own together; threads may copy and drop theirs at the same time.
template <class T>
class Counted {
 public:
  Counted() : held_(new Held) {}
  Counted(const Counted& other) : held_(other.held_) {
    if (held_ != nullptr) __atomic_add_fetch(&held_->owners, 1, __ATOMIC_RELAXED);
  }
  Counted(Counted&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Counted& operator=(Counted other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Counted() {
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

}  // namespace genoform
