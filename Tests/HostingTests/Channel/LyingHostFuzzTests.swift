import Engine
import EngineTesting
import Synchronization
import Testing
import Text

@testable import Hosting

@Suite("A host that lies at random")
struct LyingHostFuzzTests {
    @Test(
        "Random changes of valid replies never crash the server",
        arguments: 1...4 as ClosedRange<UInt64>
    )
    func randomChanges(seed: UInt64) throws {
        var random = SeededNumbers(seed)
        let granted = 4_096..<8_192
        var request = LaneRequest(.run)
        request.room = granted
        let valid = LyingHostTests.validReply(to: request)
        let error = Self.words(of: EngineError(.invalidInput, "message", detail: "detail"))
        let special: [UInt64] = [0, 1, 2, 3, 8, 9, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max]
        var taken = 0
        for _ in 0..<5_000 {
            var words = Bool.random(using: &random) ? valid : error
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let word = Int.random(in: 0..<words.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: words[word] ^= 1 << UInt64.random(in: 0..<64, using: &random)
                case 1: words[word] = special.randomElement(using: &random) ?? 0
                case 2: words[word] = random.next()
                default:
                    words[word] &+= UInt64(bitPattern: Int64.random(in: -70...70, using: &random))
                }
            }
            do throws(ProtocolBreach) {
                let checked = try LaneReply.read(
                    wanted: LyingHostTests.signature.outputs,
                    granted: granted
                ) {
                    range in range.map { $0 < words.count ? words[$0] : random.next() }
                }
                taken += 1
                check(checked, granted)
            } catch {
                #expect(!error.text.isEmpty)
            }
        }
        // Some changes leave a reply valid, such as another offset in the room.
        #expect(taken > 0 && taken < 5_000)
    }

    /// Whether all that a checked reply says may be relied on.
    private func check(_ checked: LaneReply.Checked, _ granted: Range<Int>) {
        switch checked {
        case .outputs(let outputs):
            #expect(outputs.count == LyingHostTests.signature.outputs.count)
            for (output, spec) in zip(outputs, LyingHostTests.signature.outputs) {
                #expect(output.type == spec.type)
                #expect(granted.lowerBound <= output.range.lowerBound)
                #expect(output.range.upperBound <= granted.upperBound)
                #expect(TensorShape.elementCount(output.shape) == output.elements)
                if let width = spec.type.byteCount {
                    #expect(output.range.count == output.elements * width)
                }
            }
        case .failed(let error):
            #expect(LaneReply.codes.contains(error.code))
            #expect(error.message.utf8.count <= 8 * HostingLimits.maxMessageBytes)
        case .needsRoom(let count):
            #expect(count > 0 && count <= HostingLimits.maxAreaBytes)
        }
    }

    private static func words(of error: EngineError) -> [UInt64] {
        guard
            let memory = try? SharedMemory(
                byteCount: ChannelLayout(lanes: 1, ringBytes: 0).byteCount
            )
        else { return [0, 0, 0] }
        let lane = LaneMemory(0, in: memory)
        LaneReply.write(error, to: lane)
        return lane.reply(0..<8)
    }

    @Test(
        "Random changes through a whole channel end the host or give an answer",
        arguments: [5, 6] as [UInt64]
    )
    func randomChangesThroughChannel(seed: UInt64) throws {
        let random = Mutex(SeededNumbers(seed))
        for _ in 0..<150 {
            let host = try PlayedHost(ringBytes: 65_536) { lane, memory, number in
                let request = LaneRequest(reading: lane)
                guard request.kind == .run else { return lane.reply(number) }
                LyingHostTests.writeOutputs(request, to: memory)
                var words = LyingHostTests.validReply(to: request)
                random.withLock { random in
                    let word = Int.random(in: 0..<words.count, using: &random)
                    words[word] =
                        Bool.random(using: &random)
                        ? random.next()
                        : words[word] ^ 1 << UInt64.random(in: 0..<64, using: &random)
                    let noise = Int.random(in: 0..<request.room.count, using: &random)
                    memory.bytes(request.room)[noise] ^= 0xFF
                }
                lane.writeReply(words)
                lane.reply(number)
            }
            do {
                let outputs = try LyingHostTests.run(host)
                #expect(outputs.count == 2)
                #expect(outputs.allSatisfy { $0.copied().count == $0.byteCount })
            } catch let error as EngineError {
                #expect(
                    [.processEnded, .outOfMemory].contains(error.code) || host.killed.current == nil
                )
            }
        }
    }
}
