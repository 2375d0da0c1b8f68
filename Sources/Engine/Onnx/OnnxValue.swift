internal import COnnxRuntime

/// A tensor of the runtime, an input or an output.
@safe
final class OnnxValue: @unchecked Sendable {
    // Unchecked: nothing is written after the run that it belongs to, and the runtime's value may
    // be read and released on any thread.

    /// The runtime's value.
    let raw: OpaquePointer
    /// What it was made in.
    let library: OnnxLibrary
    /// The bytes that an input was made of, where they were lent.
    private let lent: UnsafeRawBufferPointer?
    /// Kept alive with the value: an output may lie in memory of its session, as a constant does.
    private let session: OnnxSession?

    /// Takes over an output.
    ///
    /// - Parameters:
    ///   - raw: The value, released with this object.
    ///   - session: What gave it.
    @unsafe
    init(taking raw: OpaquePointer, from session: OnnxSession) {
        unsafe self.raw = raw
        self.session = session
        library = session.library
        unsafe lent = nil
    }

    /// Wraps bytes without a copy: an input, or memory for an output.
    ///
    /// - Parameters:
    ///   - bytes: As many as type and shape say, at an address as of ``AlignedScratch``. They must
    ///     stay for longer than this object lives: the runtime reads them where they lie. It never
    ///     writes to an input; an output must be writable.
    ///   - type: A type of fixed size.
    ///   - shape: The dimensions.
    @unsafe
    init(
        lending bytes: UnsafeRawBufferPointer,
        type: ElementType,
        shape: [Int64],
        library: OnnxLibrary
    ) throws(OnnxFailure) {
        guard let start = bytes.baseAddress else { throw .nothingReturned }
        unsafe raw = try library.make { api, out in
            unsafe ort_CreateTensorWithDataAsOrtValue(
                api,
                library.memoryInfo,
                UnsafeMutableRawPointer(mutating: start),
                bytes.count,
                shape,
                shape.count,
                type.onnx,
                out
            )
        }
        self.library = library
        unsafe lent = bytes
        session = nil
    }

    /// Makes a tensor of strings.
    ///
    /// - Parameters:
    ///   - bytes: Elements that were checked to be `count`.
    ///   - count: How many there are.
    ///   - shape: The dimensions.
    init(
        strings bytes: RawSpan,
        count: Int,
        shape: [Int64],
        library: OnnxLibrary
    ) throws(OnnxFailure) {
        unsafe raw = try library.make { api, out in
            unsafe ort_CreateTensorAsOrtValue(
                api,
                library.allocator,
                shape,
                shape.count,
                ElementType.bytes.onnx,
                out
            )
        }
        self.library = library
        unsafe lent = nil
        session = nil
        try BytesElements.forEach(in: bytes, count: count) { index, element throws(OnnxFailure) in
            try fill(index, with: element)
        }
    }

    deinit { unsafe ort_ReleaseValue(library.api, raw) }

    /// Takes any bytes, zeros included, unlike the calls that fill a tensor with C strings.
    private func fill(_ index: Int, with element: RawSpan) throws(OnnxFailure) {
        var target: UnsafeMutablePointer<CChar>?
        try unsafe library.call { api in
            unsafe ort_GetResizedStringTensorElementBuffer(
                api,
                raw,
                index,
                element.byteCount,
                &target
            )
        }
        guard let target = unsafe target, element.byteCount > 0 else { return }
        unsafe element.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(start: target, count: source.count)
                .copyMemory(from: source)
        }
    }

    /// Whether an address is among the bytes that this input was made of.
    @unsafe
    func holds(_ address: UnsafeMutableRawPointer) -> Bool {
        guard let lent = unsafe lent, let start = lent.baseAddress else { return false }
        return unsafe address >= start && address < start + lent.count
    }

    /// Where the elements lie; not for strings.
    @unsafe
    func elements() throws(OnnxFailure) -> UnsafeMutableRawPointer {
        var address: UnsafeMutableRawPointer?
        try unsafe library.call { api in unsafe ort_GetTensorMutableData(api, raw, &address) }
        guard let address = unsafe address else { throw .nothingReturned }
        return unsafe address
    }

    /// The elements of a tensor of strings, in the encoding of ``ElementType/bytes``.
    func encodedStrings(count: Int) throws(OnnxFailure) -> [UInt8] {
        guard count > 0 else { return [] }
        var total = 0
        try unsafe library.call { api in unsafe ort_GetStringTensorDataLength(api, raw, &total) }
        var text = [UInt8](repeating: 0, count: max(total, 1))
        var offsets = [Int](repeating: 0, count: count)
        try unsafe library.call { api in
            unsafe ort_GetStringTensorContent(api, raw, &text, total, &offsets, count)
        }
        return BytesElements.encode(text[..<total], startingAt: offsets)
    }
}
