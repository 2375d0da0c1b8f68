import Testing

@testable import Sealing

@Suite("Sealed tokens")
struct TokenSealerTests {
    private let sealer: TokenSealer
    private let key: SecretKey
    private let fields: [[UInt8]] = [[1, 2], [], [3]]
    private let payload: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7]

    init() throws {
        key = try SecretKey.random()
        sealer = TokenSealer(key: key, label: "a")
    }

    private func refusal(_ body: () throws -> Void) -> SealingError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? SealingError)?.code
        }
    }

    @Test("a token opens to its payload, has its size, and is never the same twice")
    func roundTrip() throws {
        let tokens = try (0..<50).map { _ in try sealer.seal(payload, boundTo: fields) }
        #expect(Set(tokens).count == tokens.count)
        for token in tokens {
            #expect(token.count == TokenSealer.overheadBytes + payload.count)
            #expect(try sealer.open(token, boundTo: fields) == payload)
        }
        let empty = try sealer.seal([], boundTo: [])
        #expect(try sealer.open(empty, boundTo: []) == [])
    }

    @Test("a token that was altered in any byte, cut or prolonged does not open")
    func altered() throws {
        let token = try sealer.seal(payload, boundTo: fields)
        for index in token.indices {
            var other = token
            other[index] ^= 1
            #expect(refusal { _ = try sealer.open(other, boundTo: fields) } == .authentication)
            let cut = Array(token.prefix(index))
            let code = refusal { _ = try sealer.open(cut, boundTo: fields) }
            #expect(code == (index < TokenSealer.overheadBytes ? .format : .authentication))
        }
        #expect(refusal { _ = try sealer.open(token + [0], boundTo: fields) } == .authentication)
    }

    @Test("a token opens with its key, its kind and its fields alone")
    func bound() throws {
        let token = try sealer.seal(payload, boundTo: fields)
        let others: [[[UInt8]]] = [
            [], [[1, 2], [3], []], [[1, 2, 3]], [[1], [2], [3]], [[1, 2], []],
        ]
        for other in others {
            #expect(refusal { _ = try sealer.open(token, boundTo: other) } == .authentication)
        }
        let kind = TokenSealer(key: key, label: "b")
        #expect(refusal { _ = try kind.open(token, boundTo: fields) } == .authentication)
        let stranger = TokenSealer(key: try SecretKey.random(), label: "a")
        #expect(refusal { _ = try stranger.open(token, boundTo: fields) } == .authentication)
    }
}
