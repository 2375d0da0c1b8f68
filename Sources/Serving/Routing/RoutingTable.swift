internal import Synchronization
internal import Text

/// Which loaded version answers for which model and alias, at one instant. Immutable: a change is
/// a new table, so that a request sees either the one or the other.
package struct RoutingTable: Sendable {
    private(set) var models: [String: ModelRoute] = [:]
    /// What all models have waiting and running: the same for as long as the server runs.
    let load = QueueLoad()
    /// The shares of principals in what waits: the same for as long as the server runs.
    private let shares = WaitingShares()

    /// The slot that answers for `alias` of `model`.
    /// - Throws: ``ServingError`` that says why none does.
    func slot(model: String, alias: String) throws(ServingError) -> Slot {
        guard let route = models[model] else { throw .unknownModel(model) }
        switch route.aliases[alias] {
        case .serving(let slot): return slot
        case .loading:
            throw ServingError(
                .unavailable,
                "alias \(quoted(alias)) of model \(quoted(model)) is loading its first version"
            )
        case .failed(let error): throw error
        case nil: throw .unknownAlias(alias, model: model)
        }
    }

    /// The slot of a version if it is loaded.
    func slot(_ id: VersionID) -> Slot? {
        models[id.model]?.slots[id.version]
    }

    mutating func update(_ model: String, _ change: (inout ModelRoute) -> Void) {
        var route = models[model] ?? ModelRoute(admission: Admission(whole: load, shares: shares))
        change(&route)
        models[model] = route
    }
}

/// One model's part of the table.
struct ModelRoute: Sendable {
    var aliases: [String: AliasRoute] = [:]
    /// All loaded versions, whether an alias points to them or not.
    var slots: [UInt64: Slot] = [:]
    /// What bounds the model's queue: the same for all versions, for as long as the server runs.
    let admission: Admission

    init(admission: Admission) {
        self.admission = admission
    }
}

/// What a request through an alias gets.
enum AliasRoute: Sendable {
    case serving(Slot)
    /// The first version is still being loaded.
    case loading
    /// Nothing answers: the first target was rejected, or what should answer is damaged.
    case failed(ServingError)
}

/// The table in force. Readers copy a reference under a lock held for nanoseconds.
final class Routes: Sendable {
    private let table = Mutex(Box(RoutingTable()))

    /// A copy that no later swap changes.
    var current: RoutingTable { table.withLock { $0 }.table }

    /// Replaces the table whole. Called by the reconciler alone, so changes do not race.
    func swap(_ change: (inout RoutingTable) -> Void) {
        var next = current
        change(&next)
        let box = Box(next)
        // The old table may hold the last reference to a slot: let it go outside the lock.
        let old = table.withLock { held in
            let old = held
            held = box
            return old
        }
        withExtendedLifetime(old) {}
    }

    private final class Box: Sendable {
        let table: RoutingTable
        init(_ table: RoutingTable) { self.table = table }
    }
}
