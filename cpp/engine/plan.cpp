#include "plan.hpp"

#include <algorithm>
#include <cmath>

#include "dispatch.hpp"
#include "fp_env.hpp"
#include "registry.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace onepass {
namespace {

// Shares are cut at multiples of this many elements from a tensor's start: no two threads write one cache line, nor
// one block of state.
std::int64_t grain_of(const std::vector<Tensor>& tensors) {
  const auto in_blocks = [](const Tensor& tensor) { return tensor.slots[0].dtype == DType::q8; };
  return std::any_of(tensors.begin(), tensors.end(), in_blocks) ? block_size : 64;
}

// What a thread takes at a time: long against taking it, short against waiting for the thread that has the last.
std::int64_t chunk_of(std::int64_t work, int team, std::int64_t grain) {
  return std::clamp<std::int64_t>(work / (16 * team), 2048, 16384) / grain * grain;
}

const RuleInfo& rule_of(const Group& group) { return rules()[static_cast<std::size_t>(group.rule)]; }

bool same_scalars(const Tensor& a, const Tensor& b, std::size_t count) {
  for (std::size_t s = 0; s < count; ++s)
    if (*a.scalars[s] != *b.scalars[s]) return false;
  return true;
}

// What a tensor has to do in the step: all its elements, or those of the rows that have a gradient.
std::int64_t length_of(const Tensor& tensor) {
  return tensor.rows ? tensor.rows->count() * tensor.rows->width() : tensor.size;
}

constexpr std::int64_t tiles_in(std::int64_t size) { return (size + sum_tile_size - 1) / sum_tile_size; }

// Rows lie anywhere in memory, and no processor guesses where: the start of each is asked for some rows before its
// turn. (Inlined by force: GCC takes a function that only prefetches for one without effect, and drops its calls.)
constexpr std::int64_t rows_ahead = 4;
[[gnu::always_inline]] inline void fetch_row(const Tensor& tensor, std::size_t slots, std::int64_t number) {
  constexpr std::int64_t line = 64, most = 8 * line;
  if (number >= tensor.rows->count()) return;
  const std::int64_t start = tensor.rows->row(number) * tensor.rows->width();
  const auto fetch = [&](const Array& array, std::int64_t index) __attribute__((always_inline)) {
    const std::int64_t bytes = std::min(tensor.rows->width() * bytes_of(array.dtype), most);
    for (std::int64_t at = 0; at < bytes; at += line) __builtin_prefetch(static_cast<char*>(array.at(index)) + at);
  };
  fetch(tensor.rows->gradient(number), 0);
  fetch(tensor.param, start);
  for (std::size_t s = 0; s < slots; ++s) fetch(tensor.slots[s], start);
}

bool is_narrow(DType dtype) { return dtype != DType::f32 && dtype != DType::f64; }

}  // namespace

Plan::Plan(std::vector<Group> groups, std::vector<Tensor> tensors, const Rounding& rounding)
    : groups_(std::move(groups)),
      tensors_(std::move(tensors)),
      rounding_(rounding),
      grain_(grain_of(tensors_)),
      starts_(tensors_.size() + 1),
      treatments_(tensors_.size()),
      sources_(tensors_.size()),
      storages_(tensors_.size()),
      coefs_(tensors_.size()),
      scalars_(tensors_.size()),
      sum_starts_(tensors_.size() + 1) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    Treatment& t = treatments_[i];
    t.tensor = &tensors_[i], t.position = i;
    t.slots = rule_of(groups_[static_cast<std::size_t>(tensors_[i].group)]).slots.size();
  }
  prepare_line();
}

// The tensors one behind the other, with room for what a tensor costs beside its elements.
void Plan::prepare_line() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& tensor = tensors_[i];
    starts_[i + 1] = starts_[i] + (length_of(tensor) + grain_ - 1) / grain_ * grain_ + grain_;
    sum_starts_[i + 1] =
        sum_starts_[i] + (tensor.rows ? tensor.rows->count() * tiles_in(tensor.rows->width()) : tiles_in(tensor.size));
  }
}

int Plan::team() const {
  if (starts_.back() < serial_below) return 1;
  return options_.threads > 0 ? options_.threads : threads::count();
}

void Plan::prepare(const StepOptions& options) {
  const DefaultFpEnv env;
  options_ = options;
  table_ = active_level().table;
  const bool has_rows =
      std::any_of(tensors_.begin(), tensors_.end(), [](const Tensor& tensor) { return tensor.rows != nullptr; });
  if (has_rows || has_rows_) prepare_line();
  has_rows_ = has_rows;
  last_updated_ = tensors_.size();
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    prepare_gradient(i);
    if (treatments_[i].updates) prepare_update(i);
    prepare_rest(treatments_[i]);
  }
  if (options_.measure_norm || options_.skip_nonfinite) sums_.resize(static_cast<std::size_t>(sum_starts_.back()));
}

