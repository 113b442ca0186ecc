#include "tile.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace onepass {
namespace {

// A tile of an array in the compute type, on the stack of whoever works on it. Of a sum tile's length, which is longer.
template <std::int64_t size>
struct alignas(64) Buffer {
  double items[size];
  float* floats() { return reinterpret_cast<float*>(items); }
};

// A gradient from an element on, in a type that has passes into the compute type; a sum in this type.
template <std::int64_t capacity>
Array readable(const KernelTable& table, const Tensor& tensor, const Source& grad, std::int64_t index,
               std::int64_t size, Buffer<capacity>& buffer) {
  if (!grad.addends.empty()) {
    const auto count = static_cast<int>(grad.addends.size());
    table.of(tensor.compute()).sum_tree(grad.addends.data(), count, index, buffer.items, size);
    return {buffer.items, tensor.compute()};
  }
  const bool widens = grad.array.dtype == DType::f32 && tensor.compute() == DType::f64;
  if (!widens) return {grad.at(index), grad.array.dtype};
  table.widen(static_cast<const float*>(grad.at(index)), buffer.items, size);
  return {buffer.items, DType::f64};
}

template <std::int64_t capacity>
void add_to_sum(const Call& call, const Treatment& t, std::int64_t begin, std::int64_t size, Buffer<capacity>& buffer) {
  if (!t.gathers || call.has_summed) return;
  const Tensor& tensor = *t.member.tensor;
  const Array& sum = tensor.partial_sum(t.sum_to);
  const std::uint32_t own = 1U << t.sum_to;
  bool starts = !(t.waiting & own);
  const auto add = [&](const Array& stored, double factor) {
    const Passes& passes = call.table->of(stored.dtype);
    (starts ? passes.start_sum : passes.add_to_sum)(stored.data, sum.at(begin), size, factor);
    starts = false;
  };
  if (tensor.grad) add(readable(*call.table, tensor, Source::of(tensor), begin, size, buffer), call.sum_factor);
  for (std::uint32_t left = t.waiting & ~own; left != 0; left &= left - 1) {
    const Array& earlier = tensor.partial_sum(std::countr_zero(left));
    add({earlier.at(begin), earlier.dtype}, 1);
  }
}

void zero_grad(const Tensor& tensor, std::int64_t begin, std::int64_t size) {
  for (const Array& grad : tensor.gradients())
    std::memset(grad.at(begin), 0, static_cast<std::size_t>(size * bytes_of(grad.dtype)));
}

// Elements from `begin` on.
class Part {
 public:
  Part(const Call& call, const Treatment& treatment, const Source& source, std::int64_t begin, std::int64_t size)
      : call_(call),
        t_(treatment),
        tensor_(*treatment.member.tensor),
        source_(source),
        begin_(begin),
        size_(size),
        state_noise_(treatment.noisy ? noise(Purpose::state, treatment.time) : NoiseKey{}) {}

  // Where there is nothing to do but to call the kernel: on the arrays as they lie.
  void update(int stage, double* sums) const {
    std::array<void*, max_slots> slots;
    for (std::size_t s = 0; s < slot_count(); ++s)
      slots[s] = t_.within_rows ? weights_at(s) : tensor_.slots[s].at(begin_);
    run(stage, tensor_.param.at(begin_), source_.at(begin_), slots.data(), sums);
  }

 protected:
  // In a row of a matrix: its weight, or those of its columns, from this one on.
  void* weights_at(std::size_t s) const {
    const Matrices& matrices = tensor_.matrices;
    const std::int64_t row = begin_ / matrices.width, column = begin_ % matrices.width;
    if (t_.member.rule->slots[s].shape == SlotShape::row) return Array{t_.weights.of_rows, tensor_.compute()}.at(row);
    return Array{t_.weights.of_columns, tensor_.compute()}.at(row / matrices.rows * matrices.width + column);
  }
  void run(int stage, void* param, const void* grad, void* const* slots, double* sums) const {
    std::array<float*, max_slots> scales;
    for (std::size_t s = 0; s < slot_count(); ++s) scales[s] = tensor_.slots[s].scale_at(begin_);
    t_.kernels[stage]({t_.coefs, t_.sign * call_.grad_factor, param, t_.storage.own_rounding, grad, slots,
                       scales.data(), size_, index(), state_noise_, sums});
  }

