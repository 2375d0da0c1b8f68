internal import Engine
internal import Text

extension HostRun {
    /// Copies each input, part by part: the one copy on its way to the engine.
    func copyInputs(to place: TensorPlace) -> [TensorRecord] {
        var records: [TensorRecord] = []
        records.reserveCapacity(order.inputs.count)
        var start = place.range.lowerBound
        for (input, index) in zip(order.inputs, order.indices) {
            let end = start + input.bytes.byteCount
            var next = start
            input.bytes.forEachPart { part in
                unsafe part.withUnsafeBytes { source in
                    let target = next..<min(next + source.count, end)
                    unsafe place.memory.bytes(target)
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<target.count]))
                    next = target.upperBound
                }
            }
            records.append(TensorRecord(number: index, shape: input.shape, range: start..<end))
            start =
                place.range.lowerBound
                + TensorPlace.roundedUp(end - place.range.lowerBound)
        }
        return records
    }

    /// The outputs of a checked reply: lent where they lie, or copied out.
    ///
    /// - Parameter plan: The plan of the room, of which the unused end is returned; nil: the room
    ///   is just as long as the outputs.
    func tensors(
        _ outputs: [LaneReply.Output],
        in place: TensorPlace?,
        _ plan: OutputPlan?
    ) throws(EngineError) -> [OutputTensor] {
        var tensors: [OutputTensor] = []
        tensors.reserveCapacity(outputs.count)
        var lentEnd = 0
        for (output, spec) in zip(outputs, order.specs) {
            var bytes: any TensorBytes = [UInt8]()
            if let place, !output.range.isEmpty {
                let lent = LentBytes(place: place, range: output.range)
                if output.isCopied {
                    bytes = lent.copied()
                } else {
                    bytes = lent
                    lentEnd = max(lentEnd, output.range.upperBound - place.range.lowerBound)
                }
            }
            if output.isChecked { try check(bytes, output, spec) }
            tensors.append(
                OutputTensor(name: spec.name, type: output.type, shape: output.shape, bytes: bytes)
            )
        }
        if let place, plan?.hasOthers == true {
            let room = place.range.lowerBound + (plan?.placedBytes ?? 0)
            channel.noteRoom(max((outputs.map(\.range.upperBound).max() ?? 0) - room, 0))
            if lentEnd > 0 { place.shrink(to: lentEnd) }
        }
        return tensors
    }

    /// Checks the elements of a copy: the host cannot change them any more.
    private func check(
        _ bytes: any TensorBytes,
        _ output: LaneReply.Output,
        _ spec: TensorSpec
    ) throws(EngineError) {
        let fault = bytes.withBytes { output.type.fault(in: $0, count: output.elements) }
        guard let fault else { return }
        throw condemned(ProtocolBreach("its output \(quoted(spec.name)) \(fault)"))
    }
}

extension LaneReply.Output {
    /// Whether not every content is one of the type: lengths of BYTES decide on addresses, and
    /// bytes of a BOOL are 0 or 1.
    fileprivate var isChecked: Bool { type == .bytes || type == .bool }

    /// Whether the server copies the bytes at once: small ones, and those whose content it checks.
    fileprivate var isCopied: Bool {
        isChecked || range.count <= HostingLimits.maxCopiedOutputBytes
    }
}

extension LaneRequest {
    /// Adds the wanted outputs and their places.
    mutating func grant(_ place: TensorPlace?, _ plan: OutputPlan, wanted: [Int]) {
        let start = place?.range.lowerBound ?? 0
        outputArea = place?.area ?? TensorPlace.ring
        for (index, placed) in zip(wanted, plan.placed) {
            guard let placed else {
                outputs.append(TensorRecord(unplaced: index))
                continue
            }
            let range = start + placed.range.lowerBound..<start + placed.range.upperBound
            outputs.append(TensorRecord(number: index, shape: placed.shape, range: range))
        }
        room =
            start + plan.placedBytes..<max(place?.range.upperBound ?? 0, start + plan.placedBytes)
    }
}
