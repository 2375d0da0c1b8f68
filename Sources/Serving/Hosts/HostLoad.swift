internal import Engine
internal import Hosting
internal import Registry
internal import Sandbox
internal import Sealing
internal import Text

/// A load of a version in an engine host: the server's side of it. Blocking.
struct HostLoad {
    /// Requests for one file: an engine reads each once, and some a second time.
    static let maxReads = 4

    let version: OpenedVersion
    /// The findings of an earlier load; nil: the host makes every comparison.
    let known: VersionFindings?
    /// The runs that the host leaves out.
    var omitted = OmittedRuns()
    /// The begin of the load, over all hosts that it takes.
    let beganAtNs = MonotonicTime.nowNs
    let limits: FirstLoadLimits
    /// Whether a host without every layer of the sandbox is refused.
    let requiresSandbox: Bool
    let output: HostOutput

    /// Loads the version in a host, which then serves it.
    ///
    /// - Parameter step: Set to the last step that the host began, if the load fails.
    /// - Throws: The failure. The host is ended then.
    func run(in host: HostProcess, step: inout LoadStep?) throws(Loader.Failure) -> HostedFindings {
        let extra = FirstLoadLimits.extraSeconds(bytes: version.info.bytes)
        var state = State(
            host: host,
            memory: limits.memory(SystemMemory.system.now()),
            seconds: limits.seconds + extra,
            cpuSeconds: limits.cpuSeconds + extra,
            beganAtNs: beganAtNs
        )
        output.follow(host)
        do throws(Loader.Failure) {
            try begin(&state)
            var found = try follow(&state)
            found.findings.omitted = omitted
            host.endMessages()
            return found
        } catch {
            step = state.step
            host.kill(.released)
            throw error
        }
    }

    /// The state of one load.
    private struct State {
        let host: HostProcess
        let memory: FirstLoadLimits.MemoryBound
        let seconds: Int
        let cpuSeconds: Int
        let endsAtNs: UInt64
        var step: LoadStep?
        var reads: [ExactString: Int] = [:]

        init(
            host: HostProcess,
            memory: FirstLoadLimits.MemoryBound,
            seconds: Int,
            cpuSeconds: Int,
            beganAtNs: UInt64
        ) {
            self.host = host
            self.memory = memory
            self.seconds = seconds
            self.cpuSeconds = cpuSeconds
            endsAtNs = beganAtNs + UInt64(seconds) * 1_000_000_000
        }
    }

    /// Waits until the host is ready, limits it, and sends the order.
    private func begin(_ state: inout State) throws(Loader.Failure) {
        switch try next(&state) {
        case .ready(let report):
            guard let missing = report.missingLayers.first, requiresSandbox else { break }
            throw notTried("the kernel lacks \(missing), and isolation.require_sandbox is true")
        case .unfit(let reason): throw notTried(reason)
        default: throw lied(&state, "it did not begin as an engine host does")
        }
        let order = HostOrder(
            id: version.id,
            memoryBytes: state.memory.bytes,
            cpuSeconds: UInt64(state.cpuSeconds),
            card: version.cardText,
            sizes: LoadableVersion(version).sizes,
            known: known,
            omitted: omitted
        )
        _ = state.host.send(message: order.encoded(), untilNs: state.endsAtNs)
    }

    /// Answers what the host asks for, until it says how the load ended.
    private func follow(_ state: inout State) throws(Loader.Failure) -> HostedFindings {
        while true {
            switch try next(&state) {
            case .step(let step): state.step = step
            case .wants(let path): try send(path, &state)
            case .passed(let found):
                // Its runs are bounded by their own limits from now on.
                guard state.host.process.liftTimeLimit() else {
                    throw ended(state, by: state.host.end ?? .released)
                }
                return found
            case .failed(let failure): throw failure
            case .outOfMemory(let detail):
                throw FirstLoadVerdict.outOfMemory(state.memory, detail: detail)
            case .unfit(let reason): throw notTried(reason)
            case .ready: throw lied(&state, "it was ready twice")
            }
        }
    }

    private func next(_ state: inout State) throws(Loader.Failure) -> HostReport {
        switch state.host.next(untilNs: state.endsAtNs) {
        // A host that sends message after message has no more time than another.
        case .message where MonotonicTime.nowNs >= state.endsAtNs, .outOfTime:
            state.host.kill(.overTime)
            throw ended(state, by: .overTime)
        case .message(let message):
            guard let report = HostReport(message) else {
                throw lied(&state, "it sent what no engine host sends")
            }
            return report
        case .ended(let end): throw ended(state, by: end)
        }
    }

    /// Decrypts a file of the version and sends it in pieces.
    private func send(_ path: ExactString, _ state: inout State) throws(Loader.Failure) {
        state.reads[path, default: 0] += 1
        guard version.files.contains(where: { $0.path == path }),
            state.reads[path, default: 0] <= Self.maxReads
        else { throw lied(&state, "it asked for a file that it may not have") }
        let (host, endsAtNs) = (state.host, state.endsAtNs)
        do {
            try version.readPieces(path) { host.send($0, untilNs: endsAtNs) }
        } catch {
            throw Loader.Failure(reading: error, id: version.id)
        }
    }

    private func lied(_ state: inout State, _ lie: String) -> Loader.Failure {
        state.host.kill(.lied(lie))
        return ended(state, by: .lied(lie))
    }

    private func ended(_ state: State, by end: HostEnd) -> Loader.Failure {
        FirstLoadVerdict(
            step: state.step,
            end: end,
            output: output.beginning,
            seconds: state.seconds,
            cpuSeconds: state.cpuSeconds,
            memory: state.memory
        ).failure
    }

    private func notTried(_ detail: String) -> Loader.Failure {
        .passing(FirstLoadVerdict.notTried(detail: "the process of its first load: \(detail)"))
    }
}
