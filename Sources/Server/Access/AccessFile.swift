internal import Logging
internal import Synchronization

/// The grants in force, reloaded when the file changes. A malformed file keeps the last good one
/// and says so.
final class AccessFile: Sendable {
    private struct State {
        var list: AccessList
        var stamp: [Int]?
    }

    private let path: String
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: ``ServerError`` when the file is missing or malformed: a server without grants
    ///   would answer nobody.
    init(path: String, logger: Logger) throws(ServerError) {
        self.path = path
        self.logger = logger
        let stamp = Files.stamp(path)
        state = Mutex(State(list: try AccessList(json: try Files.read(path)), stamp: stamp))
    }

    var current: AccessList { state.withLock { $0.list } }

    /// Reads the file again if it changed.
    func reloadIfChanged() {
        let stamp = Files.stamp(path)
        let isNew = state.withLock { state in
            defer { state.stamp = stamp }
            return state.stamp != stamp
        }
        guard isNew else { return }
        do {
            let list = try AccessList(json: try Files.read(path))
            state.withLock { $0.list = list }
            logger.info("grants were reloaded", metadata: ["grants": "\(list.grants.count)"])
        } catch {
            logger.error(
                "grants were not reloaded; the last good ones stay",
                metadata: ["error": "\(error)"]
            )
        }
    }
}
