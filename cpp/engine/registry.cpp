#include "registry.hpp"

#include <cstring>
#include <utility>

#include "kernels.hpp"
#include "rules/all.hpp"

namespace onepass {
namespace {

template <int N>
std::span<const char* const> names_of(const Names<N>& names) {
  return {names.items, static_cast<std::size_t>(N)};
}

template <class Rule, std::size_t... H, std::size_t... S>
void prepare_with(std::int64_t t, const double* hypers, double* scalars, double* coefs, std::index_sequence<H...>,
                  std::index_sequence<S...>) {
  const auto prepared = Rule::prepare(t, hypers[H]..., scalars[S]...);
  std::memcpy(coefs, &prepared, sizeof prepared);
}

template <class Rule>
void prepare(std::int64_t t, const double* hypers, [[maybe_unused]] double* scalars, double* coefs) {
  prepare_with<Rule>(t, hypers, scalars, coefs, std::make_index_sequence<Rule::hypers.count>{},
                     std::make_index_sequence<Rule::scalars.count>{});
}

template <class Rule>
constexpr int coef_count = sizeof(typename Rule::template Coefs<double>) / sizeof(double);

template <class... Rules>
std::span<const RuleInfo> infos_of(RuleList<Rules...>) {
  static_assert(
      ((coef_count<Rules> <= max_coefs && Rules::slots.count <= max_slots && Rules::scalars.count <= max_scalars) &&
       ...),
      "raise the limits in kernels.hpp");
  static const RuleInfo infos[] = {{Rules::name, names_of(Rules::hypers), names_of(Rules::slots),
                                    names_of(Rules::scalars), coef_count<Rules>, prepare<Rules>}...};
  return infos;
}

}  // namespace

std::span<const RuleInfo> rules() { return infos_of(AllRules{}); }

int find_rule(std::string_view name) {
  const auto all = rules();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].name == name) return static_cast<int>(i);
  return -1;
}

}  // namespace onepass
