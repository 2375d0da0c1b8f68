package import Engine
internal import Hosting
internal import Registry
internal import Sandbox
package import Sealing
internal import Text

/// The host's side of an engine host: everything from the loaded library to the last run.
///
/// Neither Swift concurrency nor Dispatch runs in a host: their threads would be made when the
/// sandbox forbids it.
package struct HostTask: Sendable {
    /// The descriptors that the server passes.
    private static let controlDescriptor: Int32 = 0
    private static let memoryDescriptor: Int32 = 3
    /// Descriptors that arrive while the host runs, at one time: that of a memory area.
    private static let passedDescriptors = 1

    private let control = ControlSocket(
        descriptor: Self.controlDescriptor,
        takesDescriptors: true
    )
    private let lanes: HostLanes

    /// Prepares the process: single-threaded, and with every file still within reach.
    ///
    /// - Parameter load: Loads the engines' libraries, and everything that they would open later.
    /// - Throws: ``SealingError`` if the process was not started by a server.
    package static func run(
        load: () throws -> [any InferenceEngine]
    ) throws(SealingError) {
        OwnProcess.endAtFatalSignals()
        OwnProcess.goFirstOutOfMemory()
        guard ProcessMemory.refuseDumps() else {
            throw SealingError(.internalFailure, "this process could not be kept from being dumped")
        }
        guard OwnProcess.endWithParent(ofStream: controlDescriptor) else {
            throw SealingError(.internalFailure, "the server that started this process is gone")
        }
        Heaps.configure()
        let task = try HostTask()
        do {
            let engines = try load()
            let report = try task.enterFirstStage()
            let named = Dictionary(engines.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
            task.work(named, report)
        } catch {
            task.send(.unfit(reason: "\(error)"))
        }
    }

    private init() throws(SealingError) {
        do {
            lanes = try HostLanes(memoryDescriptor: Self.memoryDescriptor)
        } catch {
            throw SealingError(.format, error.message)
        }
    }

    private func enterFirstStage() throws -> SandboxReport {
        try ProcessLimits.limitDescriptors(more: Self.passedDescriptors)
        // The server decides whether missing layers are acceptable.
        let report = try Sandbox.enterFirstStage(
            recordingAt: lanes.forbiddenCallAddress,
            allowsMissingLayers: true
        )
        send(.ready(report))
        return report
    }

    // MARK: - The order

    /// Loads the version that the server orders, and takes runs until the server ends.
    private func work(_ engines: [String: any InferenceEngine], _ sandbox: SandboxReport) {
        guard let frame = control.receive(maxBytes: HostMessages.maxOrderBytes),
            frame.kind == .message, let order = HostOrder(frame.payload)
        else { return }
        do throws(SandboxError) {
            try ProcessLimits.limitMemory(bytes: order.memoryBytes)
            try ProcessLimits.limitProcessorTime(seconds: order.cpuSeconds)
        } catch {
            return send(.unfit(reason: error.description))
        }
        guard lanes.startThreads(), engines.values.allSatisfy({ $0.startThreads() }) else {
            return send(.unfit(reason: "the system starts no thread"))
        }
        // A thread of its own yields to those that serve: without privileges a thread cannot take
        // its priority back.
        let isStarted = WorkerThread.runToEnd("load") {
            ThreadPriority.stepBack()
            load(order, engines, sandbox)
        }
        guard isStarted else {
            return send(.unfit(reason: "the system starts no thread"))
        }
        while let frame = control.receive(maxBytes: HostingLimits.maxFrameBytes) {
            lanes.take(frame)
        }
    }

    private func load(
        _ order: HostOrder,
        _ engines: [String: any InferenceEngine],
        _ sandbox: SandboxReport
    ) {
        do throws(Loader.Failure) {
            let (model, found) = try examined(order, engines, sandbox)
            lanes.serve(model)
            send(.passed(found))
        } catch {
            guard case .passing(let error) = error, error.code == .resourceExhausted else {
                return send(.failed(error))
            }
            send(.outOfMemory(detail: error.description))
        }
    }

    private func examined(
        _ order: HostOrder,
        _ engines: [String: any InferenceEngine],
        _ sandbox: SandboxReport
    ) throws(Loader.Failure) -> (any InferenceModel, HostedFindings) {
        let version = try version(order)
        let task = self
        var loader = Loader(
            engines: engines,
            loopRunNs: 0,
            meters: ServingMeters(),
            reached: { task.send(.step($0)) }
        )
        loader.memory = .sandboxed(limitBytes: order.memoryBytes)
        loader.omitted = order.omitted
        if var known = order.known {
            known.omitted = order.omitted
            loader.note(known, of: order.id)
        }
        let model = try loader.open(version)
        try enterSecondStage(after: sandbox)
        let examined = try loader.check(version, model)
        let found = HostedFindings(
            findings: examined.findings,
            warmUpFailure: examined.warmUpFailure,
            signature: model.signature,
            resources: model.resources
        )
        return (model, found)
    }

    private func enterSecondStage(after report: SandboxReport) throws(Loader.Failure) {
        do throws(SandboxError) {
            try Sandbox.enterSecondStage(after: report)
        } catch {
            throw .passing(FirstLoadVerdict.notTried(detail: error.description))
        }
    }

    // MARK: - Files

    private func version(_ order: HostOrder) throws(Loader.Failure) -> LoadableVersion {
        let card: Card
        do {
            card = try Card.parse(order.card, paths: Array(order.sizes.keys))
        } catch {
            throw Loader.Failure(reading: error, id: order.id)
        }
        let task = self
        return LoadableVersion(
            id: order.id,
            card: card,
            sizes: order.sizes,
            read: { try task.read($0, byteCount: order.sizes[$0]) }
        )
    }

    /// Asks the server for a file. A server that cannot read it ends this process.
    private func read(_ path: ExactString, byteCount: UInt64?) throws -> SecretBuffer {
        guard let byteCount, let byteCount = Int(exactly: byteCount) else {
            throw RegistryError(.notFound, "no file \(quoted(path))")
        }
        let buffer = try SecretBuffer(byteCount: byteCount)
        send(.wants(path))
        var received = 0
        while received < byteCount {
            let count = buffer.withMutableBytes(received..<byteCount) {
                control.receive(.bytes, into: &$0)
            }
            guard let count, count > 0 else { OwnProcess.end(1) }
            received += count
        }
        return buffer
    }

    /// Sends a report; a server that is gone does not miss it.
    private func send(_ report: HostReport) {
        _ = control.send(.message, report.encoded(), seconds: 60)
    }
}
