// How are gradients clipped to a norm by themselves, before a step of somebody else's? In one sweep that measures, and
// one that scales.
#pragma once

#include <vector>

#include "line.hpp"
#include "norm.hpp"
#include "sum_line.hpp"
#include "tensor.hpp"
#include "treatment.hpp"

namespace onepass {

class Clip {
 public:
  // Of tensors that have nothing but a gradient.
  explicit Clip(std::vector<Tensor> gradients);

  Clip(const Clip&) = delete;
  Clip& operator=(const Clip&) = delete;

  double norm() noexcept;
  void scale(double factor) noexcept;

 private:
  std::vector<Tensor> tensors_;
  std::vector<Treatment> treatments_;
  Line line_;
  SumLine sum_line_;
  Norm norm_;
  Call call_;
};

}  // namespace onepass
