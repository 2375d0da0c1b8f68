internal import COpenSSL
internal import NIOCore

/// A BIO whose two ends are the channel's own ByteBuffers.
///
/// Not a memory BIO: that would copy every byte once more each way and keep buffers of its own.
/// Inbound holds what was received until the engine has read it; outbound gathers all records
/// that the engine writes until the connection takes them as one buffer.
///
/// It owns no C object. ``makeBIO()`` gives a BIO with a bare pointer to this object; whoever
/// takes it keeps this object alive until the BIO is freed.
final class BufferBIO {
    private var inbound = ByteBuffer()
    private var outbound = ByteBuffer()
    /// Once set, the engine reads nothing more: the way to stop it in the middle of a buffer.
    var isRefusing = false

    /// Ciphertext bytes that the engine has not read.
    var inboundBytes: Int { inbound.readableBytes }

    /// Whether records wait to be taken.
    var hasOutbound: Bool { outbound.readableBytes > 0 }

    /// Adds received ciphertext.
    func receive(_ bytes: ByteBuffer) {
        guard inbound.readableBytes > 0 else {
            // The usual case: all was read, so the channel's buffer is taken as it is.
            inbound = bytes
            return
        }
        inbound.writeImmutableBuffer(bytes)
    }

    /// Drops ciphertext that nobody will read.
    func discardInbound() {
        inbound = ByteBuffer()
    }

    /// All records written since the last call; nil if there are none.
    func takeOutbound() -> ByteBuffer? {
        guard outbound.readableBytes > 0 else { return nil }
        let taken = outbound
        if outbound.capacity > TLSLimits.maxKeptBufferBytes {
            outbound = ByteBuffer()
        } else {
            // The storage is shared with `taken` from here. The next write clears it: by then
            // the channel has mostly let go, and the allocation is used again.
            outbound.moveReaderIndex(to: outbound.writerIndex)
        }
        return taken
    }

    /// Makes room for a burst, so that the buffer grows once.
    func reserveOutbound(_ byteCount: Int) {
        if outbound.readableBytes == 0 { outbound.clear() }
        outbound.reserveCapacity(minimumWritableBytes: byteCount)
    }

    /// A new BIO over this object, owned by the caller.
    func makeBIO() throws(TLSError) -> OpaquePointer {
        guard let method = unsafe BufferBIO.method, let bio = unsafe BIO_new(method) else {
            throw TLSError(.internalFailure, "BIO_new: \(OpenSSLErrorQueue.drainReason())")
        }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    fileprivate func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        let count = unsafe inbound.readWithUnsafeReadableBytes { source in
            let count = min(source.count, target.count)
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
            return count
        }
        // An idle connection must not hold on to the channel's receive buffer.
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
        return count
    }

    fileprivate func write(_ source: UnsafeRawBufferPointer) {
        if outbound.readableBytes == 0 { outbound.clear() }
        unsafe outbound.writeBytes(source)
    }

    /// One table of callbacks for the process; never freed. Nil only for want of memory.
    ///
    /// `nonisolated(unsafe)`: set up once, by Swift's own lazy initialisation, and only read after.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        guard let method = unsafe BIO_meth_new(type, "strongroom buffers") else { return nil }
        unsafe BIO_meth_set_read(method, readCallback)
        unsafe BIO_meth_set_write(method, writeCallback)
        unsafe BIO_meth_set_ctrl(method, controlCallback)
        return unsafe method
    }()
}

private func owner(of bio: OpaquePointer?) -> BufferBIO? {
    guard let bio = unsafe bio, let data = unsafe BIO_get_data(bio) else { return nil }
    return unsafe Unmanaged<BufferBIO>.fromOpaque(data).takeUnretainedValue()
}

/// Answers -1 with the retry flag when there is nothing, which OpenSSL reports as WANT_READ, and
/// -1 without it when the connection refuses to go on.
private func readCallback(
    _ bio: OpaquePointer?,
    _ target: UnsafeMutablePointer<CChar>?,
    _ capacity: Int32
) -> Int32 {
    guard let owner = unsafe owner(of: bio), let target = unsafe target, capacity > 0 else {
        return -1
    }
    unsafe shim_BIO_clear_retry_flags(bio)
    guard !owner.isRefusing else { return -1 }
    let space = unsafe UnsafeMutableRawBufferPointer(start: target, count: Int(capacity))
    let count = unsafe owner.read(into: space)
    guard count > 0 else {
        unsafe shim_BIO_set_retry_read(bio)
        return -1
    }
    return Int32(count)
}

/// Takes everything: the channel's own backpressure bounds what is written.
private func writeCallback(
    _ bio: OpaquePointer?,
    _ source: UnsafePointer<CChar>?,
    _ count: Int32
) -> Int32 {
    guard let owner = unsafe owner(of: bio), let source = unsafe source, count > 0 else {
        return -1
    }
    unsafe shim_BIO_clear_retry_flags(bio)
    unsafe owner.write(UnsafeRawBufferPointer(start: source, count: Int(count)))
    return count
}

/// Flush must answer 1, or OpenSSL takes the handshake for stalled.
private func controlCallback(
    _: OpaquePointer?,
    _ command: Int32,
    _: Int,
    _: UnsafeMutableRawPointer?
) -> Int {
    switch command {
    case BIO_CTRL_FLUSH, BIO_CTRL_DUP, BIO_CTRL_PUSH, BIO_CTRL_POP: 1
    default: 0
    }
}
