internal import Synchronization
internal import Text

/// A model that ONNX Runtime runs. Runs may go side by side.
final class OnnxModel: InferenceModel {
    let signature: ModelSignature
    let resources: ModelResources
    let rowAnalysis: RowAnalysis

    private let session: OnnxSession
    private let inputNames: [CName]
    private let outputNames: [CName]
    /// Outputs that share their name with an input: the runtime leaves their places alone.
    private let passedThrough: IndexSet
    /// Cleared by a run that failed only with places: a shape was not as expected.
    private let usesPlaces = Atomic(true)

    /// Reads a loaded model's signature.
    ///
    /// - Parameters:
    ///   - session: The model in the runtime.
    ///   - facts: What the model's file says and the runtime does not.
    ///   - resources: What it costs.
    ///   - rowAnalysis: The relation between the rows of a run.
    init(
        _ session: OnnxSession,
        facts: ModelFacts,
        resources: ModelResources,
        rowAnalysis: RowAnalysis
    ) throws(EngineError) {
        self.session = session
        self.resources = resources
        self.rowAnalysis = rowAnalysis
        let inputs = try OnnxSignature.inputs(of: session, facts)
        let outputs = try OnnxSignature.outputs(of: session, facts)
        signature = ModelSignature(inputs: inputs.specs, outputs: outputs.specs)
        inputNames = inputs.names
        outputNames = outputs.names
        var passedThrough = IndexSet()
        let names = Set(inputs.specs.map(\.name))
        for (index, spec) in outputs.specs.enumerated() where names.contains(spec.name) {
            _ = passedThrough.insert(index)
        }
        self.passedThrough = passedThrough
    }

    func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        try run(inputs, outputs: outputs, into: [], stop: stop)
    }

    func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        into places: [OutputPlace?],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        var call = OnnxCall(
            check: try SignatureCheck(of: signature, tensors: inputs.count),
            wanted: try signature.indices(ofOutputs: outputs),
            places: places,
            stop: stop
        )
        AlignedScratch.with { scratch in lend(inputs, from: 0, to: &call, &scratch) }
        return try call.outcome.get()
    }

    /// Lends the bytes of one input after another to a call and makes it when it has all: what is
    /// lent to a closure stays only inside of it, so the closures nest.
    private func lend(
        _ inputs: [InputTensor],
        from index: Int,
        to call: inout OnnxCall,
        _ scratch: inout AlignedScratch
    ) {
        guard index < inputs.count else { return make(&call) }
        inputs[index].bytes.withBytes { bytes in
            guard add(inputs[index...], bytes, to: &call, &scratch) else { return }
            lend(inputs, from: index + 1, to: &call, &scratch)
        }
        // Released before the bytes are taken back.
        call.inputs = []
    }

    /// Adds the first of the inputs that are left to a call; false if the call has failed with it.
    private func add(
        _ left: ArraySlice<InputTensor>,
        _ bytes: RawSpan,
        to call: inout OnnxCall,
        _ scratch: inout AlignedScratch
    ) -> Bool {
        guard let input = left.first else { return true }
        do throws(EngineError) {
            let index = try call.check.take(input.name, input.type, input.shape, bytes)
            let value = try value(input, bytes, &scratch, before: left.dropFirst())
            call.inputs.append(OnnxCall.Input(name: inputNames[index], value: value))
            return true
        } catch {
            call.outcome = .failure(error)
            return false
        }
    }

    private func value(
        _ input: InputTensor,
        _ bytes: RawSpan,
        _ scratch: inout AlignedScratch,
        before later: ArraySlice<InputTensor>
    ) throws(EngineError) -> OnnxValue {
        do throws(OnnxFailure) {
            guard input.type == .bytes else {
                return try unsafe OnnxValue(
                    lending: bytes.withUnsafeBytes { unsafe scratch.aligned($0, before: later) },
                    type: input.type,
                    shape: input.shape,
                    library: session.library
                )
            }
            return try OnnxValue(
                strings: bytes,
                count: TensorShape.elementCount(input.shape) ?? 0,
                shape: input.shape,
                library: session.library
            )
        } catch {
            throw error.whileRunning
        }
    }

    private func make(_ call: inout OnnxCall) {
        do throws(EngineError) {
            try call.check.finish()
            call.outcome = .success(try outputs(of: call))
        } catch {
            call.outcome = .failure(error)
        }
    }

    private func outputs(of call: OnnxCall) throws(EngineError) -> [OutputTensor] {
        guard let stop = call.stop else { return try outputs(of: call, options: nil) }
        do throws(EngineError) {
            let options = try runOptions()
            return try stop.whileAttached({ options.terminate() }) { () throws(EngineError) in
                try outputs(of: call, options: options)
            }
        } catch {
            throw stop.isStopped ? RunStop.terminated : error
        }
    }

    private func runOptions() throws(EngineError) -> OnnxRunOptions {
        do {
            return try OnnxRunOptions(in: session.library)
        } catch {
            throw error.whileRunning
        }
    }

    private func outputs(
        of call: OnnxCall,
        options: OnnxRunOptions?
    ) throws(EngineError) -> [OutputTensor] {
        do throws(OnnxFailure) {
            let values = try values(of: call, options: options)
            var tensors: [OutputTensor] = []
            tensors.reserveCapacity(values.count)
            for (position, index) in call.wanted.enumerated() {
                let name = signature.outputs[index].name
                tensors.append(try values[position].tensor(named: name, apartFrom: call.inputs))
            }
            return tensors
        } catch {
            throw error.whileRunning
        }
    }

    private func values(
        of call: OnnxCall,
        options: OnnxRunOptions?
    ) throws(OnnxFailure) -> [OnnxValue] {
        let names = call.wanted.map { outputNames[$0] }
        guard !call.places.isEmpty, usesPlaces.load(ordering: .relaxed) else {
            return try session.run(call.inputs, outputs: names, options: options)
        }
        let places = try places(of: call)
        do throws(OnnxFailure) {
            return try session.run(call.inputs, outputs: names, places: places, options: options)
        } catch {
            guard call.stop?.isStopped != true else { throw error }
            let values = try session.run(call.inputs, outputs: names, options: options)
            // The input is good, so that a place must have been of another shape.
            usesPlaces.store(false, ordering: .relaxed)
            return values
        }
    }

    private func places(of call: OnnxCall) throws(OnnxFailure) -> [OnnxValue?] {
        var values: [OnnxValue?] = []
        values.reserveCapacity(call.wanted.count)
        for (position, index) in call.wanted.enumerated() {
            guard let place = call.places[position], !passedThrough.contains(index) else {
                values.append(nil)
                continue
            }
            values.append(
                try unsafe OnnxValue(
                    lending: UnsafeRawBufferPointer(place.memory),
                    type: place.type,
                    shape: place.shape,
                    library: session.library
                )
            )
        }
        return values
    }
}

/// One run on its way: what it has so far, and how it ended.
struct OnnxCall {
    /// An input in the runtime's form.
    struct Input {
        /// The model's name of it.
        let name: CName
        /// Its value.
        let value: OnnxValue
    }

    /// The check of its inputs.
    var check: SignatureCheck
    /// Which outputs it asks for.
    let wanted: [Int]
    /// Memory for them; empty: the runtime allocates all.
    let places: [OutputPlace?]
    /// What may end it.
    let stop: RunStop?
    /// The inputs that were lent so far.
    var inputs: [Input] = []
    /// How it ended.
    var outcome: Result<[OutputTensor], EngineError> = .success([])
}
