import Testing

@testable import Sealing

@Suite("Inspection of a header")
struct BlobInspectionTests {
    private let plaintext = Array("sixteen models in a row".utf8)

    private func inspect(
        _ header: [UInt8],
        _ fixture: BlobFixture,
        key: SecretKey?,
        commitment: [UInt8]?,
        plaintextBytes: Int? = nil
    ) throws -> BlobInspection {
        try BlobInspection(
            header: header,
            expected: BlobInspection.Expectation(
                context: fixture.context,
                plaintextBytes: UInt64(plaintextBytes ?? plaintext.count),
                chunkLog2: BlobFixture.chunkLog2,
                commitment: commitment
            ),
            key: key
        )
    }

    @Test("a whole header has no fault, and its chunks open")
    func whole() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(plaintext)
        let header = Array(sealed[..<160])
        for commitment in [nil, Array(header[96..<128])] {
            let inspection = try inspect(
                header,
                fixture,
                key: fixture.key,
                commitment: commitment
            )
            #expect(inspection.faults == [])
            let opener = try #require(inspection.opener)
            #expect(
                try opener.openChunk(index: 0, sealed: Array(sealed[160...])).copyBytes()
                    == plaintext
            )
        }
        let withoutKey = try inspect(header, fixture, key: nil, commitment: nil)
        #expect(withoutKey.faults == [] && withoutKey.opener == nil)
    }

    @Test("each flipped bit is one fault, and the chunks still open")
    func flips() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(plaintext)
        let commitment = Array(sealed[96..<128])
        for bit in 0..<160 * 8 {
            var header = Array(sealed[..<160])
            header[bit / 8] ^= 1 << UInt8(bit % 8)
            for signed in [nil, commitment] {
                let inspection = try inspect(
                    header,
                    fixture,
                    key: fixture.key,
                    commitment: signed
                )
                #expect(inspection.faults.count == 1, "bit \(bit): \(inspection.faults)")
                #expect(inspection.opener != nil, "bit \(bit)")
            }
        }
    }

    @Test("several altered bytes are each named, and an untold salt with what covers it")
    func several() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(plaintext)
        let commitment = Array(sealed[96..<128])
        var header = Array(sealed[..<160])
        for place in [0, 12, 63, 70, 130] { header[place] ^= 0xFF }
        let inspection = try inspect(header, fixture, key: fixture.key, commitment: commitment)
        #expect(
            inspection.faults.map(\.field) == [
                "magic", "chunk size", "plaintext length", "context hash", "header MAC",
            ]
        )
        header = Array(sealed[..<160])
        header[20] ^= 0xFF
        let signed = try inspect(header, fixture, key: fixture.key, commitment: commitment)
        #expect(signed.faults.map(\.field) == ["salt or nonce prefix"] && signed.opener == nil)
        let unsigned = try inspect(header, fixture, key: fixture.key, commitment: nil)
        #expect(unsigned.faults.map(\.field) == ["salt, nonce prefix or key commitment"])
    }

    @Test("another key, another length and a short header are named")
    func others() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(plaintext)
        let header = Array(sealed[..<160])
        let commitment = Array(header[96..<128])
        let otherKey = try inspect(
            header,
            fixture,
            key: try SecretKey.random(),
            commitment: commitment
        )
        #expect(otherKey.faults.map(\.field) == ["salt or nonce prefix"])
        let longer = try inspect(
            header,
            fixture,
            key: nil,
            commitment: commitment,
            plaintextBytes: plaintext.count + 1
        )
        #expect(longer.faults.map(\.field) == ["plaintext length"])
        let short = try inspect(
            Array(header.dropLast()),
            fixture,
            key: fixture.key,
            commitment: commitment
        )
        #expect(short.faults.map(\.field) == ["header"])
    }
}
