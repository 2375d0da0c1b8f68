internal import COpenSSL
internal import Glibc
internal import Synchronization

/// A few bytes of memory for key material: locked against swapping, left out of core dumps,
/// cleansed when released.
///
/// Slots are cut from whole pages and reused, since the limit on locked memory counts pages: a
/// page for each key would use up the 64 KiB that containers commonly grant after 16 keys.
@safe struct LockedMemory: ~Copyable, @unchecked Sendable {
    /// The bytes of a slot: the largest secret held at once is the 96 bytes derived for a blob.
    static let slotBytes = 128
    /// The pages taken at once from the system.
    private static let regionPages = 1

    // Sendable because the owner writes only inside `make`; afterwards the bytes are only read.
    private let address: UInt
    /// The bytes in use, at most ``slotBytes``.
    let byteCount: Int

    private static let freeSlots = Mutex<[UInt]>([])

    private init(address: UInt, byteCount: Int) {
        self.address = address
        self.byteCount = byteCount
    }

    /// A slot of `byteCount` bytes, which `fill` writes; its bytes are zero before.
    ///
    /// - Throws: `limit` if the system refuses to lock another page, and what `fill` throws.
    static func make(
        byteCount: Int,
        filling fill: (inout MutableRawSpan) throws(SealingError) -> Void
    ) throws(SealingError) -> LockedMemory {
        precondition(byteCount <= slotBytes, "a slot of locked memory holds 128 bytes")
        let memory = LockedMemory(address: try takeSlot(), byteCount: byteCount)
        var span = unsafe MutableRawSpan(_unsafeStart: memory.pointer, byteCount: byteCount)
        try fill(&span)
        return memory
    }

    deinit {
        unsafe OPENSSL_cleanse(pointer, Self.slotBytes)
        Self.freeSlots.withLock { $0.append(address) }
    }

    /// Lends the bytes; the span is valid only inside `body`.
    func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(pointer), byteCount: byteCount)
        return try body(span)
    }

    private var pointer: UnsafeMutableRawPointer {
        guard let pointer = unsafe UnsafeMutableRawPointer(bitPattern: address) else {
            preconditionFailure("a slot of locked memory has address zero")
        }
        return unsafe pointer
    }

    private static func takeSlot() throws(SealingError) -> UInt {
        if let address = freeSlots.withLock({ $0.popLast() }) { return address }
        let region = try mapRegion()
        let count = region.byteCount / slotBytes
        freeSlots.withLock { slots in
            for index in 1..<count { slots.append(region.address + UInt(index * slotBytes)) }
        }
        return region.address
    }

    /// Maps, locks and marks one region. Regions stay for the life of the process.
    private static func mapRegion() throws(SealingError) -> (address: UInt, byteCount: Int) {
        let byteCount = regionPages * Int(sysconf(Int32(_SC_PAGESIZE)))
        let protection = PROT_READ | PROT_WRITE
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let region = unsafe mmap(nil, byteCount, protection, flags, -1, 0),
            unsafe region != MAP_FAILED
        else { throw .system(.limit, "cannot map \(byteCount) bytes for keys", errno: errno) }
        guard unsafe mlock(region, byteCount) == 0 else {
            let number = errno
            unsafe munmap(region, byteCount)
            throw .system(
                .limit,
                "cannot lock \(byteCount) bytes of memory for keys (the limit is `ulimit -l`)",
                errno: number
            )
        }
        guard unsafe madvise(region, byteCount, MADV_DONTDUMP) == 0 else {
            let number = errno
            unsafe munmap(region, byteCount)
            throw .system(
                .internalFailure,
                "cannot keep key memory out of core dumps",
                errno: number
            )
        }
        return (UInt(bitPattern: region), byteCount)
    }
}
