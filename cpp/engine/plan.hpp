// What does one optimizer step do? Everything for all parameters of all groups: one call, one parallel region, one
// pass; a second region before it when, and only when, something global is asked of the gradients.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tensor.hpp"
#include "tile.hpp"

namespace onepass {

class Plan {
 public:
  // Below this many elements in all, waking a second thread costs more than it saves.
  static constexpr std::int64_t serial_below = 32768;

  Plan(std::vector<Group> groups, std::vector<Tensor> tensors, const Rounding& rounding = {});

  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  std::vector<Tensor>& tensors() { return tensors_; }
  // How many threads its steps are worth, with the options of the last.
  int team() const;

  // One step, computed in the default floating-point mode, whatever the caller's. In two halves, so that
  // hyper-parameters are read in the first alone and may change during the second, which neither allocates nor fails.
  void prepare(const StepOptions& options = {});
  StepResult run() noexcept;
  StepResult step(const StepOptions& options = {}) { return prepare(options), run(); }

 private:
  double gradient_scale() const;
  void prepare_gradient(std::size_t i);
  void prepare_update(std::size_t i);
  void prepare_rest(Treatment& t) const;
  void prepare_line();
  template <class Function>
  void for_each_stretch(Function function) const noexcept;
  void combine_rows() noexcept;
  TileSum sum_tile(std::size_t i, std::int64_t number) const noexcept;
  StepResult measure() noexcept;
  void commit(bool skipped) noexcept;

  std::vector<Group> groups_;
  std::vector<Tensor> tensors_;
  Rounding rounding_;
  std::int64_t grain_;
  std::vector<std::int64_t> starts_;  // position of each tensor on the line of work that the team divides
  bool has_rows_ = false;             // the line is that of a step with sparse gradients
  std::vector<Treatment> treatments_;
  std::vector<Source> sources_;
  std::vector<Storage> storages_;  // for which the staging was chosen
  // Tensors of one group at one step count share their coefficients.
  std::vector<std::array<double, max_coefs>> coefs_;
  std::vector<std::array<double, max_scalars>> scalars_;
  std::size_t last_updated_ = 0;
  std::vector<std::int64_t> sum_starts_;  // number of each tensor's first sum tile
  std::vector<TileSum> sums_;
  StepOptions options_;
  const KernelTable* table_ = nullptr;
};

}  // namespace onepass
