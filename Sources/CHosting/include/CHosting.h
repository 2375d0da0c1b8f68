// Shims for shared memory and for descriptors sent over sockets: system calls without a wrapper in
// the C library, macros that Swift does not import, and atomic access to words of shared memory,
// for which Swift's Atomic has no initializer at an address.
#pragma once

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#pragma clang assume_nonnull begin

// Creates a file in memory that may be sealed and not executed. Returns -1 and sets errno if the
// system has no room.
int memory_Create(const char *name);

// Fixes the size of the file for good.
int memory_Seal(int descriptor);

// Maps a file, outside of core dumps. Returns NULL and sets errno if the system has no room.
void *_Nullable memory_Map(int descriptor, size_t byteCount);

// Returns the pages of the file to the system; they read as zeros afterwards.
void memory_Discard(int descriptor, size_t byteCount);

static inline uint32_t word_Load(const uint32_t *word) {
    return atomic_load_explicit((const _Atomic uint32_t *)word, memory_order_seq_cst);
}

static inline void word_Store(uint32_t *word, uint32_t value) {
    atomic_store_explicit((_Atomic uint32_t *)word, value, memory_order_seq_cst);
}

static inline void word_Add(uint32_t *word, uint32_t value) {
    atomic_fetch_add_explicit((_Atomic uint32_t *)word, value, memory_order_seq_cst);
}

// Sleeps while the word has the value, at most until the time, in nanoseconds of the monotonic
// clock. Returns 0 after a wake, otherwise an error number: EAGAIN, EINTR or ETIMEDOUT.
static inline int futex_Wait(const uint32_t *word, uint32_t value, uint64_t endNs) {
    struct timespec end = { (time_t)(endNs / 1000000000), (long)(endNs % 1000000000) };
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, &end, NULL,
        FUTEX_BITSET_MATCH_ANY);
    return result == 0 ? 0 : errno;
}

// Sleeps while the word has the value, without a bound.
static inline int futex_WaitForever(const uint32_t *word, uint32_t value) {
    long result = syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
    return result == 0 ? 0 : errno;
}

static inline void futex_Wake(const uint32_t *word) {
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

// Sends two runs of bytes as one, with a descriptor unless it is negative. Returns the count sent
// or -1.
static inline ssize_t socket_Send(int socket, const void *_Nullable head, size_t headCount,
    const void *_Nullable body, size_t bodyCount, int descriptor) {
    struct iovec parts[2] = { { (void *)head, headCount }, { (void *)body, bodyCount } };
    union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } control;
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Descriptors that one receive takes; the kernel closes the others.
#define SOCKET_MAX_DESCRIPTORS 4

// Receives bytes and the descriptors that came with them. Returns the count received or -1.
static inline ssize_t socket_Receive(int socket, void *bytes, size_t count,
    int *descriptors, int *descriptorCount) {
    struct iovec part = { bytes, count };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * SOCKET_MAX_DESCRIPTORS)];
    } control;
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
        .msg_controllen = sizeof control };
    *descriptorCount = 0;
    ssize_t result = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (result < 0) return result;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < received; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
            if (*descriptorCount < SOCKET_MAX_DESCRIPTORS) {
                descriptors[(*descriptorCount)++] = descriptor;
            } else {
                close(descriptor);
            }
        }
    }
    return result;
}

#pragma clang assume_nonnull end
