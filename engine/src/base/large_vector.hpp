// std::vector for the tables that hash joins and aggregates reach into at random: past a few
// megabytes it asks the system for huge pages, so that fewer look-ups miss the page table's cache
// and growing takes fewer page faults.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace velaria {

template <typename T>
class LargeAllocator {
 public:
  using value_type = T;
  LargeAllocator() = default;
  template <typename U>
  LargeAllocator(const LargeAllocator<U>&) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kLargeBytes) return static_cast<T*>(Checked(std::malloc(bytes)));
    const size_t rounded = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
    void* memory = Checked(std::aligned_alloc(kPageBytes, rounded));
#ifdef __linux__
    (void)madvise(memory, rounded, MADV_HUGEPAGE);  // advice: without it all works as well
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t) { std::free(memory); }

  template <typename U>
  bool operator==(const LargeAllocator<U>&) const {
    return true;
  }

 private:
  static constexpr size_t kPageBytes = size_t{2} << 20;
  static constexpr size_t kLargeBytes = 2 * kPageBytes;

  static void* Checked(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
};

template <typename T>
using LargeVector = std::vector<T, LargeAllocator<T>>;

}  // namespace velaria
