#include "tests/backend/scene.hpp"

#include "genoform/testing/access_check.hpp"

namespace genoform::tests {

Tensor Scene::bf16(std::int64_t rows, std::int64_t columns, double scale) {
  Tensor t{Memory::state, ElementType::bf16, static_cast<std::int64_t>(shorts_.size()), rows, columns, columns + number(0, 3)};
  for (std::int64_t i = 0; i < rows * t.stride; ++i)
    shorts_.push_back(i % t.stride < columns ? widened(narrowed(static_cast<float>(scale * normal()))) : 0.5F);
  short_tensors_.push_back(t);
  return t;
}

Tensor Scene::place(std::int64_t rows, std::int64_t columns, std::int64_t stride, ElementType element_type,
                    const std::function<double(std::int64_t, std::int64_t)>& element) {
  Tensor t{Memory::workspace, element_type, static_cast<std::int64_t>(elements_.size()), rows, columns, stride};
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < stride; ++c) {
      elements_.push_back(c < columns ? element(r, c) : 0.5);
      indexed_.push_back(element_type == ElementType::index);
    }
  return t;
}

template <class Real>
std::vector<Real> Scene::start() const {
  using Index = IndexOf<Real>;
  std::vector<Real> memory(elements_.size());
  for (std::size_t i = 0; i < elements_.size(); ++i)
    if (indexed_[i])
      reinterpret_cast<Index&>(memory[i]) = static_cast<Index>(elements_[i]);
    else
      memory[i] = static_cast<Real>(static_cast<float>(elements_[i]));
  return memory;
}
template std::vector<float> Scene::start() const;
template std::vector<double> Scene::start() const;

std::vector<std::uint16_t> Scene::start_shorts() const {
  std::vector<std::uint16_t> shorts;
  for (const float x : shorts_) shorts.push_back(narrowed(x));
  return shorts;
}

void Scene::compare(const Cpu& cpu, double tolerance, std::vector<float> floats, std::vector<double> doubles,
                    std::vector<std::uint16_t> shorts, std::vector<double> wide_shorts) const {
  for (const auto& blank : blanks_) { blank(floats.data(), doubles.data()); }
  for (const auto& [t, to] : short_blanks_)
    for (std::int64_t i = t.offset + end_of(to, floats) * t.stride; i < t.offset + t.rows * t.stride; ++i) {
      shorts[static_cast<std::size_t>(i)] = 0;
      wide_shorts[static_cast<std::size_t>(i)] = 0.0;
    }
  double largest = 1.0;
  for (std::size_t i = 0; i < doubles.size(); ++i)
    if (!indexed_[i]) largest = std::max(largest, std::abs(doubles[i]));
  std::size_t wrong = 0, where = 0;
  for (std::size_t i = 0; i < doubles.size(); ++i) {
    const bool same = indexed_[i]
                          ? reinterpret_cast<const std::int32_t&>(floats[i]) == reinterpret_cast<const std::int64_t&>(doubles[i])
                          : std::abs(static_cast<double>(floats[i]) - doubles[i]) <= tolerance * largest;
    if (!same && wrong++ == 0) where = i;
  }
  INFO("instruction set " << cpu::name_of(cpu.instruction_set()) << ", threads " << cpu.threads());
  {
    INFO("first wrong element " << where << " of " << doubles.size());
    REQUIRE(wrong == 0);
  }
  for (const Tensor& t : short_tensors_) compare_shorts(t, shorts, wide_shorts, tolerance);
}

void Scene::compare_shorts(const Tensor& t, const std::vector<std::uint16_t>& shorts, const std::vector<double>& right,
                           double tolerance) {
  const auto first = static_cast<std::size_t>(t.offset), last = first + static_cast<std::size_t>(t.rows * t.stride);
  double largest = 0.0;
  for (std::size_t i = first; i < last; ++i) largest = std::max(largest, std::abs(right[i]));
  for (std::size_t i = first; i < last; ++i)
    if (!(std::abs(static_cast<double>(widened(shorts[i])) - right[i]) <= tolerance * largest)) {
      INFO("bf16 matrix at " << first << " of " << t.rows << " rows of " << t.stride << ", element " << i - first);
      REQUIRE(static_cast<double>(widened(shorts[i])) == Approx(right[i]).margin(tolerance * largest));
    }
}

void Scene::run_checked(std::size_t elements, std::size_t bytes_per_real, const std::function<void(OperationList&)>& add) const {
  // The Reference has bf16 as double.
  testing::AccessCheck check(static_cast<std::int64_t>(bytes_per_real), bytes_per_real == sizeof(double) ? 8 : 2);
  OperationList list;
  if (checks_access_ && elements < 200000) list.observe(&check, Phase::forward);
  add(list);
  list.run();
  CHECK(check.violations() == std::vector<std::string>{});
}

}  // namespace genoform::tests
