import Engine
import EngineTesting
import Synchronization

@testable import Registry
@testable import Serving

/// Engine hosts that live in the test: each has a model of a fake engine of their own.
final class FakeHosts: VersionHosts {
    /// A load that was asked for.
    struct Call: Sendable, Equatable {
        let id: VersionID
        let purpose: HostPurpose
        /// Whether findings of an earlier load came with it.
        var isKnown = false
        /// The runs that those findings leave out.
        var omitted = OmittedRuns()
    }

    private struct State {
        var calls: [Call] = []
        var failure: Loader.Failure?
        var claims: VersionFindings?
    }

    let engine: FakeEngine
    /// Where each load waits.
    let gate = Gate(isOpen: true)
    private let state = Mutex(State())

    /// - Parameter script: What a model with that entry file does in a host.
    init(script: @escaping @Sendable (_ entry: String) -> FakeScript = { _ in FakeScript() }) {
        engine = FakeEngine(name: "onnxruntime") { entry in
            var script = script(String(decoding: entry, as: UTF8.self))
            script.echoesWhileLoading = true
            return script
        }
    }

    var calls: [Call] { state.withLock { $0.calls } }

    /// The purposes of the loads of a model, in their order.
    func purposes(of model: String = "m") -> [HostPurpose] {
        calls.filter { $0.id.model == model }.map(\.purpose)
    }

    /// Lets later loads fail.
    func fail(_ failure: Loader.Failure?) { state.withLock { $0.failure = failure } }

    /// Lets later loads claim these findings.
    func claim(_ findings: VersionFindings) { state.withLock { $0.claims = findings } }

    func load(
        _ version: OpenedVersion,
        inspection: ModelInspection,
        known: VersionFindings?,
        for purpose: HostPurpose
    ) throws(Loader.Failure) -> HostedVersion {
        let (failure, claims) = state.withLock { state in
            state.calls.append(
                Call(
                    id: version.id,
                    purpose: purpose,
                    isKnown: known != nil,
                    omitted: known?.omitted ?? OmittedRuns()
                )
            )
            return (state.failure, state.claims)
        }
        gate.pass()
        if let failure { throw failure }
        let loader = Loader(
            engines: [engine.name: engine],
            loopRunNs: 0,
            meters: ServingMeters()
        )
        let examined = try loader.examine(LoadableVersion(version))
        return HostedVersion(
            model: purpose == .serving ? examined.model : nil,
            findings: claims ?? examined.findings,
            warmUpFailure: examined.warmUpFailure
        )
    }

    /// Loads in these hosts, with short waits.
    func firstLoad(
        seconds: Int = FirstLoadLimits().seconds,
        overtaking: Duration = .milliseconds(50)
    ) -> FirstLoad {
        var limits = FirstLoadLimits()
        limits.seconds = seconds
        return FirstLoad(
            hosts: self,
            limits: limits,
            patience: LoadPatience(overtaking: overtaking, grace: .milliseconds(50))
        )
    }
}
