import Engine
import EngineTesting
import Glibc
import Synchronization
import Testing
import Text

@testable import Hosting

@Suite("A host that lies")
struct LyingHostTests {
    static let signature = ModelSignature(
        inputs: [TensorSpec(name: "x", type: .fp32, shape: [-1, 4])],
        outputs: [
            TensorSpec(name: "y", type: .fp32, shape: [-1, 4]),
            TensorSpec(name: "t", type: .bytes, shape: [-1]),
        ]
    )

    /// A reply with one row of each output, in the room that a request grants.
    static func validReply(to request: LaneRequest) -> [UInt64] {
        let start = request.room.lowerBound
        let records = [
            TensorRecord(
                number: Int(ElementType.fp32.rawValue),
                shape: [1, 4],
                range: start..<start + 16
            ),
            TensorRecord(
                number: Int(ElementType.bytes.rawValue),
                shape: [1],
                range: start + 64..<start + 70
            ),
        ]
        var words: [UInt64] = [UInt64(records.count) << 32, 0, 0]
        for record in records { record.write(to: &words) }
        return words
    }

    /// Writes the outputs of ``validReply(to:)``.
    static func writeOutputs(_ request: LaneRequest, to memory: SharedMemory) {
        let room = memory.bytes(request.room)
        room.storeBytes(of: 1, as: Float.self)
        room.storeBytes(of: UInt32(2).littleEndian, toByteOffset: 64, as: UInt32.self)
        room.storeBytes(of: 0x6968, toByteOffset: 68, as: UInt16.self)
    }

    static func run(_ host: PlayedHost, stop: RunStop? = nil) throws -> [OutputTensor] {
        try host.channel.run([rows(1)], of: signature, rows: .unproved, stop: stop)
    }

    @Test("The valid reply that all lies are made from is taken")
    func validReplyIsTaken() throws {
        let host = try PlayedHost { lane, memory, number in
            let request = LaneRequest(reading: lane)
            Self.writeOutputs(request, to: memory)
            lane.writeReply(Self.validReply(to: request))
            lane.reply(number)
        }
        let outputs = try Self.run(host)
        #expect(outputs.map(\.shape) == [[1, 4], [1]])
        #expect(outputs[1].copied() == encoded([[0x68, 0x69]]))
        #expect(host.killed.current == nil)
    }

    /// One wrong word: its index, and the change to it.
    struct Lie: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let word: Int
        let change: @Sendable (UInt64) -> UInt64

