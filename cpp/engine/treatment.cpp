#include "treatment.hpp"

#include <bit>
#include <cmath>

#include "language/lane_sums.hpp"

namespace onepass {
namespace {

// Rows of so many elements are worth a call of their own.
constexpr std::int64_t long_row = 256;
constexpr int compute_dtype_count = 2;

bool is_narrow(DType dtype) { return dtype != DType::f32 && dtype != DType::f64; }

}  // namespace

void Call::start(const KernelTable& best, const StepOptions& asked) {
  table = &best;
  options = asked;
  sum_factor = 1 / options.grad_scale;
  clip_bound = options.clip_value * gradient_scale();
  grad_factor = 1 / gradient_scale();
  has_summed = false;
}

void Treatment::prepare(const Call& call, Coefficients& coefficients) {
  prepare_gradient(call);
  if (updates) prepare_update(call, coefficients);
  prepare_rest(call);
}

void Treatment::prepare_gradient(const Call& call) {
  const Tensor& tensor = *member.tensor;
  const bool given = tensor.grad || tensor.rows;
  sign = *member.group->sign;
  gathers = call.options.accumulate > 1 && given;
  updates = given;
  source = Source::of(tensor);
  if (call.options.accumulate > 1) {
    prepare_sum(call);
    updates = call.options.completes && (given || *tensor.grad_count > 0);
    source = {tensor.grad_sum};
  }
}

// In a tree partial sums wait for their right halves as the ones of a binary counter do: a gradient is carried as far
// as there are ones in a row, and in the end all are added.
void Treatment::prepare_sum(const Call& call) {
  const Tensor& tensor = *member.tensor;
  const auto count = static_cast<std::uint32_t>(*tensor.grad_count);
  const bool is_tree = !tensor.larger_sums.empty();
  sum_to = is_tree && !call.options.completes ? std::countr_one(count) : 0;
  waiting = !is_tree ? count > 0 : call.options.completes ? count : (1U << sum_to) - 1;
  gathers |= call.options.completes && waiting > 1;
}

void Treatment::prepare_update(const Call& call, Coefficients& coefficients) {
  const Tensor& tensor = *member.tensor;
  // What is clipped or summed is in the compute type then.
  const bool is_computed = call.clip_bound < unlimited || !source.addends.empty();
  const DType grad = is_computed ? tensor.compute() : source.array.dtype;
  const DType state = member.rule->slots.empty() ? tensor.compute() : tensor.slots[0].dtype;
  const bool stochastic_param = call.rounding.stochastic_param && is_narrow(tensor.param.dtype);
  const Storage now{
      tensor.param.dtype,     grad, state, call.rounding.stochastic_state, tensor.compensation || stochastic_param,
      member.rule->in_buffers};
  if (storage != now) {
    staging = choose_staging(now);
    storage = now;
  }
  const Matrices& matrices = tensor.matrices;
  within_rows = member.rule->factoring && !matrices.is_vector && !matrices.transposed && matrices.width >= long_row &&
                matrices.width % sum_lanes == 0;
  const int layout = staging.layout + (within_rows ? compute_dtype_count : 0);
  kernels = call.table->kernels_of(member.rule->place) +
            (member.rule->in_buffers ? std::ssize(member.rule->stages) : 1) * layout;
  noisy = (is_narrow(state) && call.rounding.stochastic_state) || stochastic_param;
  time = *tensor.step + 1;
  coefs = coefficients.prepare(member);
}

void Treatment::prepare_rest(const Call& call) {
  const Tensor& tensor = *member.tensor;
  update_mean = tensor.mean && call.options.update_mean;
  if (update_mean) {
    const double decay = call.options.mean_decay;
    start_mean = *tensor.mean_count == 0;
    mean_weight = std::isnan(decay) ? 1 / static_cast<double>(*tensor.mean_count + 1) : 1 - decay;
  }
  write_mirror = tensor.mirror && call.options.write_mirror;
  zero_grad = tensor.grad && call.options.zero_grad;
  in_tiles = (member.rule->factoring && !within_rows) || staging.param || staging.grad || staging.state || gathers ||
             !source.addends.empty() || call.clip_bound < unlimited || call.rounding.flush_subnormals || update_mean ||
             write_mirror || zero_grad;
}

}  // namespace onepass
