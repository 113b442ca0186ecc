// What does a tensor library say of a tensor without being compiled against? The part of DLPack's ABI that is read
// here: its C exchange API (DLPack 1.2, https://dmlc.github.io/dlpack).
#pragma once

#include <cstdint>

namespace onepass::bind::dlpack {

struct Device {
  std::int32_t type, id;
};
constexpr std::int32_t cpu = 1;

struct DataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
  bool operator==(const DataType&) const = default;
};
constexpr std::uint8_t integer = 0, floating = 2, brain = 4, complex = 5;

struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t *shape, *strides;  // in elements
  std::uint64_t byte_offset;
};

struct ExchangeApi {
  struct {
    std::uint32_t major, minor;
    void* previous;
  } header;
  void *allocate, *from_object, *to_object;
  int (*view)(void* object, Tensor* view);  // without keeping anything alive
  void* current_stream;
};
constexpr const char* exchange_api_name = "dlpack_exchange_api";

}  // namespace onepass::bind::dlpack
