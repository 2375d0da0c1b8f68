import Registry
import Synchronization

/// One call on a registry, as its caller saw it. All calls are on one model.
struct Call: Sendable {
    enum Action: Sendable {
        case publish(alias: String?)
        case set(alias: String, version: UInt64, expected: UInt64)
        case rollback(alias: String, expected: UInt64)
        case delete(version: UInt64)
        case validate(version: UInt64, passes: Bool)
        case settle(alias: String, generation: UInt64, isServed: Bool)
        case look(alias: String)
        case read(version: UInt64)
        case collect
        case rotate
    }

    enum Outcome: Sendable, Equatable {
        /// A version was made, and its alias moved to that generation; 0: none was asked for.
        case published(version: UInt64, generation: UInt64)
        case moved(version: UInt64, generation: UInt64)
        case deleted
        /// Whether that changed the version is for the log to say.
        case validated(Verdict)
        case settled(Bool)
        case saw(AliasPoint)
        case wasRead
        /// What was freed; the log knows of it if it was anything.
        case collected(blobs: UInt64, uploads: UInt64)
        case rotated
        case refused(RegistryError.Code)
    }

    enum Verdict: Sendable {
        case stored
        case rejected
        case kept
    }

    /// Unlike that of any other call, so that the audit log's events name their call.
    let principal: String
    var action: Action
    /// Instants in one numbering: a call that ended before another began happened before it.
    var begin: Int
    var end: Int
    var outcome: Outcome

    /// Whether the audit log has to know of it.
    var isChange: Bool {
        switch outcome {
        case .published, .moved, .deleted, .settled(true), .rotated: true
        case .collected(let blobs, let uploads): blobs > 0 || uploads > 0
        // Each rejection has a reason of its own.
        case .validated(let verdict): verdict == .rejected
        case .settled(false), .saw, .wasRead, .refused: false
        }
    }
}

/// What an alias says: what answers, what is asked for, and the move.
struct AliasPoint: Sendable, Equatable {
    var version: UInt64 = 0
    var target: UInt64 = 0
    var generation: UInt64 = 0
}

/// Calls from many threads, written down.
final class History: Sendable {
    private let ticks = Atomic(0)
    private let recorded = Mutex<[Call]>([])

    var calls: [Call] { recorded.withLock { $0 } }

    /// Makes a call and writes it down.
    @discardableResult
    func record(
        _ action: Call.Action,
        _ body: (_ principal: String) throws -> Call.Outcome
    ) throws -> Call.Outcome {
        let begin = ticks.add(1, ordering: .sequentiallyConsistent).newValue
        let principal = "cert:call-\(begin)"
        let outcome: Call.Outcome
        do {
            outcome = try body(principal)
        } catch let error as RegistryError {
            outcome = .refused(error.code)
        }
        let end = ticks.add(1, ordering: .sequentiallyConsistent).newValue
        let call = Call(
            principal: principal,
            action: action,
            begin: begin,
            end: end,
            outcome: outcome
        )
        recorded.withLock { $0.append(call) }
        return outcome
    }
}
