import NIOCore
import Testing

@testable import Wire

@Suite("When to try again")
struct RetryInfoTests {
    @Test(
        "a time travels in a status, to the nanosecond",
        arguments: [0, 1, 999_999_999, 1_000_000_000, 5_000_000_001, UInt64(Int64.max)]
    )
    func roundTrip(ns: UInt64) throws {
        let status = Status(.resourceExhausted, "full", details: [.retry(afterNs: ns)])
        var buffer = ByteBuffer()
        ResponseEnvelope(failure: status).encode(into: &buffer)
        let read = try #require(try ResponseEnvelope(decoding: buffer).status)
        #expect(read == status)
        #expect(read.retryAfterNs == ns)
    }

    @Test("the bytes are those of google.rpc.RetryInfo")
    func bytes() {
        let detail = StatusDetail.retry(afterNs: 2_000_000_300)
        #expect(detail.typeURL == "type.googleapis.com/google.rpc.RetryInfo")
        #expect(detail.value == [0x0A, 0x05, 0x08, 0x02, 0x10, 0xAC, 0x02])
    }

    @Test(
        "what is malformed, negative or of another type says nothing",
        arguments: [
            [0x0A], [0x0A, 0x02, 0x08], [0x08, 0x01], [0x0A, 0x02, 0x0A, 0x00], [],
            [0x0A, 0x0B, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x0A, 0x06, 0x10, 0x80, 0x94, 0xEB, 0xDC, 0x03],
        ] as [[UInt8]]
    )
    func malformed(value: [UInt8]) {
        let detail = StatusDetail(typeURL: StatusDetail.retryInfoType, value: value)
        #expect(Status(.resourceExhausted, "", details: [detail]).retryAfterNs == nil)
    }

    @Test("other details are passed over")
    func others() {
        let other = StatusDetail(typeURL: "type.googleapis.com/x", value: [0x0A, 0x00])
        #expect(Status(.unavailable, "", details: [other]).retryAfterNs == nil)
        let both = Status(.unavailable, "", details: [other, .retry(afterNs: 7)])
        #expect(both.retryAfterNs == 7)
    }
}
