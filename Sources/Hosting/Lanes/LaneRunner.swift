internal import Engine
internal import Synchronization
internal import Text

/// The runs of one lane, from the host's side: reads tensors from the shared memory, runs the
/// model, writes its outputs there.
final class LaneRunner {
    /// The mappings that a request names.
    struct Areas {
        let inputs: SharedMemory
        let outputs: SharedMemory
    }

    private let model: any InferenceModel
    private let lane: LaneMemory
    /// Outputs that wait for room, with the memory in which some of them may lie.
    private var kept: [OutputTensor] = []
    private var keptAreas: Areas?

    init(_ model: any InferenceModel, on lane: LaneMemory) {
        self.model = model
        self.lane = lane
    }

    /// Does what a request asks for, and writes the reply.
    func answer(
        _ request: LaneRequest,
        _ areas: Areas,
        stop: RunStop?
    ) throws(EngineError) {
        switch request.kind {
        case .run:
            release()
            try run(request, areas, stop: stop)
        case .copy:
            defer { release() }
            write(kept, placed: kept.map { _ in nil }, request, areas)
        case .release:
            release()
            LaneReply.write([], to: lane)
        }
    }

    private func release() {
        kept = []
        keptAreas = nil
    }

    private func run(
        _ request: LaneRequest,
        _ areas: Areas,
        stop: RunStop?
    ) throws(EngineError) {
        let signature = model.signature
        let inputs = request.inputs.map { record in
            let spec = signature.inputs[Int(record.number)]
            return InputTensor(
                name: spec.name,
                type: spec.type,
                shape: record.shape ?? [],
                bytes: SharedBytes(memory: areas.inputs, range: record.bytes)
            )
        }
        let specs = request.outputs.map { signature.outputs[Int($0.number)] }
        let placed = request.outputs.map { $0.rank == TensorRecord.unplaced ? nil : $0.bytes }
        let outputs = try model.run(
            inputs,
            outputs: specs.map(\.name),
            into: places(request.outputs, specs, in: areas.outputs),
            stop: stop
        )
        try check(outputs, against: specs)
        write(outputs, placed: placed, request, areas)
    }

    /// The places that the server granted; none at all if there is none.
    private func places(
        _ records: [TensorRecord],
        _ specs: [TensorSpec],
        in memory: SharedMemory
    ) -> [OutputPlace?] {
        guard records.contains(where: { $0.rank != TensorRecord.unplaced }) else { return [] }
        return zip(records, specs).map { record, spec in
            guard let shape = record.shape else { return nil }
            return unsafe OutputPlace(
                type: spec.type,
                shape: shape,
                memory: memory.bytes(record.bytes)
            )
        }
    }

    /// Refuses outputs that the server would take for a breach: here they are an error of the run.
    private func check(
        _ outputs: [OutputTensor],
        against specs: [TensorSpec]
    ) throws(EngineError) {
        guard outputs.count == specs.count else {
            throw Self.failure("\(outputs.count) outputs, not \(specs.count)")
        }
        for (output, spec) in zip(outputs, specs) {
            guard output.type == spec.type, output.shape.count <= EngineLimits.maxRank,
                TensorShape.elementCount(output.shape) != nil
            else {
                throw Self.failure(
                    "output \(quoted(spec.name)) of \(output.type.name) \(output.shape), the "
                        + "model declares \(spec.type.name) \(spec.shape)"
                )
            }
        }
    }

    private static func failure(_ what: String) -> EngineError {
        EngineError(.runtimeFailed, "the model gave \(what)")
    }

    /// Writes outputs to the shared memory, those in their places excepted, and the reply.
    private func write(
        _ outputs: [OutputTensor],
        placed: [Range<Int>?],
        _ request: LaneRequest,
        _ areas: Areas
    ) {
        var next = request.room.lowerBound
        var records: [TensorRecord] = []
        records.reserveCapacity(outputs.count)
        for (output, place) in zip(outputs, placed) {
            if let place, place.count == output.byteCount {
                if !lies(output, at: place, in: areas.outputs) {
                    unsafe copy(output, to: areas.outputs.bytes(place))
                }
                records.append(output.record(place))
                continue
            }
            let range = next..<next + output.byteCount
            guard range.upperBound <= request.room.upperBound else {
                return keep(outputs, areas)
            }
            unsafe copy(output, to: areas.outputs.bytes(range))
            records.append(output.record(range))
            next += TensorPlace.roundedUp(output.byteCount)
        }
        LaneReply.write(records, to: lane)
    }

    private func keep(_ outputs: [OutputTensor], _ areas: Areas) {
        kept = outputs
        keptAreas = areas
        let byteCount = outputs.reduce(0) { $0 + TensorPlace.roundedUp($1.byteCount) }
        LaneReply.write(needingRoom: byteCount, to: lane)
    }

    /// Whether the model has put an output into its place.
    private func lies(_ output: OutputTensor, at range: Range<Int>, in memory: SharedMemory) -> Bool
    {
        output.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { source in
                unsafe source.baseAddress == UnsafeRawPointer(memory.start + range.lowerBound)
            }
        }
    }

    private func copy(_ output: OutputTensor, to target: UnsafeMutableRawBufferPointer) {
        output.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { source in unsafe target.copyMemory(from: source) }
        }
    }
}

extension TensorRecord {
    /// The bytes that the server names, which the host trusts.
    fileprivate var bytes: Range<Int> { Int(offset)..<Int(offset + byteCount) }
}

extension OutputTensor {
    fileprivate func record(_ range: Range<Int>) -> TensorRecord {
        TensorRecord(number: Int(type.rawValue), shape: shape, range: range)
    }
}
