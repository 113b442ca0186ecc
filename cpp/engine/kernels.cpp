// The kernels of one instruction-set level. Compiled once per level with that level's flags; exports one symbol.
//
// No standard-library template may be instantiated here: the linker would merge it with other levels' copies.
#include "kernels.hpp"

#include "loop.hpp"
#include "rules/all.hpp"

#define ONEPASS_JOIN_(a, b) a##b
#define ONEPASS_JOIN(a, b) ONEPASS_JOIN_(a, b)

namespace onepass {
namespace {

template <class... Rules>
struct Rows {
  static constexpr Kernel rows[][dtype_count] = {{kernel<Rules, float>, kernel<Rules, double>}...};
};
template <class... Rules>
constexpr Rows<Rules...> rows_of(RuleList<Rules...>) {
  return {};
}

}  // namespace

extern const KernelTable ONEPASS_JOIN(kernels_, ONEPASS_LEVEL);
const KernelTable ONEPASS_JOIN(kernels_, ONEPASS_LEVEL){decltype(rows_of(AllRules{}))::rows};

}  // namespace onepass
