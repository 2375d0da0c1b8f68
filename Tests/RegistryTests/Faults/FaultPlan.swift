import Glibc
import Synchronization

/// What goes wrong.
enum Fault: String, CaseIterable, Sendable {
    /// The process ends just before a call that would change something.
    case kill
    /// The process ends in the middle of a write.
    case tornWrite
    /// There is no room.
    case noSpace
    /// The device fails.
    case inputOutput
    /// A write takes half of its bytes, and then there is no room.
    case shortWrite
    /// A sync fails, and what it was to keep is gone.
    case failedSync

    /// Whether it can happen at such a call.
    func concerns(_ kind: CallKind) -> Bool {
        switch self {
        case .kill: kind.changes
        case .tornWrite, .shortWrite: kind == .write
        case .noSpace: kind.changes
        case .inputOutput: true
        case .failedSync: kind == .sync
        }
    }

    /// Whether the process ends with it.
    var isEnd: Bool { self == .kill || self == .tornWrite }
}

/// What a call does to the disk.
enum CallKind: Sendable {
    case read
    case lock
    case create
    case write
    case sync
    /// Gives or takes names or lengths.
    case name

    var changes: Bool {
        switch self {
        case .read, .lock: false
        case .create, .write, .sync, .name: true
        }
    }
}

/// One fault at one call.
struct Injection: Sendable, CustomStringConvertible {
    let fault: Fault
    /// Among the calls that the fault concerns, from 1.
    let number: Int
    /// Whether all later calls that it concerns fail too.
    let isForGood: Bool

    /// Whether it is numbered among the calls that can be hit first. What fails for good begins
    /// to at a call that changes something.
    func concerns(_ kind: CallKind) -> Bool {
        fault.concerns(kind) && (kind.changes || !isForGood)
    }

    /// Whether it is one write, or one new file, that finds no room.
    func isWantOfRoom(at hit: String) -> Bool {
        let isHit = ["write", "sqlite write", "open"].contains { hit.hasPrefix($0) }
        return isHit && !isForGood && (fault == .noSpace || fault == .shortWrite)
    }

    var description: String {
        "\(fault.rawValue) \(isForGood ? "for good" : "once") at call \(number)"
    }
}

/// Lets calls pass, and one of them, or all from one on, fail. File calls and SQLite's calls are
/// numbered together.
final class FaultPlan: Sendable {
    /// What is to become of a call.
    enum Verdict {
        case pass
        /// It does nothing and fails with this errno.
        case fail(Int32)
        /// It does half of its work and fails.
        case half(Int32)
        /// It fails, and what was not durable before is gone.
        case lose(Int32)
    }

    private struct State {
        var injection: Injection?
        var isWatching = false
        var isFrozen = false
        var seen = 0
        var concerned = 0
        var hit: String?
        var openFiles = 0
    }

    private let state = Mutex(State())

    /// Begins to number calls.
    func watch(_ injection: Injection?) {
        state.withLock { state in
            state = State(injection: injection, isWatching: true, openFiles: state.openFiles)
        }
    }

    /// Ends the numbering. A fault that is for good stays, and so does the end of the process.
    func stopWatching() {
        state.withLock { $0.isWatching = false }
    }

    /// How many calls were made while they were numbered.
    var seen: Int { state.withLock { $0.seen } }
    /// The call that was hit; `nil` while none was.
    var hit: String? { state.withLock { $0.hit } }
    /// Whether the process has ended: nothing changes the disk any more.
    var isFrozen: Bool { state.withLock { $0.isFrozen } }
    /// Whether a sync may lose what was written before it.
    var losesUnsynced: Bool { state.withLock { $0.injection?.fault == .failedSync } }
    /// SQLite's files that are open.
    var openFiles: Int { state.withLock { $0.openFiles } }

    func fileOpened() { state.withLock { $0.openFiles += 1 } }
    func fileClosed() { state.withLock { $0.openFiles -= 1 } }

    /// Decides on a call.
    func meet(_ kind: CallKind, _ what: @autoclosure () -> String) -> Verdict {
        state.withLock { state in
            if state.isWatching { state.seen += 1 }
            if state.isFrozen { return kind.changes ? .fail(EIO) : .pass }
            guard let injection = state.injection, injection.fault.concerns(kind) else {
                return .pass
            }
            if state.hit == nil {
                guard state.isWatching, injection.concerns(kind) else { return .pass }
                state.concerned += 1
                guard state.concerned == injection.number else { return .pass }
                state.hit = what()
            } else if !injection.isForGood {
                return .pass
            }
            state.isFrozen = injection.fault.isEnd
            switch injection.fault {
            case .kill, .inputOutput: return .fail(EIO)
            case .tornWrite: return .half(EIO)
            case .noSpace: return .fail(ENOSPC)
            case .shortWrite: return .half(ENOSPC)
            case .failedSync: return .lose(EIO)
            }
        }
    }
}

/// The plans of the folders that have one.
enum FaultPlans {
    private static let plans = Mutex<[String: FaultPlan]>([:])

    /// Gives a folder a plan, or takes it away, for the databases that are opened from now on.
    static func set(_ plan: FaultPlan?, for folder: String) {
        plans.withLock { $0[folder] = plan }
    }

    /// The plan that a path is subject to.
    static func plan(for path: String) -> FaultPlan? {
        plans.withLock { plans in
            plans.first { path.hasPrefix($0.key + "/") }?.value
        }
    }
}
