#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int sandbox_Prctl(int option, unsigned long a, unsigned long b) {
    return prctl(option, a, b, 0UL, 0UL);
}

int sandbox_SetCapabilities(struct __user_cap_header_struct *header,
    const struct __user_cap_data_struct *data) {
    return (int)syscall(SYS_capset, header, data);
}

int sandbox_GetCapabilities(struct __user_cap_header_struct *header,
    struct __user_cap_data_struct *data) {
    return (int)syscall(SYS_capget, header, data);
}

int sandbox_LandlockVersion(void) {
    // LANDLOCK_CREATE_RULESET_VERSION
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

int sandbox_LandlockCreate(const struct sandbox_landlock_rights *rights) {
    return (int)syscall(SYS_landlock_create_ruleset, rights, sizeof *rights, 0);
}

int sandbox_LandlockRestrict(int ruleset) {
    return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

long sandbox_Call(long number, long a, long b, long c, long d, long e, long f) {
    return syscall(number, a, b, c, d, e, f);
}

static int *volatile place_of_call;

static void end_at_forbidden_call(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    if (place_of_call) __atomic_store_n(place_of_call, info->si_syscall, __ATOMIC_RELEASE);
    // SIGSYS is blocked in its handler, so that the kernel ends the process by it at the second
    // forbidden call. The handler cannot restore the signal's action: that is forbidden too.
    syscall(SYS_ptrace, -1, 0, 0, 0);
    _exit(128 + SIGSYS);
}

int sandbox_EndAtForbiddenCalls(int *place) {
    place_of_call = place;
    struct sigaction action = {.sa_sigaction = end_at_forbidden_call, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL);
}

uint32_t sandbox_RefuseWith(int error) { return SCMP_ACT_ERRNO((uint16_t)error); }

bool sandbox_IsSanitized(void) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
}

pid_t sandbox_Fork(void) { return fork(); }

pid_t sandbox_Vfork(void) {
    pid_t child = vfork();
    if (child == 0) _exit(0);
    return child;
}

void sandbox_RunCode(void *code) { ((void (*)(void))code)(); }

#if defined(__x86_64__)
bool sandbox_HasForeignCalls(void) { return true; }

long sandbox_CallX32(long number) { return syscall(number | 0x40000000L); }

long sandbox_CallI386(long number) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "memory", "r8", "r9", "r10", "r11");
    return result;
}
#else
bool sandbox_HasForeignCalls(void) { return false; }

long sandbox_CallX32(long number) { (void)number; errno = ENOSYS; return -1; }

long sandbox_CallI386(long number) { (void)number; errno = ENOSYS; return -1; }
#endif