  std::size_t slot_count() const { return t_.member.rule->slots.size(); }
  // Elements are told apart by their indices in the whole, so that a part has the noise that the whole has there.
  std::int64_t whole_index() const { return tensor_.first + begin_; }
  std::uint32_t index() const { return static_cast<std::uint32_t>(whole_index()); }
  // `time` tells the step from those before it.
  NoiseKey noise(Purpose purpose, std::int64_t time) const {
    return noise_key(call_.rounding.seed, t_.member.position, static_cast<std::uint64_t>(time), purpose,
                     static_cast<std::uint64_t>(whole_index()) >> 32);
  }

  const Call& call_;
  const Treatment& t_;
  const Tensor& tensor_;
  const Source& source_;
  const std::int64_t begin_, size_;
  const NoiseKey state_noise_;
};

// One with buffers, in which its arrays are made ready for the kernel.
class Tile : Part {
 public:
  using Part::Part;

  void update(int number, double* sums) {
    const StageInfo& stage = t_.member.rule->stages[static_cast<std::size_t>(number)];
    if (number == 0) add_to_sum(call_, t_, begin_, size_, grad_);
    void* const param = stage.reads_param ? load_param() : nullptr;
    const void* const grad = stage.reads_grad ? load_grad() : nullptr;
    std::array<void*, max_slots> slots;
    for (std::size_t s = 0; s < slot_count(); ++s) slots[s] = stage.reads[s] ? load_slot(s) : nullptr;
    run(number, param, grad, slots.data(), sums);
    if (stage.descends && t_.staging.param) store_param();
    for (std::size_t s = 0; s < slot_count(); ++s) {
      if (!stage.writes[s]) continue;
      if (t_.staging.state) store_slot(s);
      if (call_.rounding.flush_subnormals) flush(tensor_.slots[s]);
    }
  }

  void follow_up() {
    if (t_.update_mean) update_mean();
    if (t_.write_mirror) write_mirror();
    if (t_.zero_grad) zero_grad(tensor_, begin_, size_);
  }

 private:
  const Passes& param_passes() const { return table_.of(tensor_.param.dtype); }

  const void* load_grad() {
    const Array grad = readable(table_, tensor_, source_, begin_, size_, grad_);
    if (call_.clip_bound < unlimited)
      table_.of(grad.dtype).clip(grad.data, grad_.items, size_, call_.clip_bound);
    else if (t_.staging.grad && grad.data != grad_.items)
      table_.of(grad.dtype).decode(grad.data, grad_.items, size_);
    else
      return grad.data;
    return grad_.items;
  }

  void* load_param() {
    void* const param = tensor_.param.at(begin_);
    if (!t_.staging.param) return param;
    if (tensor_.compensation)
      param_passes().decode_compensated(param, tensor_.compensation.at(begin_), param_.items, size_);
    else
      param_passes().decode(param, param_.items, size_);
    return param_.items;
  }
  void store_param() {
    void* const param = tensor_.param.at(begin_);
    if (tensor_.compensation)
      param_passes().add_compensated(param_.items, param, tensor_.compensation.at(begin_), size_);
    else if (t_.storage.own_rounding)
      param_passes().add_stochastic(param_.items, param, size_, index(), noise(Purpose::parameter, t_.time));
    else
      param_passes().encode(param_.items, param, size_);
  }

