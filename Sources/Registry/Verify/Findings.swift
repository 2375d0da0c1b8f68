internal import Synchronization

/// Takes what checks find, from any thread, and hands it on as it comes.
final class Findings: Sendable {
    private struct Counts {
        var faults = 0
        var notes = 0
    }

    /// What can be put right of it.
    let plan = RepairPlan()

    private let counts = Mutex(Counts())
    private let report: @Sendable (Finding) -> Void

    init(_ report: @escaping @Sendable (Finding) -> Void) {
        self.report = report
    }

    /// The faults so far.
    var faults: Int { counts.withLock { $0.faults } }
    /// The notes so far.
    var notes: Int { counts.withLock { $0.notes } }

    func fault(_ object: String, _ field: String, _ problem: String) {
        counts.withLock { $0.faults += 1 }
        report(Finding(kind: .fault, object: object, field: field, problem: problem))
    }

    func note(_ object: String, _ field: String, _ problem: String) {
        counts.withLock { $0.notes += 1 }
        report(Finding(kind: .note, object: object, field: field, problem: problem))
    }

    func repair(_ object: String, _ field: String, _ what: String) {
        report(Finding(kind: .repair, object: object, field: field, problem: what))
    }

    /// Runs a check; that it cannot be done is a fault of what it looks at, and stops no other.
    func attempt<R>(_ object: String, _ field: String, _ body: () throws -> R) -> R? {
        do {
            return try body()
        } catch let error as CheckedRow.ColumnFault {
            fault(object, field.isEmpty ? error.field : "\(field) \(error.column)", error.problem)
        } catch let error as RegistryError {
            fault(object, field, error.description)
        } catch {
            fault(object, field, "\(error)")
        }
        return nil
    }
}
