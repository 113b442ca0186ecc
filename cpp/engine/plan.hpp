// What does one optimizer step do? Everything for all parameters of all groups: one call, one parallel region, one
// pass.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels.hpp"

namespace onepass {

// Parameters that share a rule and hyper-parameters.
struct Group {
  int rule;
  const double* grad_factor;  // every gradient is multiplied by it on load: -1 maximizes
  const double* hypers;       // in the order of the rule
};

// One parameter with its state, all owned by the caller. Without a gradient it sits the step out.
struct Tensor {
  int group;
  DType dtype;
  std::int64_t size;
  void* param;
  const void* grad;
  std::array<void*, max_slots> slots;
  std::int64_t* step;
  std::array<double*, max_scalars> scalars;
};

class Plan {
 public:
  // Below this many elements in all, waking a second thread costs more than it saves.
  static constexpr std::int64_t serial_below = 32768;

  Plan(std::vector<Group> groups, std::vector<Tensor> tensors);

  std::vector<Tensor>& tensors() { return tensors_; }
  bool is_parallel() const;

  // One step: neither allocates nor fails, and computes in the default floating-point mode, whatever the caller's.
  // In two halves, so that hyper-parameters are read in the first alone and may change during the second.
  void prepare() noexcept;
  void run() noexcept;
  void step() noexcept { prepare(), run(); }

 private:
  // What one tensor needs in the step under way. Tensors of one group at one step count share their coefficients.
  struct Prepared {
    const double* coefs;
    double grad_factor;
    std::array<double, max_scalars> scalars;
  };

  void run_range(const KernelTable& table, std::int64_t from, std::int64_t to) const noexcept;
  void commit() noexcept;

  std::vector<Group> groups_;
  std::vector<Tensor> tensors_;
  std::vector<std::int64_t> starts_;  // position of each tensor on the line of work that the team divides
  std::vector<Prepared> prepared_;
  std::vector<std::array<double, max_coefs>> coefs_;
};

}  // namespace onepass
