#include "memory.hpp"

#include <pybind11/pybind11.h>

#include <iterator>

namespace onepass::bind {

void Memory::want(const void* data, std::int64_t bytes, std::size_t tensor, const char* role) {
  const auto begin = static_cast<const char*>(data);
  if (bytes > 0) wanted_.push_back({begin, begin + bytes, tensor, role});
}

void Memory::take(const std::string& owner, const Name& name) {
  std::size_t taken = 0;
  try {
    for (; taken < wanted_.size(); ++taken) {
      const Interval& own = wanted_[taken];
      const auto refuse = [&](const Interval& a, const Interval& b) {
        throw pybind11::value_error(owner + ": " + a.role + " " + name(a.tensor) + " and " + b.role + " " +
                                    name(b.tensor) + " share memory; every array must be its own");
      };
      const auto next = taken_.upper_bound(own.begin);
      if (next != taken_.begin() && std::prev(next)->second.end > own.begin) refuse(std::prev(next)->second, own);
      if (next != taken_.end() && next->second.begin < own.end) refuse(own, next->second);
      taken_.emplace_hint(next, own.begin, own);
    }
  } catch (...) {
    for (std::size_t i = 0; i < taken; ++i) taken_.erase(wanted_[i].begin);
    throw;
  }
  wanted_.clear();
}

const Interval* Memory::find(const void* data, std::int64_t bytes) const {
  const auto begin = static_cast<const char*>(data);
  if (bytes == 0) return nullptr;
  const auto after = taken_.lower_bound(begin + bytes);
  if (after == taken_.begin()) return nullptr;
  const Interval& own = std::prev(after)->second;
  return begin < own.end ? &own : nullptr;
}

}  // namespace onepass::bind
