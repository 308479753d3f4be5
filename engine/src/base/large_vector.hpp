// An array of plain values for the tables that hash joins and aggregates reach into at random. It
// grows by realloc, which moves large blocks by their page table, so that no byte is copied and no
// page is cleared twice; past a few megabytes it asks the system for huge pages, so that fewer
// look-ups miss the page table's cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace velaria {

template <typename T>
class LargeVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  LargeVector() = default;
  LargeVector(LargeVector&& other) noexcept { swap(other); }
  LargeVector& operator=(LargeVector&& other) noexcept {
    swap(other);
    return *this;
  }
  ~LargeVector() { std::free(data_); }
  void swap(LargeVector& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t at) { return data_[at]; }
  const T& operator[](size_t at) const { return data_[at]; }

  /// Forgets the values and keeps the room.
  void clear() { size_ = 0; }
  void push_back(T value) { *Grown(1) = value; }
  void append(const T* values, size_t count) {
    if (count > 0) std::memcpy(Grown(count), values, count * sizeof(T));
  }
  /// So many values, all `value`; what was held is not kept while new room is asked for.
  void assign(size_t count, T value) {
    if (count > capacity_) {
      LargeVector().swap(*this);
      Reserve(count);
    }
    size_ = count;
    std::fill_n(data_, count, value);
  }

 private:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;

  /// Room for so many values behind the last, which now belong to it.
  T* Grown(size_t count) {
    if (size_ + count > capacity_) Reserve(std::max(size_ + count, 2 * capacity_));
    T* end = data_ + size_;
    size_ += count;
    return end;
  }
  void Reserve(size_t count) {
    void* memory = std::realloc(data_, count * sizeof(T));
    if (memory == nullptr) throw std::bad_alloc();
    data_ = static_cast<T*>(memory);
    capacity_ = count;
#ifdef __linux__
    // Whole pages inside the block only. It is advice: without it all works as well.
    const size_t bytes = count * sizeof(T);
    if (bytes >= 2 * kHugePageBytes) {
      const auto from = reinterpret_cast<uintptr_t>(memory);
      const uintptr_t first = (from + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
      const uintptr_t last = (from + bytes) / kHugePageBytes * kHugePageBytes;
      (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
    }
#endif
  }

  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace velaria
