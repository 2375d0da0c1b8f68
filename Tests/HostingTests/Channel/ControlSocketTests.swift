import CHosting
import Engine
import Foundation
import Sealing
import Testing

@testable import Hosting

@Suite("The control socket")
struct ControlSocketTests {
    private static func write(_ bytes: [UInt8], to socket: ControlSocket) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    @Test("Frames of every kind and size arrive in order, unchanged")
    func framesArrive() throws {
        let (left, right) = try socketPair()
        let sizes = [0, 1, 4, 65_536, HostingLimits.maxFrameBytes]
        let kinds: [FrameKind] = [.message, .bytes, .terminate, .area, .bytes]
        let sent = Box<[Bool]>([])
        WorkerThread.start("send") {
            for (kind, size) in zip(kinds, sizes) {
                let payload = [UInt8](repeating: UInt8(size % 251), count: size)
                sent.set(sent.current + [left.send(kind, payload, seconds: 10)])
            }
            left.shutDown()
        }
        for (kind, size) in zip(kinds, sizes) {
            let frame = try #require(right.receive(maxBytes: HostingLimits.maxFrameBytes))
            #expect(frame.kind == kind)
            #expect(frame.payload == [UInt8](repeating: UInt8(size % 251), count: size))
            #expect(frame.descriptor == nil)
        }
        #expect(right.receive(maxBytes: 0) == nil)
        #expect(sent.current == [true, true, true, true, true])
        let (other, _peer) = try socketPair()
        #expect(
            !other.send(
                .bytes,
                [UInt8](repeating: 0, count: HostingLimits.maxFrameBytes + 1),
                seconds: 1
            )
        )
        withExtendedLifetime(_peer) {}
    }

    /// Receives a frame of a kind into a part of a buffer whose bytes are all 7.
    private static func receive(
        _ kind: FrameKind,
        into range: Range<Int>,
        from socket: ControlSocket
    ) throws -> (Int?, [UInt8]) {
        let buffer = try SecretBuffer(byteCount: 100)
        buffer.write([UInt8](repeating: 7, count: 100), at: 0)
        let count = buffer.withMutableBytes(range) { socket.receive(kind, into: &$0) }
        return (count, buffer.copyBytes())
    }

    @Test(
        "A payload is received into the part of a buffer that is meant, and nothing else changes",
        arguments: [0, 1, 59, 60]
    )
    func receiveIntoPart(count: Int) throws {
        let (left, right) = try socketPair()
        let payload = (0..<count).map { UInt8(100 + $0) }
        let isSent = left.send(.bytes, payload.span.bytes, seconds: 1)
        #expect(isSent)
        let (received, bytes) = try Self.receive(.bytes, into: 20..<80, from: right)
        #expect(received == count)
        var expected = [UInt8](repeating: 7, count: 100)
        expected.replaceSubrange(20..<20 + count, with: payload)
        #expect(bytes == expected)
    }

    @Test("A large payload goes from one buffer into another, in as many parts as the kernel takes")
    func betweenBuffers() throws {
        let (left, right) = try socketPair()
        let count = HostingLimits.maxFrameBytes
        let (source, target) = (
            try SecretBuffer(byteCount: count), try SecretBuffer(byteCount: count)
        )
        source.write((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }, at: 0)
        let isSent = Box(false)
        WorkerThread.start("send") {
            isSent.set(source.withBytes { left.send(.bytes, $0, seconds: 10) })
            left.shutDown()
        }
        let received = target.withMutableBytes(0..<count) { right.receive(.bytes, into: &$0) }
        #expect(received == count)
        #expect(right.receive(maxBytes: 0) == nil)
        #expect(isSent.current)
        #expect(source.copyBytes() == target.copyBytes())
    }

    @Test("A frame of another kind, one that is too long, or half of one is not received")
    func notReceived() throws {
        let frames: [[UInt8]] = [
            [1, 0, 0, 0, 1, 9], [2, 0, 0, 0, 61] + [UInt8](repeating: 9, count: 61),
            [2, 255, 255, 255, 255, 9], [9, 0, 0, 0, 0], [2, 0, 0], [],
            [2, 0, 0, 0, 30] + [UInt8](repeating: 9, count: 29),
        ]
        for frame in frames {
            let (left, right) = try socketPair()
            Self.write(frame, to: left)
            shutdown(left.descriptor, Int32(SHUT_WR))
            let (received, bytes) = try Self.receive(.bytes, into: 20..<80, from: right)
            #expect(received == nil)
            #expect(bytes[..<20] + bytes[80...] == [UInt8](repeating: 7, count: 40)[...])
            #expect(right.receive(maxBytes: 10) == nil)
        }
        let (left, right) = try socketPair()
        let memory = try SharedMemory(byteCount: 1)
        #expect(left.send(.bytes, [9], descriptor: memory.descriptorNumber, seconds: 1))
        #expect(try Self.receive(.bytes, into: 20..<80, from: right).0 == nil)
    }

    @Test("A frame that comes byte by byte is one frame")
    func frameInBytes() async throws {
        let (left, right) = try socketPair()
        async let received = onThread { right.receive(maxBytes: 10) }
        for byte: UInt8 in [3, 0, 0, 0, 3, 7, 8, 9] {
            Self.write([byte], to: left)
            try await Task.sleep(for: .milliseconds(2))
        }
        let frame = try #require(try await received)
        #expect(frame.kind == .terminate)
        #expect(frame.payload == [7, 8, 9])
    }

    @Test("A descriptor goes with its frame and names the same file")
    func descriptorGoesAlong() throws {
        let (left, right) = try socketPair()
        let memory = try SharedMemory(byteCount: 4_096)
        memory.start.storeBytes(of: 0xAB, as: UInt8.self)
        #expect(left.send(.message, [1], seconds: 1))
        #expect(left.send(.area, [2], descriptor: memory.descriptorNumber, seconds: 1))
        #expect(right.receive(maxBytes: 1)?.descriptor == nil)
        let descriptor = try #require(right.receive(maxBytes: 1)?.descriptor)
        #expect(descriptor.number != memory.descriptorNumber)
        #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
        let mapped = try SharedMemory(mapping: descriptor)
        #expect(mapped.start.load(as: UInt8.self) == 0xAB)
    }

    @Test(
        "Bytes that are no frame end the stream",
        arguments: [
            [0, 0, 0, 0, 0], [5, 0, 0, 0, 0], [255, 0, 0, 0, 0], [1, 0, 0, 0, 11],
            [1, 255, 255, 255, 255], [1, 0, 0],
        ] as [[UInt8]]
    )
    func noFrame(bytes: [UInt8]) async throws {
        let (left, right) = try socketPair()
        Self.write(bytes, to: left)
        if bytes.count < ControlSocket.headerBytes { left.shutDown() }
        #expect(try await onThread { right.receive(maxBytes: 10) } == nil)
        #expect(!right.send(.message, [], seconds: 1))
        #expect(right.receive(maxBytes: 10) == nil)
    }

    @Test("The longest payload is taken, one byte more is not")
    func longestPayload() throws {
        let (left, right) = try socketPair()
        #expect(left.send(.message, [UInt8](repeating: 1, count: 10), seconds: 1))
        #expect(right.receive(maxBytes: 10)?.payload.count == 10)
        #expect(left.send(.message, [UInt8](repeating: 1, count: 11), seconds: 1))
        #expect(right.receive(maxBytes: 10) == nil)
    }

    @Test("Descriptors past one are closed and end the stream", arguments: [2, 4, 5, 30])
    func surplusDescriptors(count: Int) throws {
        let (left, right) = try socketPair()
        let memory = try SharedMemory(byteCount: 1)
        let numbers = [Int32](repeating: memory.descriptorNumber, count: count)
        try #require(sendDescriptors(numbers, with: [4, 0, 0, 0, 1, 9], to: left.descriptor))
        #expect(right.receive(maxBytes: 10) == nil)
        #expect(try links(to: memory) == 1)
    }

    /// How many descriptors of this process name the memory. Each that was received is one more.
    private func links(to memory: SharedMemory) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            let link = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/fd/\($0)"
            )
            return link?.contains("strongroom-host") == true && isSame(Int32($0) ?? -1, memory)
        }
    }

    @Test("The side that takes no descriptors gets the frame, and the kernel drops the descriptors")
    func droppedDescriptors() throws {
        let (server, host) = try socketPair()
        let memory = try SharedMemory(byteCount: 1)
        #expect(host.send(.message, [7], descriptor: memory.descriptorNumber, seconds: 1))
        let frame = try #require(server.receive(maxBytes: 10))
        #expect(frame.payload == [7] && frame.descriptor == nil)
        #expect(try links(to: memory) == 1)
    }

    @Test("A host that sends its own end of the socket, and goes, ends the stream")
    func ownEnd() async throws {
        var pair: (ControlSocket, ControlSocket)? = try socketPair()
        let (server, number) = try #require(pair.map { ($0.0, $0.1.descriptor) })
        // The beginning of a header.
        try #require(sendDescriptors([number], with: [1], to: number))
        pair = nil
        #expect(try await onThread { server.receive(maxBytes: 10) } == nil)
    }

    @Test("The rest of a frame is waited for within a limit of time, however slowly it comes")
    func slowFrame() throws {
        let (server, host) = try socketPair()
        let isOver = Box(false)
        WorkerThread.start("drip") {
            Self.write([1, 0, 0, 0, 200], to: host)
            while !isOver.current {
                Self.write([0], to: host)
                usleep(50_000)
            }
        }
        let took = ContinuousClock().measure {
            #expect(server.receive(maxBytes: 200, seconds: 1) == nil)
        }
        isOver.set(true)
        #expect(took >= .milliseconds(900) && took < .seconds(5))
    }

    private func isSame(_ number: Int32, _ memory: SharedMemory) -> Bool {
        var (one, other) = (stat(), stat())
        return fstat(number, &one) == 0 && fstat(memory.descriptorNumber, &other) == 0
            && one.st_ino == other.st_ino && one.st_dev == other.st_dev
    }

    /// Sends bytes with several descriptors, as only a hostile peer does.
    private func sendDescriptors(_ numbers: [Int32], with bytes: [UInt8], to socket: Int32) -> Bool
    {
        let dataBytes = numbers.count * MemoryLayout<Int32>.size
        let headerBytes = MemoryLayout<cmsghdr>.size
        var control = [UInt8](repeating: 0, count: headerBytes + (dataBytes + 7) / 8 * 8)
        return control.withUnsafeMutableBytes { control in
            var header = cmsghdr()
            header.cmsg_len = headerBytes + dataBytes
            header.cmsg_level = SOL_SOCKET
            // SCM_RIGHTS
            header.cmsg_type = 1
            control.storeBytes(of: header, as: cmsghdr.self)
            numbers.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(
                    rebasing: control[headerBytes..<headerBytes + $0.count]
                )
                .copyMemory(from: $0)
            }
            var content = bytes
            return content.withUnsafeMutableBytes { content in
                var part = iovec(iov_base: content.baseAddress, iov_len: content.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return sendmsg(socket, &message, 0) == bytes.count
                }
            }
        }
    }

    @Test("A peer that does not read costs the sender its time limit, and no time at all with 0")
    func sendTimesOut() throws {
        let (left, _right) = try socketPair()
        let payload = [UInt8](repeating: 0, count: HostingLimits.maxFrameBytes)
        let clock = ContinuousClock()
        let took = clock.measure { #expect(!left.send(.bytes, payload, seconds: 1)) }
        #expect(took >= .milliseconds(900))
        #expect(took < .seconds(5))
        let (other, _peer) = try socketPair()
        let none = clock.measure {
            while other.send(.terminate, [UInt8](repeating: 0, count: 8), seconds: 0) {}
        }
        #expect(none < .seconds(1))
        withExtendedLifetime((_right, _peer)) {}
    }

    @Test("The end of the peer ends both directions")
    func endOfPeer() throws {
        let (left, right) = try socketPair()
        left.shutDown()
        #expect(right.receive(maxBytes: 10) == nil)
        #expect(!right.send(.message, [1], seconds: 1))
    }
}
