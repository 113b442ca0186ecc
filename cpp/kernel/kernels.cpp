// What one instruction-set level exports: its passes, and the kernels of all rules. Compiled once per level with that
// level's flags, as the units are that it gathers; each exports one symbol.
//
// No standard-library template may be instantiated here: the linker would merge it with other levels' copies.
#include "kernels.hpp"

#include "passes.hpp"
#include "slot_passes.hpp"
#include "small_matrix_loops.hpp"
#include "vector_loops.hpp"

namespace onepass::ONEPASS_LEVEL {

// families.inc is written by CMake: FAMILY(name) for each row of rules/all.hpp.
#define FAMILY(name) extern const FamilyKernels name##_kernels;
#include "families.inc"
#undef FAMILY

namespace {

constexpr const FamilyKernels* families[] = {
#define FAMILY(name) &name##_kernels,
#include "families.inc"
#undef FAMILY
};
// In the order of DType.
constexpr Passes passes[array_dtype_count] = {common_passes<float>(), common_passes<double>(), narrow_passes<bf16>(),
                                              narrow_passes<f16>()};
constexpr AllSlotPasses slots[] = {all_slot_passes<bf16>(), all_slot_passes<f16>(), all_slot_passes<q8>()};
constexpr VectorKernels vectors[] = {vector_kernels<float>(), vector_kernels<double>()};
constexpr SmallMatrixKernels small_matrices = small_matrix_kernels();

}  // namespace

extern const KernelTable kernels;
const KernelTable kernels{families, passes, slots, widen_floats, narrow_doubles, vectors, &small_matrices};

}  // namespace onepass::ONEPASS_LEVEL
