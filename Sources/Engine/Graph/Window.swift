internal import Text

/// The window of a convolution or pooling, and the sizes that it leaves.
struct Window {
    var kernel: [Int64?]?
    private let strides: [Int64]
    private let dilations: [Int64]
    /// The padding at the beginning and the end of each dimension; nil if it depends on sizes.
    private let pads: [Int64]?
    private let outputPadding: [Int64]
    private let isSame: Bool
    private let roundsUp: Bool
    private let hasOutputShape: Bool

    /// Reads the attributes.
    init(_ call: OperatorCall, spatial: Int) throws(RowFault) {
        func list(_ name: ExactString, _ value: Int64, _ count: Int) throws(RowFault) -> [Int64] {
            let given = try call.ints(name) ?? [Int64](repeating: value, count: count)
            let bounds = 0...Int64(Int32.max)
            guard given.count == count, given.allSatisfy(bounds.contains) else {
                throw RowFault("has a window of other dimensions, or beyond the bounds")
            }
            return given
        }
        if call.node.attributes["kernel_shape"] != nil {
            kernel = try list("kernel_shape", 1, spatial)
        }
        strides = try list("strides", 1, spatial)
        dilations = try list("dilations", 1, spatial)
        outputPadding = try list("output_padding", 0, spatial)
        let automatic = call.text("auto_pad") ?? "NOTSET"
        isSame = automatic.hasPrefix("SAME")
        let given = try list("pads", 0, 2 * spatial)
        pads = isSame ? nil : automatic == "VALID" ? given.map { _ in 0 } : given
        roundsUp = call.int("ceil_mode", default: 0) != 0
        hasOutputShape = call.node.attributes["output_shape"] != nil
        guard strides.allSatisfy({ $0 > 0 }) else { throw RowFault("has a stride of 0") }
    }

    /// The sizes after the window has passed over these.
    func sizes(of sizes: [SymbolicSize?], in call: inout OperatorCall) -> [SymbolicSize?] {
        sizes.enumerated().map { place, size in
            guard let size, size.isFixed else { return nil }
            if let result = size.number.flatMap({ result($0, at: place) }) { return result }
            if keeps(place) { return size }
            return call.freshSize(atMost: call.bound(size).flatMap { bound(of: $0, at: place) })
        }
    }

    /// Whether a window moves by one element and leaves as many places as there were.
    private func keeps(_ place: Int) -> Bool {
        guard strides[place] == 1 else { return false }
        return isSame || !roundsUp && slack(at: place) == 0
    }

    /// The padding minus the reach of the kernel plus the stride; nil if it is not known.
    private func slack(at place: Int) -> Int64? {
        guard let pads, let kernel, place < kernel.count, let length = kernel[place],
            (1...Int64(Int32.max)).contains(length)
        else { return nil }
        return pads[place] + pads[place + strides.count] - reach(of: length, at: place)
            + strides[place]
    }

    /// The elements from the first to the last that the kernel covers. All factors have 32 bits.
    private func reach(of length: Int64, at place: Int) -> Int64 {
        dilations[place] * (length - 1) + 1
    }

    /// An upper bound of the places that a window has over a dimension.
    private func bound(of size: SizeBound, at place: Int) -> SizeBound? {
        let stride = Double(strides[place])
        // A dimension shorter than the stride has one place.
        guard let slack = isSame ? 0 : slack(at: place) else { return nil }
        let rest = max(Double(slack), stride - 1) / stride + (roundsUp ? 1 : 0)
        return size.scaled(by: 1 / stride).plus(SizeBound(rest))
    }

    private func result(_ size: Int64, at place: Int) -> SymbolicSize? {
        guard size <= Int64(Int32.max) else { return nil }
        if isSame { return SymbolicSize((size + strides[place] - 1) / strides[place]) }
        guard !roundsUp, let pads, let kernel, place < kernel.count, let length = kernel[place],
            (1...Int64(Int32.max)).contains(length)
        else { return nil }
        let rest =
            size + pads[place] + pads[place + strides.count] - reach(of: length, at: place)
        return rest < 0 ? nil : SymbolicSize(rest / strides[place] + 1)
    }

    /// The size from which a convolution over a dimension would have made this one.
    func transposedSize(
        of size: SymbolicSize?,
        _ kernel: SymbolicSize?,
        at place: Int,
        in call: OperatorCall
    ) -> SymbolicSize? {
        guard let size, size.isFixed else { return nil }
        guard let length = kernel?.number, !hasOutputShape,
            (1...Int64(Int16.max)).contains(length)
        else { return call.freshSize() }
        let reach = reach(of: length, at: place) + outputPadding[place]
        if let number = size.number, let pads, (1...Int64(Int16.max)).contains(number) {
            let result =
                strides[place] * (number - 1) + reach - pads[place] - pads[place + strides.count]
            if result >= 0 { return SymbolicSize(result) }
        }
        let bound = call.bound(size)?.scaled(by: Double(strides[place]))
        return call.freshSize(atMost: bound?.plus(SizeBound(Double(reach))))
    }
}
