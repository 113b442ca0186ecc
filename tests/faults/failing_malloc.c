// What happens where there is no memory? Preloaded, this refuses one allocation of the process: the n-th from now.
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static atomic_long before = -1;
static atomic_int refused;

// How many allocations succeed before one fails; a negative number lets all succeed.
void onepass_fail_after(long allocations) { atomic_store(&before, allocations); }

// Whether one was refused since this was asked.
int onepass_has_refused(void) { return atomic_exchange(&refused, 0); }

static int refuses(void) {
  if (atomic_load(&before) < 0 || atomic_fetch_sub(&before, 1) != 0) return 0;
  atomic_store(&refused, 1);
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return refuses() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return refuses() ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return refuses() ? NULL : __libc_realloc(old, size); }
void *aligned_alloc(size_t alignment, size_t size) { return refuses() ? NULL : __libc_memalign(alignment, size); }
void *memalign(size_t alignment, size_t size) { return refuses() ? NULL : __libc_memalign(alignment, size); }
int posix_memalign(void **found, size_t alignment, size_t size) {
  if (refuses()) return ENOMEM;
  *found = __libc_memalign(alignment, size);
  return *found ? 0 : ENOMEM;
}