  const SlotPasses& slot_passes(std::size_t s) const {
    return table_.of(tensor_.slots[s].dtype, t_.member.rule->slots[s].kind);
  }
  void* load_slot(std::size_t s) {
    if (t_.member.rule->slots[s].shape != SlotShape::element) return load_factor(s);
    const SlotArray& slot = tensor_.slots[s];
    if (!t_.staging.state) return slot.at(begin_);
    slot_passes(s).decode(slot.at(begin_), slot.scale_at(begin_), slots_[s].floats(), size_);
    return slots_[s].floats();
  }
  // The weights of rows or columns, for each of the elements.
  void* load_factor(std::size_t s) {
    if (t_.within_rows) return weights_at(s);
    if (tensor_.compute() == DType::f64) return spread(s, slots_[s].items);
    return spread(s, slots_[s].floats());
  }
  template <class T>
  T* spread(std::size_t s, T* to) const {
    const Matrices& matrices = tensor_.matrices;
    const bool is_row = t_.member.rule->slots[s].shape == SlotShape::row;
    if (matrices.is_vector && is_row) {
      std::fill_n(to, size_, T{1});
      return to;
    }
    if (matrices.is_vector) {
      t_.member.rule->factoring->weigh(tensor_.slots[s].at(begin_), 1, to, sizeof(T) == 8, size_);
      return to;
    }
    auto* const weights = static_cast<T*>(is_row ? t_.weights.of_rows : t_.weights.of_columns);
    const std::int64_t width = matrices.width, row = begin_ / width, column = begin_ % width;
    if (is_row != matrices.transposed) return spread_rows(weights + row, width - column, to);
    T* const across = weights + row / matrices.rows * width;
    if (column + size_ <= width) return across + column;
    return spread_columns(across, column, (row / matrices.rows + 1) * matrices.rows - row, to);
  }
  // Each for all elements of its row of memory, of which the first has `left` more.
  template <class T>
  T* spread_rows(const T* weight, std::int64_t left, T* to) const {
    for (std::int64_t i = 0; i < size_; left = tensor_.matrices.width, ++weight) {
      const std::int64_t end = std::min(i + left, size_);
      for (const T own = *weight; i < end; ++i) to[i] = own;
    }
    return to;
  }
  // Those of a matrix for each of its rows, of which there are `left` more.
  template <class T>
  T* spread_columns(const T* weights, std::int64_t column, std::int64_t left, T* to) const {
    const std::int64_t width = tensor_.matrices.width;
    for (std::int64_t i = 0; i < size_; column = 0) {
      const std::int64_t end = std::min(i + width - column, size_);
      for (const T* weight = weights + column; i < end; ++i) to[i] = *weight++;
      if (--left == 0) left = tensor_.matrices.rows, weights += width;
    }
    return to;
  }
  void store_slot(std::size_t s) {
    const SlotArray& slot = tensor_.slots[s];
    void* const stored = slot.at(begin_);
    float* const scales = slot.scale_at(begin_);
    if (!call_.rounding.stochastic_state) return slot_passes(s).encode(slots_[s].floats(), stored, scales, size_);
    const int place = noise_place(s);
    slot_passes(s).encode_stochastic(slots_[s].floats(), stored, scales, size_,
                                     {word_key(state_noise_, place / 2), index(), place % 2});
  }
  // Which it is of those that are rounded at random: of the slow ones in 16 bits, of all in 8.
  int noise_place(std::size_t s) const {
    const auto before = t_.member.rule->slots.first(s);
    if (tensor_.slots[s].dtype == DType::q8) return static_cast<int>(s);
    return static_cast<int>(std::ranges::count_if(before, [](const Slot& slot) { return is_slow(slot.kind); }));
  }

  // In half precision the numbers that are subnormal there are computed as normal ones; in blocks there are none.
  void flush(const SlotArray& stored) {
    if (stored.dtype != DType::f16 && stored.dtype != DType::q8)
      table_.of(stored.dtype).flush_subnormals(stored.at(begin_), size_);
  }

  void update_mean() {
    const double weight = t_.mean_weight;
    if (t_.start_mean)
      param_passes().decode(tensor_.param.at(begin_), tensor_.mean.at(begin_), size_);
    else
      param_passes().average(tensor_.param.at(begin_), tensor_.mean.at(begin_), size_, weight < 0.5,
                             weight < 0.5 ? weight : 1 - weight, index(), noise(Purpose::mean, *tensor_.mean_count));
  }

  void write_mirror() {
    const DType from = tensor_.param.dtype, to = tensor_.mirror.dtype;
    const void* values = tensor_.param.at(begin_);
    void* const mirror = tensor_.mirror.at(begin_);
    if (from == to) {
      std::memcpy(mirror, values, static_cast<std::size_t>(size_ * bytes_of(to)));
      return;
    }
    if (from == DType::f64)
      table_.narrow(static_cast<const double*>(values), param_.floats(), size_);
    else if (from != DType::f32)
      param_passes().decode(values, param_.items, size_);
    table_.of(to).encode(from == DType::f32 ? values : param_.items, mirror, size_);
  }

