#include "registry.hpp"

#include <cstring>
#include <utility>
#include <vector>

#include "rules/all.hpp"

namespace onepass {
namespace {

// Without those that stand in for none.
template <class List>
auto items_of(const List& list) {
  return std::span(list.items).first(static_cast<std::size_t>(List::count));
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

template <class Rule>
RuleInfo info_of(RulePlace place) {
  static_assert(coef_count<Rule> <= max_coefs && Rule::slots.count <= max_slots && Rule::scalars.count <= max_scalars,
                "raise the limits in kernels.hpp and slot.hpp");
  static_assert(Rule::slots.slow_before(Rule::slots.count) <= max_slow_slots, "a hash has no more bits");
  RuleInfo info{.name = Rule::name,
                .place = place,
                .hypers = items_of(Rule::hypers),
                .slots = items_of(Rule::slots),
                .scalars = items_of(Rule::scalars),
                .lazy = is_lazy<Rule>,
                .lazy_where_zero = {},
                .coefs = coef_count<Rule>,
                .prepare = prepare<Rule>};
  if constexpr (is_lazy<Rule>) info.lazy_where_zero = items_of(Rule::lazy_where_zero);
  return info;
}

template <class... Rules>
void add(std::vector<RuleInfo>& all, int family, RuleList<Rules...>) {
  int member = 0;
  (all.push_back(info_of<Rules>({family, member++})), ...);
}

template <class... Lists>
std::vector<RuleInfo> all_of(Families<Lists...>) {
  std::vector<RuleInfo> all;
  int family = 0;
  (add(all, family++, Lists{}), ...);
  return all;
}

}  // namespace

std::span<const RuleInfo> rules() {
  static const std::vector<RuleInfo> all = all_of(families);
  return all;
}

int find_rule(std::string_view name) {
  const auto all = rules();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].name == name) return static_cast<int>(i);
  return -1;
}

}  // namespace onepass
