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
typename Rule::template Coefs<double> coefs_of(const double* coefs) {
  typename Rule::template Coefs<double> prepared;
  std::memcpy(&prepared, coefs, sizeof prepared);
  return prepared;
}

template <class Rule, class Stage, std::size_t... N, std::size_t... S>
void prepare_stage_with(double* coefs, const double* sums, double size, double* scalars, std::index_sequence<N...>,
                        std::index_sequence<S...>) {
  auto prepared = coefs_of<Rule>(coefs);
  Stage::prepare(prepared, sums[N]..., size, scalars[S]...);
  std::memcpy(coefs, &prepared, sizeof prepared);
}

template <class Rule, class Stage, std::size_t sum_count>
void prepare_stage(double* coefs, const double* sums, double size, [[maybe_unused]] double* scalars) {
  prepare_stage_with<Rule, Stage>(coefs, sums, size, scalars, std::make_index_sequence<sum_count>{},
                                  std::make_index_sequence<Rule::scalars.count>{});
}

template <class Rule, class... Stages>
struct StageTable;
template <class Rule, class... Stages>
struct StageTable<Rule, StageList<Stages...>> {
  template <std::size_t number, class Stage>
  static constexpr StageInfo info() {
    constexpr std::array sums{StageTraits<Rule, Stages, Pack<float>>::sums...};
    using Of = StageTraits<Rule, Stage, Pack<float>>;
    StageInfo stage{Of::sums, Of::reads_param, Of::reads_grad, {}, {}, Of::descends, nullptr};
    static_assert(Of::descends == (number + 1 == sizeof...(Stages)),
                  "the last stage alone returns what the parameter descends by");
    for (int slot = 0; slot < Rule::slots.count; ++slot) {
      stage.reads[static_cast<std::size_t>(slot)] = Of::reads(slot);
      stage.writes[static_cast<std::size_t>(slot)] = Of::writes(slot);
    }
    if constexpr (number > 0) stage.prepare = prepare_stage<Rule, Stage, static_cast<std::size_t>(sums[number - 1])>;
    return stage;
  }
  template <std::size_t... N>
  static constexpr std::array<StageInfo, sizeof...(Stages)> all_of(std::index_sequence<N...>) {
    return {info<N, Stages>()...};
  }
  static constexpr auto all = all_of(std::make_index_sequence<sizeof...(Stages)>{});
};

template <class Rule, class T>
void renew_as(const double* coefs, const double* sums, double count, T* state, std::int64_t size) {
  const auto prepared = coefs_of<Rule>(coefs);
  for (std::int64_t i = 0; i < size; ++i)
    state[i] = static_cast<T>(Rule::renew(prepared, static_cast<double>(state[i]), sums[i] / count));
}

template <class Rule, class T>
void weigh_as(const T* state, double divisor, T* weights, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i)
    weights[i] = static_cast<T>(Rule::weight(static_cast<double>(state[i]) / divisor));
}

template <class Rule>
constexpr std::size_t slot_of(SlotShape shape) {
  std::size_t s = 0;
  while (Rule::slots.items[s].shape != shape) ++s;
  return s;
}

template <class Rule>
constexpr Factoring factoring{
    .row = slot_of<Rule>(SlotShape::row),
    .column = slot_of<Rule>(SlotShape::column),
    .renew =
        [](const double* coefs, const double* sums, double count, void* state, bool is_double, std::int64_t size) {
          if (is_double)
            renew_as<Rule>(coefs, sums, count, static_cast<double*>(state), size);
          else
            renew_as<Rule>(coefs, sums, count, static_cast<float*>(state), size);
        },
    .divisor = [](const double* coefs, double mean) { return Rule::divisor(coefs_of<Rule>(coefs), mean); },
    .weigh =
        [](const void* state, double divisor, void* weights, bool is_double, std::int64_t size) {
          if (is_double)
            weigh_as<Rule>(static_cast<const double*>(state), divisor, static_cast<double*>(weights), size);
          else
            weigh_as<Rule>(static_cast<const float*>(state), divisor, static_cast<float*>(weights), size);
        }};

template <class Rule>
constexpr int coef_count = sizeof(typename Rule::template Coefs<double>) / sizeof(double);

template <class Rule>
RuleInfo info_of(RulePlace place) {
  static_assert(coef_count<Rule> <= max_coefs && Rule::hypers.count <= max_hypers && Rule::slots.count <= max_slots &&
                    Rule::scalars.count <= max_scalars,
                "raise the limits in kernels.hpp and slot.hpp");
  static_assert(in_buffers<Rule> || Rule::slots.slow_before(Rule::slots.count) <= max_slow_slots,
                "a kernel in registers has one hash for them");
  RuleInfo info{.name = Rule::name,
                .place = place,
                .hypers = items_of(Rule::hypers),
                .slots = items_of(Rule::slots),
                .scalars = items_of(Rule::scalars),
                .lazy = is_lazy<Rule>,
                .lazy_where_zero = {},
                .coefs = coef_count<Rule>,
                .in_buffers = in_buffers<Rule>,
                .pooled = is_pooled<Rule>,
                .factoring = nullptr,
                .stages = StageTable<Rule, typename StagesOf<Rule>::type>::all,
                .prepare = prepare<Rule>};
  if constexpr (is_factored<Rule>) info.factoring = &factoring<Rule>;
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