  const KernelTable& table_ = *call_.table;
  Buffer<tile_size> param_, grad_, slots_[max_slots];
};

// Where the upper half of the index changes, so does the noise.
std::int64_t end_of_noise(const Treatment& treatment, std::int64_t begin) {
  const std::int64_t first = treatment.member.tensor->first;
  return ((first + begin) | 0xffffffff) + 1 - first;
}

// Where the next call ends at the latest.
std::int64_t end_of_call(const Treatment& treatment, const Stretch& stretch, std::int64_t begin) {
  const std::int64_t end = std::min(stretch.end, end_of_noise(treatment, begin));
  if (!treatment.within_rows) return end;
  const std::int64_t width = treatment.member.tensor->matrices.width;
  return std::min(end, begin - begin % width + width);
}

// By itself, lest the buffers and their many passes cost a small tensor time that has no use for them.
[[gnu::noinline]] void treat_in_tiles(const Call& call, const Treatment& treatment, const Stretch& stretch, int stage,
                                      double* sums) {
  const bool is_last = !treatment.updates || treatment.member.rule->stages[static_cast<std::size_t>(stage)].descends;
  for (std::int64_t begin = stretch.begin; begin < stretch.end;) {
    const std::int64_t to = std::min(end_of_call(treatment, stretch, begin), begin + tile_size);
    Tile tile(call, treatment, stretch.source, begin, to - begin);
    if (treatment.updates) tile.update(stage, sums);
    if (is_last) tile.follow_up();
    begin = to;
  }
}

}  // namespace

void treat(const Call& call, const Treatment& treatment, const Stretch& stretch, int stage, double* sums) noexcept {
  if (treatment.in_tiles) return treat_in_tiles(call, treatment, stretch, stage, sums);
  for (std::int64_t begin = stretch.begin; begin < stretch.end;) {
    const std::int64_t to = end_of_call(treatment, stretch, begin);
    Part(call, treatment, stretch.source, begin, to - begin).update(stage, sums);
    begin = to;
  }
}

void gather(const Call& call, const Treatment& treatment, std::int64_t begin, std::int64_t end) noexcept {
  Buffer<tile_size> buffer;
  for (; begin < end; begin += tile_size) {
    const std::int64_t size = std::min(tile_size, end - begin);
    add_to_sum(call, treatment, begin, size, buffer);
    if (treatment.zero_grad) zero_grad(*treatment.member.tensor, begin, size);
  }
}

TileSum sum_squares(const Call& call, const Treatment& treatment, const Stretch& stretch) noexcept {
  Buffer<sum_tile_size> buffer;
  const std::int64_t size = stretch.end - stretch.begin;
  add_to_sum(call, treatment, stretch.begin, size, buffer);
  const Array grad = readable(*call.table, *treatment.member.tensor, stretch.source, stretch.begin, size, buffer);
  return call.table->of(grad.dtype).sum_squares(grad.data, size, call.clip_bound);
}

void add_squares(const Call& call, const Treatment& treatment, std::int64_t begin, const RowsOfSquares& of) noexcept {
  const double factor = treatment.sign * call.grad_factor;
  const Source& source = treatment.source;
  const bool widens = source.array.dtype == DType::f32 && treatment.member.tensor->compute() == DType::f64;
  if (!widens && source.addends.empty()) {
    call.table->of(source.array.dtype).add_squares(source.at(begin), of, call.clip_bound, factor);
    return;
  }
  // Row by row, as there is a buffer for one.
  Buffer<sum_tile_size> buffer;
  for (std::int64_t r = 0; r < of.rows; ++r) {
    const Array row = readable(*call.table, *treatment.member.tensor, source, begin + r * of.stride, of.width, buffer);
    call.table->of(row.dtype).add_squares(row.data, {1, 0, of.width, of.sums + r, of.columns}, call.clip_bound, factor);
  }
}

}  // namespace onepass
