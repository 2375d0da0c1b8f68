import Engine
import EngineTesting
import Synchronization
import Text

@testable import Registry
@testable import Serving

/// A loaded version without a registry, and requests to it whose answers are kept.
final class BatchBench: Sendable {
    let engine: FakeEngine
    let slot: Slot
    let admission = Admission()
    private let answers = Mutex<[Int: [ServingWorld.Answer]]>([:])

    init(
        _ script: FakeScript = FakeScript(),
        plan: BatchPlan = .merging(maxRows: 8),
        cost: RunCost = RunCost(),
        model name: String = "m",
        executors: Executors? = nil,
        runSeconds: Int = 30
    ) throws {
        engine = FakeEngine(script)
        let model = try engine.load(ModelInMemory(entry: [UInt8]()), options: LoadOptions())
        slot = Slot(
            id: VersionID(model: name, version: 1),
            card: Card(entry: "model.bin"),
            model: model,
            plan: plan,
            cost: cost,
            executors: executors,
            runSeconds: runSeconds
        )
    }

    /// A request for rows of FP32s, four a row, that counts from `first`.
    func job(
        _ id: Int,
        rows: Int = 1,
        columns: Int = 4,
        first: Float = 0,
        outputs: [ExactString] = [],
        name: ExactString = "x",
        source: AnyObject? = nil,
        principalNumber: UInt64 = 0,
        principal: String = "cert:ann",
        priority: Int = 0,
        deadlineNs: UInt64? = nil,
        isCancelled: Bool = false,
        cancellation: Cancellation? = nil
    ) -> Job {
        let values = (0..<rows * columns).map { first + Float($0) }
        var onCancel: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
        if let cancellation { onCancel = { cancellation.register($0) } }
        let request = PredictionRequest(
            model: slot.id.model,
            selector: .alias("live"),
            inputs: [
                InputTensor(
                    name: name,
                    type: .fp32,
                    shape: [Int64(rows), Int64(columns)],
                    bytes: bytes(of: values)
                )
            ],
            outputNames: outputs,
            source: source.map { ObjectIdentifier($0) },
            principalNumber: principalNumber,
            principal: principal,
            priority: priority,
            deadlineNs: deadlineNs,
            isCancelled: { cancellation?.isCancelled ?? isCancelled },
            onCancel: onCancel,
            completion: { answer in
                self.answers.withLock { $0[id, default: []].append(answer) }
            }
        )
        return Job(request: request, slot: slot, admission: admission, loadNs: 0)
    }

    /// What a request was answered with; nil if it was not.
    func answer(_ id: Int) -> ServingWorld.Answer? { answers(id).first }

    /// All answers of a request: one, if the server is right.
    func answers(_ id: Int) -> [ServingWorld.Answer] { answers.withLock { $0[id] ?? [] } }

    /// How many requests were answered.
    var answered: Int { answers.withLock { $0.count } }

    /// The error that a request was answered with; nil if it was not, or with outputs.
    func error(_ id: Int) -> ServingError? {
        if case .failure(let error)? = answer(id) { error } else { nil }
    }

    /// The numbers that a request was answered with.
    func numbers(_ id: Int) throws -> [Float]? {
        try answer(id)?.get().outputs.first.map { floats($0.copied()) }
    }
}

extension BatchPlan {
    static func merging(maxRows: Int, maxDelayUs: Int64 = 0) -> BatchPlan {
        BatchPlan(isMerged: true, why: "", maxRows: maxRows, maxDelayUs: maxDelayUs)
    }
}

func bytes(of values: [Float]) -> [UInt8] {
    values.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }
}

func floats(_ bytes: [UInt8]) -> [Float] {
    stride(from: 0, to: bytes.count, by: 4).map { start in
        Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
    }
}

/// Outputs for a fake model that works on the numbers of its first input.
func computing(
    _ function: @escaping @Sendable ([Float], [Int64]) -> [Float]
) -> FakeScript.Answer {
    .compute { inputs in
        let result = function(floats(inputs[0].bytes.copied()), inputs[0].shape)
        return [
            OutputTensor(name: "y", type: .fp32, shape: inputs[0].shape, bytes: bytes(of: result))
        ]
    }
}
