#pragma once
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Variadic in C.
static inline int shim_prctl_not_dumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
static inline int shim_prctl_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0);
}

// Of another process. glibc declares its own only with _GNU_SOURCE.
static inline int shim_prlimit(int process, int resource, const struct rlimit *limit,
                               struct rlimit *old) {
    return (int)syscall(SYS_prlimit64, process, resource, limit, old);
}
// The process that made the socket pair of a stream; -1 for another kind of socket. The layout is
// that of struct ucred, which glibc declares only with _GNU_SOURCE.
static inline int shim_peer_process(int socket) {
    struct { int process; unsigned user; unsigned group; } peer = { -1, 0, 0 };
    socklen_t size = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.process : -1;
}

// Of a part of glibc's header that Swift's own module of it leaves out.
static inline int shim_spawn_close_from(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}
