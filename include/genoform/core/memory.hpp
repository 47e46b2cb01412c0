#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "genoform/core/available_memory.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/pointers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// The size of a large page of Linux.
inline constexpr std::size_t huge_page = std::size_t{1} << 21;

/// Zeroed elements at a 64-byte boundary. Moving the buffer does not change their address.
template <class Real>
class HostBuffer {
 public:
  HostBuffer() = default;
  explicit HostBuffer(std::int64_t count) : count_(count) {
    if (count == 0) return;
    const auto bytes = static_cast<std::size_t>(bytes_of(count));
    const bool large = bytes >= huge_page;
    const std::size_t boundary = large ? huge_page : 64;
    elements_ =
        UniquePtr<Real, Free>(static_cast<Real*>(std::aligned_alloc(boundary, (bytes + boundary - 1) / boundary * boundary)));
    if (!elements_) fail(ErrorKind::resources, {"no memory for ", bytes, " bytes"});
#ifdef MADV_HUGEPAGE
    // Page faults for 4 KiB each take most of the time of making a model, so large pages are requested; the request may be
    // refused.
    if (large) static_cast<void>(madvise(elements_.get(), bytes / huge_page * huge_page, MADV_HUGEPAGE));
#endif
    std::memset(static_cast<void*>(elements_.get()), 0, bytes);
  }
  Real* data() const { return elements_.get(); }
  std::int64_t size() const { return count_; }
  std::int64_t bytes() const { return bytes_of(count_); }
  /// The bytes of `count` elements.
  static constexpr std::int64_t bytes_of(std::int64_t count) {
    return (count * static_cast<std::int64_t>(sizeof(Real)) + 63) / 64 * 64;
  }

 private:
  struct Free {
    void operator()(Real* p) const { std::free(p); }
  };
  UniquePtr<Real, Free> elements_;
  std::int64_t count_ = 0;
};

}  // namespace genoform::inner::core

#include "genoform/core/restore_macros.hpp"