        init(_ text: String, _ word: Int, _ change: @escaping @Sendable (UInt64) -> UInt64) {
            testDescription = text
            self.word = word
            self.change = change
        }
    }

    static let lies: [Lie] = [
        Lie("an unknown status", 0) { $0 | 3 },
        Lie("status 2^32 - 1", 0) { $0 | 0xFFFF_FFFF },
        Lie("one output less", 0) { $0 - 1 << 32 },
        Lie("one output more", 0) { $0 + 1 << 32 },
        Lie("2^32 - 1 outputs", 0) { $0 | 0xFFFF_FFFF << 32 },
        Lie("needs no bytes", 0) { _ in 2 },
        Lie("another type", 3) { $0 & ~0xFFFF_FFFF | 12 },
        Lie("no type", 3) { $0 & ~0xFFFF_FFFF },
        Lie("9 dimensions", 3) { $0 & 0xFFFF_FFFF | 9 << 32 },
        Lie("2^32 - 1 dimensions", 3) { $0 | 0xFFFF_FFFF << 32 },
        Lie("one dimension less, and so fewer elements", 3) { $0 & 0xFFFF_FFFF | 1 << 32 },
        Lie("an offset before the room", 4) { $0 - 1 },
        Lie("an offset of 0", 4) { _ in 0 },
        Lie("an offset past the room", 4) { $0 + 1 << 20 },
        Lie("an offset of 2^64 - 1", 4) { _ in .max },
        Lie("an offset and a length that overflow", 4) { _ in .max - 15 },
        Lie("another lane's place", 4) { $0 + 8_192 },
        Lie("a byte less", 5) { $0 - 1 },
        Lie("a byte more", 5) { $0 + 1 },
        Lie("2^63 bytes", 5) { _ in 1 << 63 },
        Lie("2^64 - 1 bytes", 5) { _ in .max },
        Lie("a negative size", 6) { _ in UInt64(bitPattern: -1) },
        Lie("the smallest size", 6) { _ in 1 << 63 },
        Lie("more elements than there are bytes", 6) { _ in 2 },
        Lie("2^62 rows", 6) { _ in 1 << 62 },
        Lie("fewer elements than there are bytes", 7) { _ in 3 },
        Lie("a product that overflows", 7) { _ in 1 << 62 },
        Lie("BYTES that are FP32", 3 + 11) { $0 & ~0xFFFF_FFFF | 11 },
        Lie("BYTES past the room", 5 + 11) { _ in 1 << 30 },
        Lie("two elements in the bytes of one", 6 + 11) { _ in 2 },
        Lie("no element in bytes", 6 + 11) { _ in 0 },
        Lie("2^31 elements in a few bytes", 6 + 11) { _ in 1 << 31 - 1 },
    ]

    @Test("Each wrong number is found, ends the host and fails the run", arguments: lies)
    func wrongNumbers(lie: Lie) throws {
        let host = try PlayedHost { lane, memory, number in
            let request = LaneRequest(reading: lane)
            Self.writeOutputs(request, to: memory)
            var words = Self.validReply(to: request)
            words[lie.word] = lie.change(words[lie.word])
            lane.writeReply(words)
            lane.reply(number)
        }
        let error = try engineError { _ = try Self.run(host) }
        #expect(error.code == .processEnded)
        #expect(error.message.contains("broke its protocol"))
        guard case .lied(let text) = host.killed.current else {
            Issue.record("the host was not ended: \(String(describing: host.killed.current))")
            return
        }
        #expect(error.detail == text)
        // No later run goes to it.
        #expect(try engineError { _ = try Self.run(host) }.code == .processLost)
    }

    @Test(
        "A shape that the model does not declare is taken, if it is one of so many bytes",
        arguments: [
            [4], [4, 1], [2, 2], [1, 1, 4], [1, 1, 1, 1, 1, 1, 1, 4], [2, 2, 1],
        ] as [[UInt64]]
    )
    func undeclaredShapes(shape: [UInt64]) throws {
        let host = try PlayedHost { lane, memory, number in
            let request = LaneRequest(reading: lane)
            Self.writeOutputs(request, to: memory)
            var words = Self.validReply(to: request)
            words[3] = words[3] & 0xFFFF_FFFF | UInt64(shape.count) << 32
            words.replaceSubrange(6..<6 + shape.count, with: shape)
            lane.writeReply(words)
            lane.reply(number)
        }
        #expect(try Self.run(host)[0].shape == shape.map { Int64($0) })
        #expect(host.killed.current == nil)
    }

    @Test("Text of an error without an end, or that is no UTF-8, harms nobody")
    func wrongTexts() throws {
        let texts: [(UInt64, Bool)] = [
            (UInt64(UInt32.max), false), (UInt64(UInt32.max) << 32, false), (.max, false),
            (UInt64(HostingLimits.maxMessageBytes) + 1, false),
            ((UInt64(HostingLimits.maxDetailBytes) + 1) << 32, false),
            (UInt64(HostingLimits.maxMessageBytes), true),
            (UInt64(HostingLimits.maxDetailBytes) << 32 | 3, true), (0, true),
        ]
        for (lengths, isTaken) in texts {
            let host = try PlayedHost { lane, _, number in
                var words = [UInt64](
                    repeating: 0xFF1B_80C3_0A22_FE00,
                    count: LaneReply.headerWords + 2_000
                )
                words[0] = UInt64(LaneReply.Status.failed.rawValue)
                words[1] = 0
                words[2] = lengths
                lane.writeReply(words)
                lane.reply(number)
            }
            let error = try engineError { _ = try Self.run(host) }
            #expect(error.code == (isTaken ? LaneReply.codes[0] : .processEnded))
            #expect((host.killed.current == nil) == isTaken)
            #expect(!error.message.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
        }
    }

    @Test(
        "An error with a code that only the server gives is a lie",
        arguments: [6, 7, 1 << 32, .max] as [UInt64]
    )
    func wrongCodes(code: UInt64) throws {
        let host = try PlayedHost { lane, _, number in
            lane.writeReply([UInt64(LaneReply.Status.failed.rawValue), code, 0])
            lane.reply(number)
        }
        #expect(try engineError { _ = try Self.run(host) }.code == .processEnded)
        #expect(host.killed.current != nil)
    }

    @Test("A run that ends as if it had been stopped, and was not, is a lie")
    func uncalledTermination() throws {
        let host = try PlayedHost { lane, _, number in
            LaneReply.write(RunStop.terminated, to: lane)
            lane.reply(number)
        }
        #expect(try engineError { _ = try Self.run(host, stop: RunStop()) }.code == .processEnded)
        #expect(host.killed.current != nil)
    }

    @Test("A reply that changes while it is read gives what was checked, or an error")
    func changingReply() throws {
        let host = try PlayedHost { lane, memory, number in
            let request = LaneRequest(reading: lane)
            guard request.kind == .run else { return }
            Self.writeOutputs(request, to: memory)
            let valid = Self.validReply(to: request)
            var wrong = valid
            wrong[4] = .max - 15
            wrong[5] = 1 << 40
            wrong[5 + 11] = 1 << 40
            wrong[6 + 11] = 1 << 30
            lane.writeReply(valid)
            lane.reply(number)
            for _ in 0..<200 {
                lane.writeReply(wrong)
                lane.writeReply(valid)
            }
        }
        for _ in 0..<200 {
            do {
                let outputs = try Self.run(host)
                #expect(outputs[0].byteCount == 16 && outputs[1].byteCount == 6)
            } catch {
                break
            }
        }
    }

    @Test("BYTES that change while they are read are checked in the server's own copy")
    func changingElements() throws {
        let host = try PlayedHost { lane, memory, number in
            let request = LaneRequest(reading: lane)
            Self.writeOutputs(request, to: memory)
            lane.writeReply(Self.validReply(to: request))
            lane.reply(number)
            let room = memory.bytes(request.room)
            for index in 0..<2_000 {
                let length: UInt32 = index.isMultiple(of: 2) ? .max : 2
                room.storeBytes(of: length, toByteOffset: 64, as: UInt32.self)
            }
        }
        for _ in 0..<100 {
            do {
                let text = try Self.run(host)[1]
                text.withBytes { bytes in
                    #expect(BytesElements.fault(in: bytes, count: 1) == nil)
                    BytesElements.forEach(in: bytes, count: 1) { _, element in
                        #expect(element.byteCount == 2)
                    }
                }
            } catch {
                #expect(
                    (error as? EngineError)?.code == .processEnded || host.killed.current != nil
                )
                break
            }
        }
    }

    @Test(
        "Each byte of a BOOL output is 0 or 1, and stays so",
        arguments: [0, 1, 2, 255] as [UInt8],
        [1, HostingLimits.maxCopiedOutputBytes + 1]
    )
    func outputsOfBool(last: UInt8, count: Int) throws {
        let host = try PlayedHost { lane, memory, number in
            let request = LaneRequest(reading: lane)
            let start = Int(request.outputs.first?.offset ?? 0)
            for index in start..<start + count {
                memory.bytes(index..<index + 1)[0] = index == start + count - 1 ? last : 1
            }
            let record = TensorRecord(
                number: Int(ElementType.bool.rawValue),
                shape: [1, Int64(count)],
                range: start..<start + count
            )
            var words: [UInt64] = [1 << 32, 0, 0]
            record.write(to: &words)
            lane.writeReply(words)
            lane.reply(number)
            usleep(20_000)
            memory.bytes(start..<start + 1)[0] = 7
        }
        let signature = ModelSignature(
            inputs: [TensorSpec(name: "x", type: .fp32, shape: [-1, 4])],
            outputs: [TensorSpec(name: "b", type: .bool, shape: [-1, Int64(count)])]
        )
        guard last <= 1 else {
            let error = try engineError { _ = try host.channel.run([rows(1)], of: signature) }
            #expect(error.code == .processEnded)
            #expect(error.detail.contains("neither 0 nor 1, at element \(count - 1)"))
            return
        }
        let output = try host.channel.run([rows(1)], of: signature)[0]
        usleep(100_000)
        #expect(output.copied() == [UInt8](repeating: 1, count: count - 1) + [last])
    }

    @Test("A host that wakes the server all the time ends, and the run with it")
    func wakeStorm() throws {
        let isOver = Atomic(false)
        let host = try PlayedHost { lane, _, _ in
            while !isOver.load(ordering: .relaxed) { lane.wake(.reply) }
        }
        let error = try engineError { _ = try Self.run(host) }
        isOver.store(true, ordering: .relaxed)
        #expect(error.code == .processEnded)
        #expect(error.detail.contains("without a reply"))
    }

    @Test("A reply to another request is a lie", arguments: [1, 5, 0x4000_0000] as [UInt32])
    func strangeReply(added: UInt32) throws {
        let host = try PlayedHost { lane, _, number in lane.reply(number &+ added) }
        #expect(try engineError { _ = try Self.run(host) }.code == .processEnded)
    }

    @Test("A reply to the run before is none: the run goes on to its limit")
    func lateReply() throws {
        let host = try PlayedHost { lane, _, number in lane.reply(number &- 1) }
        let stop = RunStop(endsAtNs: MonotonicTime.nowNs + 50_000_000)
        #expect(try engineError { _ = try Self.run(host, stop: stop) }.code == .overTime)
        #expect(host.killed.current == .overTime)
    }

    @Test("A reply before any run is not taken for one")
    func replyWithoutRun() throws {
        let host = try PlayedHost { _, _, _ in }
        LaneMemory(0, in: host.memory).reply(7)
        #expect(try engineError { _ = try Self.run(host) }.code == .processEnded)
        #expect(host.killed.current == .lied("it replied to request 7, not 1"))
    }

    @Test("A host that asks for room twice, or for more than the budget, gets none")
    func greed() throws {
        let host = try PlayedHost { lane, _, number in
            LaneReply.write(needingRoom: 100_000, to: lane)
            lane.reply(number)
        }
        #expect(try engineError { _ = try Self.run(host) }.code == .processEnded)
        #expect(host.killed.current == .lied("it asked for room twice in one run"))
        let greedy = try PlayedHost { lane, _, number in
            if LaneRequest(reading: lane).kind == .release {
                LaneReply.write([], to: lane)
            } else {
                LaneReply.write(needingRoom: HostingLimits.maxAreaBytes, to: lane)
            }
            lane.reply(number)
        }
        #expect(try engineError { _ = try Self.run(greedy) }.code == .outOfMemory)
        #expect(greedy.killed.current == nil)
        #expect(greedy.budget.taken == 0 && host.budget.taken == 0)
        let mad = try PlayedHost { lane, _, number in
            lane.writeReply([2, UInt64(HostingLimits.maxAreaBytes) + 1, 0])
            lane.reply(number)
        }
        #expect(try engineError { _ = try Self.run(mad) }.code == .processEnded)
    }

    @Test("Garbage in the words that are the server's own does not matter")
    func garbageInServersWords() throws {
        let host = try PlayedHost { lane, memory, number in
            let request = LaneRequest(reading: lane)
            Self.writeOutputs(request, to: memory)
            lane.writeReply(Self.validReply(to: request))
            lane.store(.serverSleeps, 0)
            lane.store(.hostSleeps, .max)
            lane.store(.begun, 77)
            memory.bytes(0..<64).copyMemory(
                from: UnsafeRawBufferPointer(memory.bytes(4_096..<4_160))
            )
            lane.store(.reply, number)
        }
        for _ in 0..<3 { #expect(try Self.run(host).count == 2) }
        #expect(host.killed.current == nil)
    }
}
