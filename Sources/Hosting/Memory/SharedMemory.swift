internal import CHosting
internal import Engine
internal import Glibc

/// A mapped memfd that a server and a host share. Its size is fixed: neither side can make the
/// other's access fail.
@safe
final class SharedMemory: @unchecked Sendable {
    // Unchecked: the properties never change. Each part of the content has a protocol of its own
    // for who writes it when.

    /// The first byte, at the beginning of a page.
    let start: UnsafeMutableRawPointer
    /// Bytes of the memory.
    let byteCount: Int
    /// The memfd.
    private let descriptor: OwnedDescriptor?
    /// The number of the descriptor, on the side that made the memory; -1 on the other one, which
    /// needs none once it is mapped, and may have few.
    var descriptorNumber: Int32 { descriptor?.number ?? -1 }

    /// Makes memory of zeros.
    ///
    /// - Throws: `outOfMemory` if the system gives none.
    init(byteCount: Int) throws(EngineError) {
        let number = unsafe memory_Create("strongroom-host")
        guard number >= 0 else { throw Self.missing(byteCount) }
        descriptor = OwnedDescriptor(number)
        guard ftruncate(number, byteCount) == 0, memory_Seal(number) == 0,
            let start = unsafe memory_Map(number, byteCount)
        else { throw Self.missing(byteCount) }
        unsafe self.start = start
        self.byteCount = byteCount
    }

    /// Maps memory that the other side made.
    ///
    /// - Parameter descriptor: A memfd, mapped as a whole. It is not needed after this call.
    /// - Throws: `outOfMemory` if it cannot be mapped.
    init(mapping descriptor: OwnedDescriptor) throws(EngineError) {
        // fstat of the C library is a call that the sandbox refuses: it could look for files.
        let size = lseek(descriptor.number, 0, SEEK_END)
        guard size > 0, let start = unsafe memory_Map(descriptor.number, size) else {
            throw Self.missing(size)
        }
        self.descriptor = nil
        unsafe self.start = start
        byteCount = size
    }

    deinit { unsafe munmap(start, byteCount) }

    /// Returns its pages to the system, even if the other side still has it mapped: for the side
    /// that made it.
    func discard() {
        if let descriptor { memory_Discard(descriptor.number, byteCount) }
    }

    /// A part of the memory.
    func bytes(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "not in the memory")
        return unsafe UnsafeMutableRawBufferPointer(
            start: start + range.lowerBound,
            count: range.count
        )
    }

    private static func missing(_ byteCount: Int) -> EngineError {
        EngineError(
            .outOfMemory,
            "there is no memory for the tensors of this run",
            detail: "memfd of \(byteCount) bytes: \(unsafe String(cString: strerror(errno)))"
        )
    }
}
