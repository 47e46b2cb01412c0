#pragma once
#include <atomic>

/// OperationList of operator new while `counts` is set, by who called.
namespace allocations {

inline std::atomic<bool> counts{false};
inline std::atomic<long> ours{0}, of_libraries{0};

}  // namespace allocations
