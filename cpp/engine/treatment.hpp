// How is a tensor treated in the step under way? By what it is, by what the call says, and by what its state adds.
#pragma once

#include "coefficients.hpp"
#include "member.hpp"
#include "staging.hpp"
#include "tensor.hpp"

namespace onepass {

// What a call says of all tensors alike.
struct Call {
  const KernelTable* table = nullptr;
  Rounding rounding;
  StepOptions options;
  double sum_factor = 1;  // of a gradient that is added to those before it
  double clip_bound = unlimited;
  double grad_factor = 1;   // of what the rule takes for the gradient
  bool has_summed = false;  // gradients have been added already, when their norm was measured

  void start(const KernelTable& best, const StepOptions& asked);
  // What was added has had its own scale taken out already.
  double gradient_scale() const { return options.accumulate > 1 ? options.accumulate : options.grad_scale; }
};

// What the rule takes for the gradient, before it is clipped; it begins with this element.
struct Source {
  Array array;
  std::int64_t begin = 0;
  std::span<const Array> addends{};  // it is their sum, which has an array in a tile alone
  // A gradient as it was given; of rows each has an array of its own.
  static Source of(const Tensor& tensor) {
    return {tensor.rows ? Array{nullptr, tensor.compute()} : tensor.grad, 0, tensor.addends};
  }
  void* at(std::int64_t index) const { return array.at(index - begin); }
};

// What the rule takes for state of rows and columns, in the compute type, where a parameter is matrices.
struct Weights {
  void *of_rows = nullptr, *of_columns = nullptr;
};

struct Treatment {
  Member member;
  Source source{};
  bool updates = false;       // the rule is applied: there is a gradient
  bool gathers = false;       // gradients of several calls are added
  std::uint32_t waiting = 0;  // which partial sums are added, a bit for each
  int sum_to = 0;             // which of them the sum becomes
  bool in_tiles = false;      // there is more to do than to call the kernel
  bool within_rows = false;   // what a kernel gets is within a row of a matrix, whose weight is one number
  bool noisy = false;         // something is rounded stochastically
  double sign = 1;
  Storage storage{};  // for which the staging was chosen
  Staging staging{};
  const Kernel* kernels = nullptr;  // of the stages
  const double* coefs = nullptr;
  Weights weights{};
  std::int64_t time = 0;  // this step's number, from 1
  // What follows the update.
  bool update_mean = false, start_mean = false;
  double mean_weight = 1;
  bool write_mirror = false, zero_grad = false;

  void prepare(const Call& call, Coefficients& coefficients);

 private:
  void prepare_gradient(const Call& call);
  void prepare_sum(const Call& call);
  void prepare_update(const Call& call, Coefficients& coefficients);
  void prepare_rest(const Call& call);
};

}  // namespace onepass
