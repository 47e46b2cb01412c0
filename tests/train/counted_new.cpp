// Replaces operator new of the test program; apart from the tests, so that no compiler pairs new and free across the two.
#include "counted_new.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace {

/// What oneDNN and OpenMP allocate inside one call is theirs and counted apart.
void note(const void* caller) {
  if (!allocations::counts) return;
  Dl_info info{};
  const bool theirs = dladdr(const_cast<void*>(caller), &info) != 0 && info.dli_fname != nullptr &&
                      (std::strstr(info.dli_fname, "libdnnl") != nullptr || std::strstr(info.dli_fname, "libgomp") != nullptr);
  ++(theirs ? allocations::of_libraries : allocations::ours);
}
void* taken(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(std::size_t size) {
  note(__builtin_return_address(0));
  return taken(std::malloc(size == 0 ? 1 : size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  note(__builtin_return_address(0));
  const auto a = static_cast<std::size_t>(alignment);
  return taken(std::aligned_alloc(a, (size + a - 1) / a * a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
