internal import Engine

/// Bytes of shared memory, from the host's side.
@safe
struct SharedBytes: TensorBytes {
    let memory: SharedMemory
    let range: Range<Int>

    var byteCount: Int { range.count }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(memory) {
            try body(unsafe UnsafeRawBufferPointer(memory.bytes(range)).bytes)
        }
    }
}