// A sum of gradients has had their own scales taken out already.
double Plan::gradient_scale() const { return options_.accumulate > 1 ? options_.accumulate : options_.grad_scale; }

// Where the gradient comes from, and what it is multiplied by while there is no norm to clip it to.
void Plan::prepare_gradient(std::size_t i) {
  Treatment& t = treatments_[i];
  const Tensor& tensor = tensors_[i];
  const bool accumulates = options_.accumulate > 1, given = tensor.grad || tensor.rows;
  t.gathers = accumulates && given;
  t.updates = given;
  sources_[i] = {tensor.rows ? Array{nullptr, tensor.compute()} : tensor.grad};
  if (accumulates) {
    t.starts_sum = *tensor.grad_count == 0;
    t.gather_factor = 1 / options_.grad_scale;
    t.updates = options_.completes && (given || *tensor.grad_count > 0);
    sources_[i] = {tensor.grad_sum};
  }
  t.clip_bound = options_.clip_value * gradient_scale();
  t.sign = *groups_[static_cast<std::size_t>(tensor.group)].sign;
  t.grad_factor = t.sign / gradient_scale();
}

void Plan::prepare_update(std::size_t i) {
  Treatment& t = treatments_[i];
  const Tensor& tensor = tensors_[i];
  const Group& group = groups_[static_cast<std::size_t>(tensor.group)];
  const RuleInfo& rule = rule_of(group);

  // What is clipped is in the compute type then.
  const DType grad = t.clip_bound < unlimited ? tensor.compute() : sources_[i].array.dtype;
  const DType state = rule.slots.empty() ? tensor.compute() : tensor.slots[0].dtype;
  const bool narrow_param = is_narrow(tensor.param.dtype);
  const bool stochastic_param = rounding_.stochastic_param && narrow_param;
  const Storage storage{tensor.param.dtype, grad, state, rounding_.stochastic_state,
                        tensor.compensation || stochastic_param};
  if (storages_[i] != storage) {
    t.staging = choose_staging(storage);
    storages_[i] = storage;
  }
  t.kernel = table_->find(rule.place, t.staging.layout);
  t.noisy = (is_narrow(state) && rounding_.stochastic_state) || stochastic_param;

  t.time = *tensor.step + 1;
  const Tensor* const last = last_updated_ < tensors_.size() ? &tensors_[last_updated_] : nullptr;
  if (last && last->group == tensor.group && *last->step == *tensor.step &&
      same_scalars(*last, tensor, rule.scalars.size())) {
    t.coefs = treatments_[last_updated_].coefs;
    scalars_[i] = scalars_[last_updated_];
    return;
  }
  for (std::size_t s = 0; s < rule.scalars.size(); ++s) scalars_[i][s] = *tensor.scalars[s];
  rule.prepare(t.time, group.hypers, scalars_[i].data(), coefs_[i].data());
  t.coefs = coefs_[i].data();
  last_updated_ = i;
}

void Plan::prepare_rest(Treatment& t) const {
  const Tensor& tensor = *t.tensor;
  t.update_mean = tensor.mean && options_.update_mean;
  if (t.update_mean) {
    t.start_mean = *tensor.mean_count == 0;
    t.mean_weight =
        std::isnan(options_.mean_decay) ? 1 / static_cast<double>(*tensor.mean_count + 1) : 1 - options_.mean_decay;
  }
  t.write_mirror = tensor.mirror && options_.write_mirror;
  t.zero_grad = tensor.grad && options_.zero_grad;
  const bool staged = t.staging.param || t.staging.grad;
  t.in_tiles = staged || t.gathers || t.clip_bound < unlimited || rounding_.flush_subnormals || t.update_mean ||
               t.write_mirror || t.zero_grad;
}

// Calls function(treatment, source, begin, end) for stretches that cover all that there is to do, on as many threads as
// are worth it.
template <class Function>
void Plan::for_each_stretch(Function function) const noexcept {
  const int threads = team();
  threads::parallel_for(
      threads, starts_.back(), grain_, chunk_of(starts_.back(), threads, grain_),
      [&](std::int64_t from, std::int64_t to) {
        const DefaultFpEnv env;
        const auto first = std::upper_bound(starts_.begin(), starts_.end(), from) - starts_.begin() - 1;
        for (auto i = static_cast<std::size_t>(first); i < tensors_.size() && starts_[i] < to; ++i) {
          std::int64_t begin = std::max<std::int64_t>(from - starts_[i], 0);
          const std::int64_t end = std::min(to - starts_[i], length_of(tensors_[i]));
          if (begin >= end) continue;
          const RowGradient* const rows = tensors_[i].rows;
          if (!rows) {
            function(treatments_[i], sources_[i], begin, end);
            continue;
          }
          for (std::int64_t number = begin / rows->width(); begin < end; ++number) {
            fetch_row(tensors_[i], treatments_[i].slots, number + rows_ahead);
            const std::int64_t within = begin - number * rows->width(), start = rows->row(number) * rows->width();
            const std::int64_t stop = std::min(rows->width(), within + end - begin);
            function(treatments_[i], Source{rows->gradient(number), start}, start + within, start + stop);
            begin += stop - within;
          }
        }
      });
}

