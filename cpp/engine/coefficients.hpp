// Which coefficients has the rule in this step? Tensors of one group at one step count share theirs.
#pragma once

#include <array>
#include <vector>

#include "member.hpp"

namespace onepass {

class Coefficients {
 public:
  explicit Coefficients(std::size_t tensors) : all_(tensors) {}

  // Forgets what was prepared for the step before.
  void restart() { last_ = nullptr; }
  // Lets the tensor's scalars be those of another before they are prepared: they are a group's, which that one has.
  void start(const Member& member, const Tensor& like);
  // Those of the tensor's next step.
  const double* prepare(const Member& member);
  // What becomes of them before a later stage, with the sums of the stage before over so many elements.
  void advance(const Member& member, int stage, const double* sums, std::int64_t size) noexcept;
  // Gives the tensor the scalars that come with those of a member.
  void commit(const Member& member, const Tensor& to) const;

 private:
  struct Prepared {
    std::array<double, max_coefs> coefs;
    std::array<double, max_scalars> scalars;
  };
  Prepared& of(const Member& member) { return all_[member.position]; }

  std::vector<Prepared> all_;
  const Member* last_ = nullptr;  // for whom coefficients were computed last
};

}  // namespace onepass
