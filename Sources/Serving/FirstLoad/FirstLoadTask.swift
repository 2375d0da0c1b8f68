package import Engine
internal import Registry
package import Sealing

/// The child's side of a first load: reads what it is to load, loads it, and says how that went.
package struct FirstLoadTask {
    /// The argument by which this program knows that it is the child.
    package static let command = "check-load"

    private let stream: ParentStream

    /// Talks to the parent on its stream.
    package init(_ stream: ParentStream) {
        self.stream = stream
    }

    /// Does it all. The process has to end after that: it is bounded, nice, and ends with its
    /// parent.
    ///
    /// - Parameter engines: Makes what loads models, within the bounds.
    /// - Throws: ``SealingError`` if there is no parent that told it what to do.
    package func run(
        engines: () throws -> [any InferenceEngine]
    ) throws(SealingError) {
        OwnProcess.goFirstOutOfMemory()
        guard ProcessMemory.refuseDumps() else {
            throw SealingError(.internalFailure, "this process could not be kept from being dumped")
        }
        guard let order = FirstLoadOrder(try stream.message()) else {
            throw SealingError(.format, "the parent's message is no order")
        }
        guard OwnProcess.endWithParent(order.parent) else {
            throw SealingError(.internalFailure, "the process that started this one is gone")
        }
        OwnProcess.yield(niceness: FirstLoadLimits.niceness)
        guard
            OwnProcess.limit(memoryBytes: order.memoryBytes, cpuSeconds: order.cpuSeconds)
        else { throw SealingError(.internalFailure, "this process could not be limited") }
        let key = try stream.key()
        stream.send(report(order.handover(key: key), engines).encoded())
    }

    private func report(
        _ handover: VersionHandover,
        _ engines: () throws -> [any InferenceEngine]
    ) -> FirstLoadReport {
        let version: OpenedVersion
        let loader: Loader
        do {
            version = try OpenedVersion(handover)
            let stream = stream
            loader = Loader(
                engines: Dictionary(try engines().map { ($0.name, $0) }, uniquingKeysWith: { $1 }),
                loopRunNs: 0,
                meters: ServingMeters(),
                reached: { step in stream.send(FirstLoadReport.step(step).encoded()) }
            )
        } catch {
            return .failed(.passing(FirstLoadVerdict.notTried(detail: "\(error)")))
        }
        do throws(Loader.Failure) {
            return .passed(try loader.examine(version).findings)
        } catch {
            if case .passing(let error) = error, error.code == .resourceExhausted {
                return .outOfMemory(detail: error.description)
            }
            return .failed(error)
        }
    }
}
