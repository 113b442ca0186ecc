// What does a step ask of gradients and counts, whoever's arrays they are? It is asked before anything is written.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/registry.hpp"
#include "engine/tensor.hpp"
#include "memory.hpp"

namespace onepass::bind {

// Why rows alone cannot be the gradient of this tensor, which has them: the end of a sentence; empty if they can.
std::string problem_of_rows(const Tensor& tensor, const RuleInfo& rule, const double* hypers,
                            const StepOptions& options);

// How a parameter of this shape lies as matrices, or none if it lies in an order in which the core does not see them.
// `strides` are in elements, or empty for C order.
std::optional<Matrices> matrices_of(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides);
// What state of a matrix's rows or columns has for a shape, and what a parameter is told that does not lie so.
std::vector<std::int64_t> factor_shape(SlotShape of, std::span<const std::int64_t> shape);
extern const char* const needs_c_order;

// Lays the tensor as these matrices, and calls data_of(number, name) for each slot of rows or columns that it has.
template <class DataOf>
void bind_factors(Tensor& tensor, const Matrices& matrices, const RuleInfo& rule, DataOf data_of) {
  tensor.matrices = matrices;
  for (std::size_t s = 0; s < rule.slots.size(); ++s) {
    const Slot& slot = rule.slots[s];
    if (slot.shape == SlotShape::element) continue;
    tensor.slots[s].dtype = tensor.compute();
    if (const char* const name = matrices.is_vector ? slot.of_vector : slot.name)
      tensor.slots[s].data = data_of(s, name);
  }
}

// Counts stay where they are exact in double, as the rules compute with them, and where they can be loaded again.
void require_countable(const std::string& caller, const std::vector<Tensor>& tensors, const StepOptions& options,
                       const Memory::Name& name);

// Gradients that a step sets to zero must not be those of another parameter as well.
class DistinctGradients {
 public:
  void require(const std::string& caller, const std::vector<Tensor>& tensors, const Memory::Name& name);

 private:
  std::vector<Array> known_;  // to be distinct
};

}  // namespace onepass::bind
