#pragma once
// System calls that Swift cannot make by itself: variadic ones, ones that the C library wraps in
// no function, and the handler of a signal, which runs where Swift's runtime may not.
#include <linux/capability.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/types.h>

// linux/landlock.h of Linux 6.7 and later; older headers lack the second and third field.
struct sandbox_landlock_rights {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

// Each of these returns -1 and sets errno if the system refuses.
int sandbox_Prctl(int option, unsigned long a, unsigned long b);
int sandbox_SetCapabilities(struct __user_cap_header_struct *_Nonnull header,
    const struct __user_cap_data_struct *_Nonnull data);
int sandbox_GetCapabilities(struct __user_cap_header_struct *_Nonnull header,
    struct __user_cap_data_struct *_Nonnull data);
int sandbox_LandlockVersion(void);
int sandbox_LandlockCreate(const struct sandbox_landlock_rights *_Nonnull rights);
int sandbox_LandlockRestrict(int ruleset);
long sandbox_Call(long number, long a, long b, long c, long d, long e, long f);

// Handles SIGSYS, which a forbidden call sends: stores the call's number at `place`, if there is
// one, and ends the process by that signal.
int sandbox_EndAtForbiddenCalls(int *_Nullable place);

// The action that answers a call with an error; a macro with a parameter in libseccomp.
uint32_t sandbox_RefuseWith(int error);

// Whether this program is built with a sanitizer, which reserves terabytes of addresses.
bool sandbox_IsSanitized(void);

// Attempts of the self-test. Swift has no fork; a child of vfork runs on its parent's stack; a
// pointer to code is no Swift value; and a call of another kind is an instruction.
pid_t sandbox_Fork(void);
pid_t sandbox_Vfork(void);
void sandbox_RunCode(void *_Nonnull code);
// The numbers of these two kinds exist on x86-64 alone; false elsewhere.
bool sandbox_HasForeignCalls(void);
long sandbox_CallX32(long number);
long sandbox_CallI386(long number);
