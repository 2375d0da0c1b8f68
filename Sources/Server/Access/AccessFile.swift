internal import Logging
internal import Platform
internal import Synchronization

/// The grants in force, reloaded when the file changes. A file that is malformed or cannot be read
/// keeps the last good ones, says so, and is tried again.
final class AccessFile: Sendable {
    private struct State {
        var list: AccessList
        /// Of the file that `list` was read from.
        var stamp: [Int]?
        /// What was last said to be wrong; nil once the file is that of `list` again.
        var failure: Failure?
    }

    /// Files are tried each second, and said to be wrong once.
    private struct Failure: Equatable {
        let stamp: [Int]?
        let message: String
    }

    private let path: String
    private let folder: String
    private let trust: HomeTrust
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: ``ServerError`` when the file is missing or malformed, or others may write it: a
    ///   server without grants would answer nobody.
    ///
    /// - Parameter folder: where the file lies; others must not be able to replace it there.
    init(
        _ path: String,
        in folder: String,
        trust: HomeTrust = .strict,
        logger: Logger
    ) throws(ServerError) {
        self.path = path
        self.folder = folder
        self.trust = trust
        self.logger = logger
        let stamp = Files.stamp(path)
        state = Mutex(
            State(
                list: try Self.list(path, in: folder, trust.rules),
                stamp: stamp
            )
        )
    }

    private static func list(
        _ path: String,
        in folder: String,
        _ rules: FileTrust
    ) throws(ServerError) -> AccessList {
        do {
            try rules.check(JudgedPath(folder, .folder))
        } catch {
            throw ServerError(error)
        }
        return try AccessList(json: try TrustedFile(path, rules).bytes)
    }

    var current: AccessList { state.withLock { $0.list } }

    /// Reads the file again if it is not the one that the grants in force were read from.
    func reloadIfChanged() {
        let stamp = Files.stamp(path)
        let isChanged = state.withLock { state in
            if state.stamp == stamp { state.failure = nil }
            return state.stamp != stamp
        }
        if isChanged { read(stamp: stamp, repeatsFailure: false) }
    }

    /// Reads the file again, whether it seems to have changed or not.
    func reload() {
        read(stamp: Files.stamp(path), repeatsFailure: true)
    }

    /// - Parameters:
    ///   - stamp: taken before the file is read: a change between both is seen the next time.
    ///   - repeatsFailure: whether what was said to be wrong is said again.
    private func read(stamp: [Int]?, repeatsFailure: Bool) {
        do {
            let list = try Self.list(path, in: folder, trust.rules)
            state.withLock { $0 = State(list: list, stamp: stamp) }
            logger.info("grants were reloaded", metadata: ["grants": "\(list.grants.count)"])
        } catch {
            let failure = Failure(stamp: stamp, message: error.message)
            let isNew = state.withLock { state in
                defer { state.failure = failure }
                return state.failure != failure
            }
            guard isNew || repeatsFailure else { return }
            logger.error(
                "grants were not reloaded; the last good ones stay",
                metadata: ["error": "\(error)"]
            )
        }
    }
}
