import Engine
import Metrics
import Serving
import Synchronization
import Text

extension ServingWorld {
    typealias Answer = Result<Prediction, ServingError>

    /// Sends a request of some rows of four FP32s each.
    func predict(
        model: String = "m",
        _ selector: VersionSelector = .alias("live"),
        rows: Int = 1
    ) async -> Answer {
        await begin(model: model, selector, rows: rows).value
    }

    /// The version that answers, or why none does.
    func answering(
        model: String = "m",
        _ selector: VersionSelector = .alias("live")
    ) async throws -> UInt64 {
        try await predict(model: model, selector).get().version
    }

    /// Why a request is refused; nil if it is answered.
    func refusal(
        model: String = "m",
        _ selector: VersionSelector = .alias("live"),
        rows: Int = 1
    ) async -> ServingError.Code? {
        if case .failure(let error) = await predict(model: model, selector, rows: rows) {
            return error.code
        }
        return nil
    }

    /// Sends a request, and lets the test go on: it is with the host when this returns.
    func begin(
        model: String = "m",
        _ selector: VersionSelector = .alias("live"),
        rows: Int = 1,
        outputNames: [ExactString] = [],
        principal: String = "",
        principalNumber: UInt64 = 0,
        heldBytes: Int? = nil,
        priority: Int = 0,
        deadlineNs: UInt64? = nil,
        isCancelled: @escaping @Sendable () -> Bool = { false },
        onCancel: (@Sendable (@escaping @Sendable () -> Void) -> Void)? = nil,
        onRouted: (@Sendable (CallMeter) -> Void)? = nil,
        room: (any ResultRoom)? = nil
    ) -> PendingAnswer {
        let pending = PendingAnswer()
        host.predict(
            PredictionRequest(
                model: model,
                selector: selector,
                inputs: [
                    InputTensor(
                        name: "x",
                        type: .fp32,
                        shape: [Int64(rows), 4],
                        bytes: [UInt8](repeating: 0, count: rows * Self.rowBytes)
                    )
                ],
                outputNames: outputNames,
                principalNumber: principalNumber,
                principal: principal,
                heldBytes: heldBytes,
                priority: priority,
                deadlineNs: deadlineNs,
                isCancelled: isCancelled,
                onCancel: onCancel,
                onRouted: onRouted,
                room: room,
                completion: { pending.complete($0) }
            )
        )
        return pending
    }

    static let rowBytes = 16
}

/// An answer that may not be there yet.
final class PendingAnswer: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<ServingWorld.Answer, Never>)
        case answered(ServingWorld.Answer)
    }

    private let state = Mutex(State.open)

    func complete(_ answer: ServingWorld.Answer) {
        let waiter = state.withLock { state -> CheckedContinuation<ServingWorld.Answer, Never>? in
            defer { state = .answered(answer) }
            switch state {
            case .open: return nil
            case .awaited(let continuation): return continuation
            case .answered: preconditionFailure("a request was answered twice")
            }
        }
        waiter?.resume(returning: answer)
    }

    /// Whether the answer is there.
    var isAnswered: Bool {
        state.withLock { if case .answered = $0 { true } else { false } }
    }

    var value: ServingWorld.Answer {
        get async {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> ServingWorld.Answer? in
                    if case .answered(let answer) = state { return answer }
                    state = .awaited(continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        }
    }
}
