internal import CHosting
internal import Glibc
internal import Synchronization

/// The stream socket between the server and an engine host, which carries frames.
///
/// A frame is its kind (1 byte), the length of its payload (4 bytes, big endian) and the payload.
/// One descriptor may go with a frame, to the side that takes descriptors: the kernel drops those
/// that are sent to the other side. Neither side can so hold an end of its own stream open in the
/// other process. A frame that was sent or read in part leaves the stream
/// without a frame boundary: the socket is then shut down, so that both sides see its end.
package final class ControlSocket: Sendable {
    /// Bytes in front of a payload.
    static let headerBytes = 5

    private let socket: OwnedDescriptor
    private let takesDescriptors: Bool
    /// Held while a frame is written.
    private let writing = Mutex(())

    /// Takes over a connected stream socket, closed with this object.
    ///
    /// - Parameter takesDescriptors: Whether descriptors that come with frames are received.
    package init(descriptor: Int32, takesDescriptors: Bool) {
        socket = OwnedDescriptor(descriptor)
        self.takesDescriptors = takesDescriptors
    }

    /// The socket, for poll(2).
    package var descriptor: Int32 { socket.number }

    /// Ends the stream in both directions. Threads in ``receive(maxBytes:)`` return.
    package func shutDown() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Sends a frame, without a copy of its payload.
    ///
    /// - Parameters:
    ///   - payload: At most ``HostingLimits/maxFrameBytes``.
    ///   - descriptor: Sent with the frame; it stays the caller's.
    ///   - seconds: How long to wait for room in the socket. 0: the call does not block, not even
    ///     for another frame that is being sent.
    /// - Returns: Whether the kernel took the whole frame.
    package func send(
        _ kind: FrameKind,
        _ payload: RawSpan,
        descriptor: Int32? = nil,
        seconds: Int
    ) -> Bool {
        guard payload.byteCount <= HostingLimits.maxFrameBytes else { return false }
        let header = Self.header(kind, byteCount: payload.byteCount)
        let deadline = ContinuousClock.now + .seconds(seconds)
        guard seconds > 0 else {
            return writing.withLockIfAvailable { _ in
                write(header, payload, descriptor, until: deadline)
            } ?? false
        }
        return writing.withLock { _ in write(header, payload, descriptor, until: deadline) }
    }

    /// Sends a frame.
    package func send(
        _ kind: FrameKind,
        _ payload: [UInt8],
        descriptor: Int32? = nil,
        seconds: Int
    ) -> Bool {
        send(kind, unsafe payload.span.bytes, descriptor: descriptor, seconds: seconds)
    }

    private static func header(_ kind: FrameKind, byteCount: Int) -> [UInt8] {
        let length = UInt32(byteCount)
        return [kind.rawValue] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
    }

    private func write(
        _ header: [UInt8],
        _ payload: RawSpan,
        _ passed: Int32?,
        until deadline: ContinuousClock.Instant
    ) -> Bool {
        var sent = 0
        while sent < header.count + payload.byteCount {
            let count = send(
                unsafe header.span.bytes.extracting(droppingFirst: min(sent, header.count)),
                payload.extracting(droppingFirst: max(sent - header.count, 0)),
                sent == 0 ? passed : nil
            )
            if count > 0 {
                sent += count
            } else if errno != EINTR, errno != EAGAIN || !waitForRoom(until: deadline) {
                if sent > 0 { shutDown() }
                return false
            }
        }
        return true
    }

    private func send(_ head: RawSpan, _ body: RawSpan, _ passed: Int32?) -> Int {
        unsafe head.withUnsafeBytes { head in
            unsafe body.withUnsafeBytes { body in
                unsafe socket_Send(
                    descriptor,
                    head.baseAddress,
                    head.count,
                    body.baseAddress,
                    body.count,
                    passed ?? -1
                )
            }
        }
    }

    private func waitForRoom(until deadline: ContinuousClock.Instant) -> Bool {
        wait(for: POLLOUT, until: deadline)
    }

    /// Waits until the socket has room or bytes, or its stream has ended; false at the deadline.
    private func wait(for event: Int32, until deadline: ContinuousClock.Instant) -> Bool {
        let left = deadline - .now
        guard left > .zero else { return false }
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        let milliseconds = Int32(min(left / .milliseconds(1), 1e6)) + 1
        return unsafe poll(&entry, 1, milliseconds) != 0
    }

    /// Waits for the next frame. One thread reads.
    ///
    /// - Parameters:
    ///   - maxBytes: The longest payload that is taken.
    ///   - seconds: How long to wait for the whole frame; nil: without a bound.
    /// - Returns: The frame; nil at the end of the stream, after that time, or after bytes that are
    ///   no frame: an unknown kind, a payload that is too long, more than one descriptor.
    package func receive(maxBytes: Int, seconds: Int? = nil) -> Frame? {
        let deadline = seconds.map { ContinuousClock.now + .seconds($0) }
        guard let frame = read(maxBytes: maxBytes, until: deadline) else {
            shutDown()
            return nil
        }
        return frame
    }

    /// Waits for the next frame, which is to be of one kind, and puts its payload at the beginning
    /// of `target`: the bytes are in no other memory of this process. One thread reads.
    ///
    /// - Returns: The bytes of the payload; nil at the end of the stream, or after anything else:
    ///   a frame of another kind, with more bytes than `target` has, or with a descriptor.
    package func receive(_ kind: FrameKind, into target: inout MutableRawSpan) -> Int? {
        guard let count = read(kind, into: &target) else {
            shutDown()
            return nil
        }
        return count
    }

    private func read(maxBytes: Int, until deadline: ContinuousClock.Instant?) -> Frame? {
        var descriptors: [OwnedDescriptor] = []
        guard let (kind, length) = readHeader(&descriptors, until: deadline), length <= maxBytes
        else { return nil }
        var payload = [UInt8](repeating: 0, count: length)
        let isWhole = unsafe payload.withUnsafeMutableBytes {
            unsafe read(into: $0, &descriptors, until: deadline)
        }
        guard isWhole else { return nil }
        return Frame(kind: kind, payload: payload, descriptor: descriptors.first)
    }

    private func read(_ kind: FrameKind, into target: inout MutableRawSpan) -> Int? {
        var descriptors: [OwnedDescriptor] = []
        guard let (found, length) = readHeader(&descriptors, until: nil), found == kind,
            length <= target.byteCount
        else { return nil }
        let isWhole = unsafe target.withUnsafeMutableBytes { buffer in
            unsafe read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<length]),
                &descriptors,
                until: nil
            )
        }
        return isWhole && descriptors.isEmpty ? length : nil
    }

    /// The kind of the next frame, and the bytes of its payload.
    private func readHeader(
        _ descriptors: inout [OwnedDescriptor],
        until deadline: ContinuousClock.Instant?
    ) -> (FrameKind, Int)? {
        var header = [UInt8](repeating: 0, count: Self.headerBytes)
        let isWhole = unsafe header.withUnsafeMutableBytes {
            unsafe read(into: $0, &descriptors, until: deadline)
        }
        guard isWhole, let kind = FrameKind(rawValue: header[0]) else { return nil }
        return (kind, header[1...].reduce(0) { $0 << 8 | Int($1) })
    }

    /// Fills a buffer, and takes the descriptors that come with the bytes, of which there may be
    /// one.
    private func read(
        into buffer: UnsafeMutableRawBufferPointer,
        _ descriptors: inout [OwnedDescriptor],
        until deadline: ContinuousClock.Instant?
    ) -> Bool {
        var offset = 0
        while offset < buffer.count {
            if let deadline, !wait(for: POLLIN, until: deadline) { return false }
            let (received, passed) = unsafe receive(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[offset...])
            )
            descriptors += passed
            if received > 0 {
                offset += received
            } else if received == 0 || errno != EINTR {
                return false
            }
            guard descriptors.count <= 1 else { return false }
        }
        return true
    }

    private func receive(
        into buffer: UnsafeMutableRawBufferPointer
    ) -> (Int, [OwnedDescriptor]) {
        guard let start = buffer.baseAddress else { return (0, []) }
        guard takesDescriptors else {
            return unsafe (recv(descriptor, start, buffer.count, 0), [])
        }
        var numbers = [Int32](repeating: -1, count: Int(SOCKET_MAX_DESCRIPTORS))
        var count: Int32 = 0
        let received = unsafe socket_Receive(descriptor, start, buffer.count, &numbers, &count)
        let failure = errno
        let descriptors = numbers.prefix(Int(count)).map(OwnedDescriptor.init)
        errno = failure
        return (received, descriptors)
    }
}
