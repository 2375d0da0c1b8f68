internal import COnnxRuntime
internal import Glibc

/// The heaps of the C library, of which each thread has one.
///
/// Left to itself the library gives threads heaps in common once there are eight a core, and a
/// thread that serves waits for one that may do nothing but while others rest. And it lets a heap
/// keep the free memory at its end, up to twice the largest piece that was ever freed.
package enum Heaps {
    /// More than there are threads.
    static let most: Int32 = 1_024
    /// Pieces from this size on are mapped one by one, and so given back when they are freed: what
    /// the library comes to by itself once a piece of that size was freed.
    static let mappedBytes: Int32 = 32 << 20
    /// What a heap keeps at its end for what comes next. A run takes and frees the same each time.
    static let keptBytes: Int32 = 32 << 20
    /// What is left at the end of a heap that is trimmed.
    private static let trimmedBytes: Int32 = 64 << 10

    /// Sets the heaps up; before the threads that serve are started.
    package static func configure() {
        heaps_Configure(most, mappedBytes, keptBytes)
    }

    /// Has the C library read the setting of the system that it reads when a thread's heap shrinks
    /// for the first time (`/proc/sys/vm/overcommit_memory`), on a thread that ends. For a process
    /// that is to open no file later.
    ///
    /// - Returns: Whether the system had a thread for it.
    package static func readSettings() -> Bool {
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread,
            nil,
            { _ in
                heaps_Shrink(Heaps.trimmedBytes, Heaps.keptBytes)
                return nil
            },
            nil
        )
        return failure == 0 && pthread_join(thread, nil) == 0
    }

    /// Has free pages within all heaps given back to the system. Takes milliseconds when there are
    /// many, and the locks of all heaps meanwhile; call it after a model was let go, off the request
    /// path.
    package static func giveBack() {
        heaps_GiveBack()
    }

    /// Has the end of the calling thread's heap given back too.
    package static func trimOwn() {
        heaps_TrimOwn(trimmedBytes, keptBytes)
    }
}
