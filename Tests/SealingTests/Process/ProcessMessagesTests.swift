import Testing

@testable import Sealing

@Suite("Messages between a process and its child")
struct ProcessMessagesTests {
    @Test("messages come out as they went in, whatever the pieces", arguments: [1, 2, 5, 100])
    func pieces(of size: Int) throws {
        let sent: [[UInt8]] = [[], [7], Array(0..<200), [1, 2, 3]]
        let stream = sent.flatMap(ProcessMessages.encoded)
        var messages = ProcessMessages()
        var got: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: size) {
            try messages.append(Array(stream[start..<min(start + size, stream.count)]))
            while let message = messages.next() { got.append(message) }
        }
        #expect(got == sent)
    }

    @Test("a message of the limit is taken, a longer one is not waited for")
    func limit() throws {
        func length(_ count: Int) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
        }
        var messages = ProcessMessages()
        try messages.append(length(ProcessMessages.maxBytes))
        #expect(messages.missingBytes == ProcessMessages.maxBytes)
        var longer = ProcessMessages()
        let error = #expect(throws: SealingError.self) {
            try longer.append(length(ProcessMessages.maxBytes + 1))
        }
        #expect(error?.code == .limit)
    }
}
