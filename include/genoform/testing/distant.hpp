#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/joins.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/recorder.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::testing {

/// A host back end behind a wall, as a GPU is: the host cannot touch its memory (an attempt is a segmentation fault), and nothing
/// runs before the host waits. What computes the same bits on Distant<Inner> as on Inner keeps the contract of a back end with
/// memory of its own: order, copies, lifetimes. Copies share one queue. For Linux.
template <class Inner>
class Distant {
 public:
  using Real = typename Inner::Real;
  using joins = joins_of<Inner>;
  static constexpr bool has_device_memory = true;
  static constexpr bool overwrites_gradients = OverwritesGradients<Inner>;

  explicit Distant(Inner inner = Inner()) : queue_(std::make_shared<Queue>(std::move(inner))) {}

 private:
  class Queue;

 public:
  class Buffer {
   public:
    Buffer() = default;
    Buffer(std::shared_ptr<Queue> queue, std::int64_t elements) : queue_(std::move(queue)), elements_(elements) {
      data_ = static_cast<Real*>(queue_->map(static_cast<std::size_t>(bytes())));
    }
    Buffer(Buffer&& other) noexcept { *this = std::move(other); }
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(queue_, other.queue_);
      std::swap(data_, other.data_);
      std::swap(elements_, other.elements_);
      return *this;
    }
    ~Buffer() {
      if (data_ != nullptr) queue_->unmap(data_);
    }
    Real* data() const { return data_; }
    std::int64_t size() const { return elements_; }
    std::int64_t bytes() const { return bytes_of(elements_); }
    static std::int64_t bytes_of(std::int64_t elements) { return HostBuffer<Real>::bytes_of(elements); }

   private:
    std::shared_ptr<Queue> queue_;
    Real* data_ = nullptr;
    std::int64_t elements_ = 0;
  };

  Buffer allocate(std::int64_t elements) const { return {queue_, elements}; }
  void require(std::int64_t bytes, const std::string& what) const { require_memory(bytes, what); }
  void upload(Real* to, const Real* from, std::int64_t elements) const {
    queue_->add(
        [to, copy = std::vector<Real>(from, from + elements)] { std::memcpy(to, copy.data(), copy.size() * sizeof(Real)); });
  }
  void download(Real* to, const Real* from, std::int64_t elements) const {
    queue_->add([=] { std::memcpy(to, from, static_cast<std::size_t>(elements) * sizeof(Real)); });
  }
  void synchronize() const { queue_->drain(); }
  void run(const OperationList& list, GradientMode) const {
    for (std::size_t i = 0; i < list.size(); ++i) queue_->add(list[i]);
  }

  template <class Op>
  auto prepare(const Op& op, const Memories<Real>& memories) const {
    return Call<decltype(inner().prepare(op, memories))>(inner().prepare(op, memories), queue_);
  }
  auto enter() const { return device::enter(inner()); }
  ElementType activations() const { return activations_of(inner()); }
  ElementType logits() const { return logits_of(inner()); }
  std::int64_t scratch_bytes() const requires requires(const Inner& i) { i.scratch_bytes(); }
  { return inner().scratch_bytes(); }
  Distant measuring() const requires requires(const Inner& i) { i.measuring(); }
  { return Distant(inner().measuring()); }
  void sample_normals(const Random& random, double scale, std::span<Real> elements) const requires requires(const Inner& i) {
    i.sample_normals(random, scale, elements);
  }
  { inner().sample_normals(random, scale, elements); }

  const Inner& inner() const { return queue_->inner(); }
  /// How often somebody has waited for work that was not done yet.
  std::int64_t waits() const { return queue_->waits(); }

 private:
  /// The memory behind the wall and what is to be done there.
  class Queue {
   public:
    explicit Queue(Inner inner) : inner_(std::move(inner)) {}

    const Inner& inner() const { return inner_; }
    std::int64_t waits() const { return waits_; }
    void add(std::function<void()> work) { work_.push_back(std::move(work)); }
    void drain() {
      if (work_.empty()) return;
      ++waits_;
      protect(PROT_READ | PROT_WRITE);
      const auto entered = device::enter(inner_);
      for (; !work_.empty(); work_.pop_front()) work_.front()();
      protect(PROT_NONE);
    }
    /// Zeros that the host cannot touch.
    void* map(std::size_t bytes) {
      const std::size_t size = (bytes + page) / page * page;
      void* const address = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (address == MAP_FAILED) fail(ErrorKind::resources, {"no memory for ", size, " bytes"});
      regions_.push_back({address, size});
      return address;
    }
    void unmap(void* address) {
      drain();
      std::erase_if(regions_,
                    [&](const Region& region) { return region.address == address && munmap(region.address, region.size) == 0; });
    }

   private:
    static constexpr std::size_t page = 4096;
    struct Region {
      void* address;
      std::size_t size;
    };
    void protect(int access) const {
      for (const Region& region : regions_)
        if (mprotect(region.address, region.size, access) != 0) fail(ErrorKind::resources, {"memory cannot be protected"});
    }

    Inner inner_;
    std::vector<Region> regions_;
    std::deque<std::function<void()>> work_;
    std::int64_t waits_ = 0;
  };

  /// A prepared call; one that is destroyed lets the runs end that still wait.
  template <class F>
  class Call {
   public:
    Call(F run, std::shared_ptr<Queue> queue) : run_(std::move(run)), queue_(std::move(queue)) {}
    Call(Call&&) noexcept = default;
    Call& operator=(Call&&) = delete;
    ~Call() {
      if (queue_ != nullptr) queue_->drain();
    }
    void operator()() { run_(); }

   private:
    F run_;
    std::shared_ptr<Queue> queue_;
  };

  std::shared_ptr<Queue> queue_;
};

}  // namespace genoform::testing

#include "genoform/core/restore_macros.hpp"
