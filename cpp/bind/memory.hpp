// Which memory belongs to whom? What a step writes, by address, no two arrays of it overlapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace onepass::bind {

struct Interval {
  const char *begin, *end;
  std::size_t tensor;  // whose it is
  const char* role;
};

class Memory {
 public:
  // What an error message calls a tensor.
  using Name = std::function<const std::string&(std::size_t tensor)>;

  // Notes what is to be added.
  void want(const void* data, std::int64_t bytes, std::size_t tensor, const char* role);
  // Adds what is wanted, or nothing, and raises, where two arrays overlap.
  void take(const std::string& owner, const Name& name);
  void forget_wanted() { wanted_.clear(); }

  // Whose memory these bytes are in; null for nobody's.
  const Interval* find(const void* data, std::int64_t bytes) const;

 private:
  std::map<const char*, Interval> taken_;
  std::vector<Interval> wanted_;
};

}  // namespace onepass::bind
