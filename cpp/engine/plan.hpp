// What does one optimizer step do? Everything for all parameters of all groups: one call, one parallel region, one
// pass; a second region before it when, and only when, something global is asked of the gradients, and one more for
// each further stage of a rule that needs sums over a tensor, or over rows and columns.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "coefficients.hpp"
#include "factors.hpp"
#include "line.hpp"
#include "norm.hpp"
#include "pooled_groups.hpp"
#include "stages.hpp"
#include "sum_line.hpp"
#include "tensor.hpp"
#include "treatment.hpp"

namespace onepass {

class Plan {
 public:
  Plan(std::vector<Group> groups, std::vector<Tensor> tensors, const Rounding& rounding = {});

  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  std::vector<Tensor>& tensors() { return tensors_; }
  // What it was built of, for a larger one; it is of no use afterwards.
  std::pair<std::vector<Group>, std::vector<Tensor>> release() { return {std::move(groups_), std::move(tensors_)}; }
  // How many threads its steps are worth, with the options of the last.
  int team() const { return team_for(line_.cost(), call_.options.threads); }

  // One step, computed in the default floating-point mode, whatever the caller's. In two halves, so that
  // hyper-parameters are read in the first alone and may change during the second, which neither allocates nor fails.
  void prepare(const StepOptions& options = {});
  StepResult run() noexcept { return finish(measure()); }
  // `run` in two halves, between which the sums of other plans' tiles may come to those of this one.
  bool measures() const { return call_.options.completes && looks_ahead(); }
  std::span<const TileSum> measure() noexcept;
  StepResult finish(std::span<const TileSum> sums) noexcept;
  // `finish` in parts, for a rule of one stage: what is done to some blocks, which together are all, while the gradient
  // needs to be there for these alone.
  bool has_parts() const { return stages_.count() == 1; }
  std::int64_t blocks() const { return line_.blocks(); }
  StepResult open(std::span<const TileSum> sums) noexcept;
  void work(const StepResult& opened, Blocks blocks) noexcept;
  void close(const StepResult& opened) noexcept;
  StepResult step(const StepOptions& options = {}) { return prepare(options), run(); }

 private:
  void lay();
  // Gradients that are accumulated are added before rows and columns are looked at.
  bool looks_ahead() const {
    return call_.options.measure_norm || call_.options.skip_nonfinite ||
           (call_.options.accumulate > 1 && factors_.any());
  }
  StepResult judge(const TileSum& sum) noexcept;

  std::vector<Group> groups_;
  std::vector<Tensor> tensors_;
  std::vector<Treatment> treatments_;
  Coefficients coefficients_;
  Line line_;
  SumLine sum_line_;
  Norm norm_;
  Factors factors_;
  PooledGroups pooled_groups_;
  Stages stages_;
  bool has_rows_ = false;  // they are laid for a step with sparse gradients
  Call call_;
};

}  // namespace onepass