void Plan::combine_rows() noexcept {
  for (const Tensor& tensor : tensors_) {
    if (!tensor.rows || !tensor.rows->has_sums()) continue;
    const int threads = team();
    const std::int64_t chunk = std::clamp<std::int64_t>(tensor.rows->count() / (16 * threads), 1, 64);
    threads::parallel_for(threads, tensor.rows->count(), 1, chunk, [&](std::int64_t from, std::int64_t to) {
      const DefaultFpEnv env;
      for (; from < to; ++from) tensor.rows->combine(*table_, from);
    });
  }
}

StepResult Plan::run() noexcept {
  const bool completes = options_.completes;
  StepResult result;
  if (has_rows_) combine_rows();
  if (completes && (options_.measure_norm || options_.skip_nonfinite)) result = measure();
  result.skipped |= options_.skip;
  if (completes && !result.skipped) {
    for_each_stretch([&](const Treatment& t, const Source& source, std::int64_t begin, std::int64_t end) {
      if (t.updates || t.in_tiles) treat(*table_, t, source, rounding_, begin, end);
    });
  } else if (options_.accumulate > 1 || options_.zero_grad) {
    for_each_stretch([&](const Treatment& t, const Source&, std::int64_t begin, std::int64_t end) {
      if (t.tensor->grad) gather(*table_, t, begin, end);
    });
  }
  commit(result.skipped);
  return result;
}

// The sum tile of this number in a tensor. In a sparse gradient each row has tiles of its own.
TileSum Plan::sum_tile(std::size_t i, std::int64_t number) const noexcept {
  const Treatment& t = treatments_[i];
  if (!t.updates) return {0, true};
  const RowGradient* const rows = tensors_[i].rows;
  const std::int64_t tiles = rows ? tiles_in(rows->width()) : sum_starts_[i + 1] - sum_starts_[i];
  const std::int64_t start = rows ? rows->row(number / tiles) * rows->width() : 0;
  const std::int64_t begin = number % tiles * sum_tile_size;
  const std::int64_t end = std::min(begin + sum_tile_size, rows ? rows->width() : tensors_[i].size);
  const Source source = rows ? Source{rows->gradient(number / tiles), start} : sources_[i];
  return sum_squares(*table_, t, source, start + begin, start + end);
}

// The sweep over the gradients that comes before any update: their norm, and whether all are finite.
StepResult Plan::measure() noexcept {
  const std::int64_t tiles = sum_starts_.back();
  const int threads = team();
  const std::int64_t chunk = std::clamp<std::int64_t>(tiles / (16 * threads), 1, 16);
  threads::parallel_for(threads, tiles, 1, chunk, [&](std::int64_t from, std::int64_t to) {
    const DefaultFpEnv env;
    auto i = static_cast<std::size_t>(std::upper_bound(sum_starts_.begin(), sum_starts_.end(), from) -
                                      sum_starts_.begin() - 1);
    for (; from < to; ++from) {
      while (sum_starts_[i + 1] <= from) ++i;
      sums_[static_cast<std::size_t>(from)] = sum_tile(i, from - sum_starts_[i]);
    }
  });
  const DefaultFpEnv env;
  StepResult result;
  double squares = 0;
  bool finite = true;
  for (const TileSum& sum : sums_) squares += sum.squares, finite &= sum.finite;
  result.norm = std::sqrt(squares) / gradient_scale();
  result.skipped = options_.skip_nonfinite && !finite;
  if (options_.clip_norm < unlimited) {
    const double wanted = options_.clip_norm / (result.norm + 1e-6);
    result.clip_coefficient = wanted > 1 ? 1 : wanted;  // NaN stays NaN
  }
  for (Treatment& t : treatments_) {
    t.gathers = false;
    t.grad_factor = t.sign * result.clip_coefficient / gradient_scale();
  }
  return result;
}

void Plan::commit(bool skipped) noexcept {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    Tensor& tensor = tensors_[i];
    const Treatment& t = treatments_[i];
    if (options_.accumulate > 1) {
      if (options_.completes)
        *tensor.grad_count = 0;
      else if (tensor.grad)
        ++*tensor.grad_count;
    }
    if (skipped || !options_.completes) continue;
    if (t.update_mean) ++*tensor.mean_count;
    if (!t.updates) continue;
    ++*tensor.step;
    const RuleInfo& rule = rule_of(groups_[static_cast<std::size_t>(tensor.group)]);
    for (std::size_t s = 0; s < rule.scalars.size(); ++s) *tensor.scalars[s] = scalars_[i][s];
  }
}

}  // namespace onepass
