#pragma once
#include <dnnl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "genoform/backend/cpu/machine/signals_held.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/pointers.hpp"
#include "genoform/ops/dense.hpp"

#include "genoform/core/hide_macros.hpp"

/// Matrix products by oneDNN, versions 2.6 and 3.x. No other file includes its header; it is used through the C interface,
/// which compiles in a hundredth of the time of the C++ one.
namespace genoform::cpu::onednn {

/// A matrix of f32 for oneDNN; one of the strides must be 1.
struct Layout {
  std::int64_t rows = 0, columns = 0, row_stride = 0, column_stride = 1;
  Layout transposed() const { return {columns, rows, column_stride, row_stride}; }
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// c = f(a b + bias), or c += a b when `accumulate`; `f` is identity, relu or squared_relu.
struct ProductShape {
  Layout a, b, c;
  bool bias = false, accumulate = false;
  op::Function f = op::Function::identity;
  friend bool operator==(const ProductShape&, const ProductShape&) = default;
};

[[noreturn, gnu::cold, gnu::noinline]] inline void say_refused(dnnl_status_t status, const char* what) {
  fail(status == dnnl_out_of_memory ? ErrorKind::resources : ErrorKind::usage,
       {"oneDNN refuses to ", what, " (status ", static_cast<int>(status), ")"});
}
inline void check(dnnl_status_t status, const char* what) {
  if (status != dnnl_success) say_refused(status, what);
}

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};
/// A handle of oneDNN that is destroyed by its own function.
template <class Handle, dnnl_status_t (*destroy)(Handle)>
using Held = UniquePtr<std::remove_pointer_t<Handle>, Destroy<destroy>>;

/// Runs `create(&handle, arguments...)` and returns the handle in its owner.
template <class Owner, class Create, class... Arguments>
[[gnu::cold, gnu::noinline]] Owner make(const char* what, Create create, Arguments... arguments) {
  typename Owner::pointer handle{};
  check(create(&handle, arguments...), what);
  return Owner(handle);
}

using Engine = Held<dnnl_engine_t, dnnl_engine_destroy>;
using Stream = Held<dnnl_stream_t, dnnl_stream_destroy>;
using MemoryPlace = Held<dnnl_memory_t, dnnl_memory_destroy>;
using Primitive = Held<dnnl_primitive_t, dnnl_primitive_destroy>;
using PrimitiveDescription = Held<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy>;
using Attributes = Held<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy>;
using PostOperations = Held<dnnl_post_ops_t, dnnl_post_ops_destroy>;

/// While an object lives, oneDNN uses the calling thread alone, since the library divides the work among threads itself.
class OnOneThread {
#ifdef _OPENMP
 public:
  OnOneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  OnOneThread(const OnOneThread&) = delete;
  OnOneThread& operator=(const OnOneThread&) = delete;
  ~OnOneThread() { omp_set_num_threads(before_); }

 private:
  int before_;
#endif
};

inline dnnl_engine_t engine() {
  static const auto only = make<Engine>("make an engine", dnnl_engine_create, dnnl_cpu, std::size_t{0});
  return only.get();
}

/// Version of the library that is linked, as "2.6.3".
inline std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return joined({v->major, ".", v->minor, ".", v->patch});
}

/// The description of one operand: a struct in oneDNN 2.x, a handle in 3.x.
class Description {
 public:
  [[gnu::cold, gnu::noinline]] explicit Description(const Layout& layout) {
    const dnnl_dims_t sizes = {layout.rows, layout.columns}, strides = {layout.row_stride, layout.column_stride};
#if DNNL_VERSION_MAJOR < 3
    check(dnnl_memory_desc_init_by_strides(&description_, 2, sizes, dnnl_f32, strides), "describe a matrix");
#else
    description_ = make<Held<dnnl_memory_desc_t, dnnl_memory_desc_destroy>>(
        "describe a matrix", dnnl_memory_desc_create_with_strides, 2, sizes, dnnl_f32, strides);
#endif
  }
#if DNNL_VERSION_MAJOR < 3
  const dnnl_memory_desc_t* get() const { return &description_; }

 private:
  dnnl_memory_desc_t description_{};
#else
  const_dnnl_memory_desc_t get() const { return description_.get(); }

 private:
  Held<dnnl_memory_desc_t, dnnl_memory_desc_destroy> description_;
#endif
};

