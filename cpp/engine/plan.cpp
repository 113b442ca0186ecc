#include "plan.hpp"

#include <algorithm>
#include <cmath>

#include "dispatch.hpp"
#include "fp_env.hpp"
#include "rows.hpp"
#include "tile.hpp"

namespace onepass {

Plan::Plan(std::vector<Group> groups, std::vector<Tensor> tensors, const Rounding& rounding)
    : groups_(std::move(groups)),
      tensors_(std::move(tensors)),
      coefficients_(tensors_.size()),
      line_(tensors_.size()),
      sum_line_(tensors_.size()) {
  call_.rounding = rounding;
  treatments_.reserve(tensors_.size());
  for (const Tensor& tensor : tensors_) {
    const Group& group = groups_[static_cast<std::size_t>(tensor.group)];
    const RuleInfo& rule = rules()[static_cast<std::size_t>(group.rule)];
    treatments_.push_back({.member = {&tensor, &group, &rule, treatments_.size()}});
  }
  lay();
  factors_.lay(treatments_);
  stages_.lay(treatments_);
  pooled_groups_.lay(treatments_);
}

void Plan::lay() {
  line_.lay(tensors_);
  sum_line_.lay(tensors_);
}

void Plan::prepare(const StepOptions& options) {
  const DefaultFpEnv env;
  const bool has_rows = std::ranges::any_of(tensors_, [](const Tensor& tensor) { return tensor.rows != nullptr; });
  if (has_rows || has_rows_) lay();
  has_rows_ = has_rows;
  call_.start(*active_level().table, options);
  coefficients_.restart();
  pooled_groups_.start(treatments_, coefficients_);
  for (Treatment& t : treatments_) t.prepare(call_, coefficients_);
  if (looks_ahead()) norm_.reserve(sum_line_);
  stages_.prepare(sum_line_, treatments_);
}

std::span<const TileSum> Plan::measure() noexcept {
  if (has_rows_)
    for (const Tensor& tensor : tensors_)
      if (tensor.rows) tensor.rows->combine(*call_.table, call_.options.threads);
  if (!measures()) return {};
  const std::span<const TileSum> sums = norm_.measure(call_, sum_line_, treatments_, line_.cost());
  call_.has_summed = true;
  return sums;
}

StepResult Plan::finish(std::span<const TileSum> sums) noexcept {
  const StepResult result = open(sums);
  if (call_.options.completes && !result.skipped && !has_parts()) {
    if (factors_.any()) factors_.renew(call_, treatments_);
    stages_.run(call_, sum_line_, treatments_, coefficients_, pooled_groups_, line_.cost());
  } else {
    work(result, {0, blocks()});
  }
  close(result);
  return result;
}

StepResult Plan::open(std::span<const TileSum> sums) noexcept {
  StepResult result;
  if (measures()) result = judge(total(sums));
  result.skipped |= call_.options.skip;
  return result;
}

void Plan::work(const StepResult& opened, Blocks blocks) noexcept {
  const StepOptions& options = call_.options;
  if (options.completes && !opened.skipped) {
    line_.share(blocks, treatments_, options.threads,
                [&](const Treatment& t, const Source& source, std::int64_t begin, std::int64_t end) {
                  if (t.updates || t.in_tiles) treat(call_, t, {source, begin, end});
                });
  } else if (options.accumulate > 1 || options.zero_grad) {
    line_.share(blocks, treatments_, options.threads,
                [&](const Treatment& t, const Source&, std::int64_t begin, std::int64_t end) {
                  if (t.gathers || t.zero_grad) gather(call_, t, begin, end);
                });
  }
}

StepResult Plan::judge(const TileSum& sum) noexcept {
  const DefaultFpEnv env;
  const StepOptions& options = call_.options;
  StepResult result;
  result.norm = std::sqrt(sum.squares) / call_.gradient_scale();
  result.skipped = options.skip_nonfinite && !sum.finite;
  if (options.clip_norm < unlimited) result.clip_coefficient = clip_coefficient(result.norm, options.clip_norm);
  call_.grad_factor = result.clip_coefficient / call_.gradient_scale();
  return result;
}

void Plan::close(const StepResult& opened) noexcept {
  const StepOptions& options = call_.options;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    Tensor& tensor = tensors_[i];
    const Treatment& t = treatments_[i];
    if (options.accumulate > 1) {
      if (options.completes)
        *tensor.grad_count = 0;
      else if (tensor.grad)
        ++*tensor.grad_count;
    }
    if (opened.skipped || !options.completes) continue;
    if (t.update_mean) ++*tensor.mean_count;
    if (!t.updates) continue;
    ++*tensor.step;
    coefficients_.commit(t.member, tensor);
  }
  if (!opened.skipped && options.completes) pooled_groups_.commit(treatments_, coefficients_);
}

}  // namespace onepass
