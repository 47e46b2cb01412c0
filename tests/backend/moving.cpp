#include <algorithm>
#include <utility>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/ops/operation_list.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("prepared operations stay valid when a Cpu or an operation list is moved") {
  std::vector<float> elements(3 * 16 * 16, 0.5F);
  Memories<float> memories;
  memories[Memory::workspace] = elements.data();
  const auto place = [](std::int64_t i) { return matrix(Memory::workspace, i * 256, 16, 16); };
  Cpu first;
  OperationList calls;
  calls.add(first.prepare(op::Linear{.x = place(0), .w = place(1), .y = place(2)}, memories));
  calls.add(first.prepare(op::Add{.x = place(0), .y = place(2)}, memories));
  const Cpu second(std::move(first));
  const OperationList moved(std::move(calls));
  const auto entered = second.enter();
  moved.run();
  CHECK(moved.size() == 2);
  CHECK(std::all_of(elements.begin() + 512, elements.end(), [](float x) { return x == 4.5F; }));
}

TEST_CASE("the kernels taken one by one are those of the table") {
  for (const auto set : cpu::all_instruction_sets) {
    const cpu::Kernels& table = cpu::kernels_of(set);
    CHECK(cpu::kernel<&cpu::Kernels::attend>(set) == table.attend);
    CHECK(cpu::kernel<&cpu::Kernels::activate>(set) == table.activate);
    CHECK(cpu::kernel<&cpu::Kernels::lanes>(set) == table.lanes);
  }
}
