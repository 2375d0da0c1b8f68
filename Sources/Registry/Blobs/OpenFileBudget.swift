internal import Synchronization

/// How many unfinished blobs may keep their files open. A publisher may have all files of a
/// bundle in flight at once; past this number files are opened for each write.
final class OpenFileBudget: Sendable {
    private let free: Mutex<Int>

    init(limit: Int) {
        free = Mutex(limit)
    }

    /// Takes a place, if there is one.
    func tryTake() -> Bool {
        free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }

    /// Gives a place back.
    func giveBack() {
        free.withLock { $0 += 1 }
    }
}
