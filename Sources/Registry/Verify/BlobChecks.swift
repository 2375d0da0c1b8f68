internal import Dispatch
internal import Glibc

/// Checks sealed files on all cores. Whoever adds one waits while all are busy, so that no more
/// than a few chunks are ever in memory.
struct BlobChecks {
    private let queue = DispatchQueue(label: "strongroom.verify", attributes: .concurrent)
    private let group = DispatchGroup()
    private let free: DispatchSemaphore

    init() {
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        free = DispatchSemaphore(value: min(max(cores, 1), Limits.maxVerifyThreads))
    }

    func add(_ check: BlobCheck) {
        free.wait()
        queue.async(group: group) { [free] in
            check.run()
            free.signal()
        }
    }

    /// Waits for all that were added.
    func finish() {
        group.wait()
    }
}
