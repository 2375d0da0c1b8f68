#define _GNU_SOURCE
#include "CHosting.h"

#include <fcntl.h>
#include <sys/mman.h>

// Absent from C libraries before 2.38.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int memory_Create(const char *name) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    // Kernels before 6.3 do not know the flag.
    if (descriptor >= 0 || errno != EINVAL) return descriptor;
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int memory_Seal(int descriptor) {
    return fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

void *_Nullable memory_Map(int descriptor, size_t byteCount) {
    void *start = mmap(NULL, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (start == MAP_FAILED) return NULL;
    madvise(start, byteCount, MADV_DONTDUMP);
    return start;
}

void memory_Discard(int descriptor, size_t byteCount) {
    (void)fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)byteCount);
}
