package import Engine
package import Text

/// What a fake model does: the test writes it.
package struct FakeScript: Sendable {
    /// How a fake model answers.
    package enum Answer: Sendable {
        /// Output `i` is input `i`, byte for byte, under the output's own name.
        case echo
        /// Every run fails.
        case fail(EngineError)
        /// The test's own function of a request's tensors, given in the signature's order.
        case compute(@Sendable ([FakeInput]) throws(EngineError) -> [OutputTensor])
    }

    /// What the model says it takes and gives.
    package var signature: ModelSignature
    /// What a load fails with; nil to succeed.
    package var loadFailure: EngineError?
    /// The other files of the bundle that a load reads, as by ``ModelSource/file(_:)``.
    package var reads: [ExactString]
    /// Where each load waits, before it fails or succeeds.
    package var loadGate: Gate
    /// Where each run waits, after its request was checked. A stopped run passes it at once.
    package var runGate: Gate
    /// How it answers.
    package var answer: Answer
    /// Whether the runs that the loading thread makes echo, wait nowhere and are not counted: they
    /// are a server's own, made before it serves the model.
    package var echoesWhileLoading: Bool
    /// What the model says of its runs' time.
    package var timeDependsOnValues: Bool
    /// The model's verdict on shared runs.
    package var rowAnalysis: RowAnalysis
    /// The model's verdict on the process that it may run in.
    package var isolation: IsolationVerdict

    /// Makes a script: by default a model that echoes FP32 rows and waits for nothing.
    package init(
        signature: ModelSignature = .rows(),
        loadFailure: EngineError? = nil,
        reads: [ExactString] = [],
        loadGate: Gate = Gate(isOpen: true),
        runGate: Gate = Gate(isOpen: true),
        answer: Answer = .echo,
        echoesWhileLoading: Bool = false,
        timeDependsOnValues: Bool = false,
        rowAnalysis: RowAnalysis = RowAnalysis(independence: .proved, precision: .exact),
        isolation: IsolationVerdict = .safe
    ) {
        self.signature = signature
        self.loadFailure = loadFailure
        self.reads = reads
        self.loadGate = loadGate
        self.runGate = runGate
        self.answer = answer
        self.echoesWhileLoading = echoesWhileLoading
        self.timeDependsOnValues = timeDependsOnValues
        self.rowAnalysis = rowAnalysis
        self.isolation = isolation
    }
}

/// A tensor as a fake model got it.
package typealias FakeInput = InputTensor

extension ModelSignature {
    /// One input and one output of that many columns, the rows free: "x" to "y".
    package static func rows(columns: Int64 = 4, type: ElementType = .fp32) -> ModelSignature {
        ModelSignature(
            inputs: [TensorSpec(name: "x", type: type, shape: [-1, columns])],
            outputs: [TensorSpec(name: "y", type: type, shape: [-1, columns])]
        )
    }
}