/// One prepared matrix product. It is run by one thread at a time and uses no other.
class Product {
 public:
  [[gnu::cold]] explicit Product(const ProductShape& shape) : has_bias_(shape.bias) {
    if (shape.f == op::Function::gelu || shape.f == op::Function::swish)
      fail(ErrorKind::usage, {"a product has no GELU or Swish of its own: emit Linear and Activate"});
    [[maybe_unused]] const OnOneThread alone;
    const Description a(shape.a), b(shape.b), c(shape.c), bias({1, shape.c.columns, shape.c.columns, 1});
    const auto attributes = attributes_of(shape);
    dnnl_primitive_desc_t description = nullptr;
#if DNNL_VERSION_MAJOR < 3
    dnnl_matmul_desc_t operation{};
    check(dnnl_matmul_desc_init(&operation, a.get(), b.get(), shape.bias ? bias.get() : nullptr, c.get()), "describe a product");
    check(dnnl_primitive_desc_create(&description, &operation, attributes.get(), engine(), nullptr), "plan a product");
#else
    check(dnnl_matmul_primitive_desc_create(&description, engine(), a.get(), b.get(), shape.bias ? bias.get() : nullptr, c.get(),
                                            attributes.get()),
          "plan a product");
#endif
    const PrimitiveDescription owner(description);
    const char* name = "";
    check(dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name), "name its implementation");
    implementation_ = name;
    const auto scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
    scratch_bytes_ = scratch == nullptr ? 0 : dnnl_memory_desc_get_size(scratch);
    primitive_ = make<Primitive>("make a product", dnnl_primitive_create, const_dnnl_primitive_desc_t{description});
    stream_ = make<Stream>("make a stream", dnnl_stream_create, engine(), static_cast<unsigned>(dnnl_stream_default_flags));

    add(DNNL_ARG_SRC, a.get());
    add(DNNL_ARG_WEIGHTS, b.get());
    add(DNNL_ARG_DST, c.get());
    if (shape.bias) add(DNNL_ARG_BIAS, bias.get());
    if (scratch_bytes_ > 0) add(DNNL_ARG_SCRATCHPAD, scratch);
  }

  const std::string& implementation() const { return implementation_; }
  /// Whether oneDNN selected one of its unoptimised loops, which may be a thousand times slower.
  bool slow() const {
    return implementation_.find("ref") != std::string::npos || implementation_.find("simple") != std::string::npos;
  }
  std::size_t scratch_bytes() const { return scratch_bytes_; }

  /// `scratch` has scratch_bytes() bytes, 64-byte aligned. Addresses that did not change since the last run are not set again.
  void run(const float* a, const float* b, const float* bias, float* c, void* scratch) {
    const std::size_t last = arguments_used_ - 1;
    if (scratch_bytes_ > 0) place(last, scratch);
    if (has_bias_) place(3, bias);
    place(0, a);
    place(1, b);
    place(2, c);
    [[maybe_unused]] const OnOneThread alone;
    const SignalsHeld held;
    check(dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments_used_), arguments_.data()),
          "run a product");
  }

 private:
  [[gnu::cold, gnu::noinline]] static Attributes attributes_of(const ProductShape& shape) {
    auto attributes = make<Attributes>("make attributes", dnnl_primitive_attr_create);
    check(dnnl_primitive_attr_set_scratchpad_mode(attributes.get(), dnnl_scratchpad_mode_user), "take our scratch");
    const auto after = make<PostOperations>("make post-operations", dnnl_post_ops_create);
    if (shape.accumulate) append_sum(after.get());
    if (shape.f == op::Function::relu || shape.f == op::Function::squared_relu) append(after.get(), dnnl_eltwise_relu);
    if (shape.f == op::Function::squared_relu) append(after.get(), dnnl_eltwise_square);
    check(dnnl_primitive_attr_set_post_ops(attributes.get(), after.get()), "take post-operations");
    return attributes;
  }
  static void append_sum(dnnl_post_ops_t after) {
#if DNNL_VERSION_MAJOR < 3
    check(dnnl_post_ops_append_sum(after, 1.0F), "accumulate");
#else
    check(dnnl_post_ops_append_sum(after, 1.0F, 0, dnnl_f32), "accumulate");
#endif
  }
  static void append(dnnl_post_ops_t after, dnnl_alg_kind_t kind) {
#if DNNL_VERSION_MAJOR < 3
    check(dnnl_post_ops_append_eltwise(after, 1.0F, kind, 0.0F, 0.0F), "append an activation");
#else
    check(dnnl_post_ops_append_eltwise(after, kind, 0.0F, 0.0F), "append an activation");
#endif
  }
  template <class D>
  [[gnu::cold, gnu::noinline]] void add(int argument, const D* description) {
    const std::size_t index = arguments_used_++;
    void* const nowhere = DNNL_MEMORY_NONE;
    memories_[index] = make<MemoryPlace>("make a memory", dnnl_memory_create, description, engine(), nowhere);
    arguments_[index] = {argument, memories_[index].get()};
  }
  void place(std::size_t index, const void* elements) {
    if (buffers_[index] == elements) return;
    buffers_[index] = elements;
    check(dnnl_memory_set_data_handle(arguments_[index].memory, const_cast<void*>(elements)), "place an operand");
  }

  Primitive primitive_;
  Stream stream_;
  std::array<MemoryPlace, 5> memories_;
  std::array<dnnl_exec_arg_t, 5> arguments_{};
  std::array<const void*, 5> buffers_{};
  std::size_t arguments_used_ = 0, scratch_bytes_ = 0;
  bool has_bias_;
  std::string implementation_;
};

}  // namespace genoform::cpu::onednn

#include "genoform/core/restore_macros.hpp"
