internal import Glibc

/// A counting semaphore on a POSIX condition variable.
///
/// Dispatch's semaphore would start Dispatch in processes that must not have it.
@safe
package final class CountingSemaphore: @unchecked Sendable {
    // Unchecked: `count` is read and written under the mutex alone.

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var count: Int

    /// Makes a semaphore that lets so many waits pass.
    package init(_ count: Int = 0) {
        self.count = count
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let failure =
            unsafe pthread_mutex_init(mutex, nil)
            | pthread_cond_init(condition, &attributes)
        precondition(failure == 0, "the system makes no semaphore: error \(failure)")
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Lets one wait pass.
    package func signal() {
        unsafe pthread_mutex_lock(mutex)
        count += 1
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Blocks the thread until a signal is there for it.
    package func wait() {
        unsafe pthread_mutex_lock(mutex)
        while count == 0 { unsafe pthread_cond_wait(condition, mutex) }
        count -= 1
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Blocks the thread until a signal is there for it, or until a time.
    ///
    /// - Parameter endsAtNs: The time, in nanoseconds of the monotonic clock.
    /// - Returns: Whether there was a signal.
    package func wait(untilNs endsAtNs: UInt64) -> Bool {
        var end = timespec(
            tv_sec: Int(endsAtNs / 1_000_000_000),
            tv_nsec: Int(endsAtNs % 1_000_000_000)
        )
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while count == 0 {
            guard unsafe pthread_cond_timedwait(condition, mutex, &end) != ETIMEDOUT else {
                return false
            }
        }
        count -= 1
        return true
    }
}
