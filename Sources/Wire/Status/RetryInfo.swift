internal import NIOCore

/// `google.rpc.RetryInfo`: when a caller that was refused may try again.
///
///     message RetryInfo { google.protobuf.Duration retry_delay = 1; }
///     message Duration  { int64 seconds = 1; int32 nanos = 2; }
extension StatusDetail {
    /// The type's name as ``typeURL`` has it.
    package static let retryInfoType = "type.googleapis.com/google.rpc.RetryInfo"
    private static let nsPerSecond: UInt64 = 1_000_000_000

    /// Says that a caller may try again in so many nanoseconds.
    package static func retry(afterNs ns: UInt64) -> StatusDetail {
        var value = ByteBuffer()
        value.append { writer in
            writer.message(1) { delay in
                delay.int64(1, Int64(ns / nsPerSecond))
                delay.int32(2, Int32(ns % nsPerSecond))
            }
        }
        return StatusDetail(typeURL: retryInfoType, value: Array(value.readableBytesView))
    }

    /// The nanoseconds that a detail of this type says; nil for another one, and for one that is
    /// malformed or says a time that has passed.
    fileprivate var retryNs: UInt64? {
        guard typeURL == Self.retryInfoType else { return nil }
        return try? Self.delayNs(ByteBuffer(bytes: value).readableBytesSpan)
    }

    private static func delayNs(_ bytes: RawSpan) throws(ProtoFault) -> UInt64? {
        var cursor = ProtoCursor(bytes)
        var result: UInt64?
        while !cursor.isAtEnd {
            let (number, wireType) = try cursor.readTag()
            let data = try cursor.skip(wireType)
            guard number == 1 else { continue }
            try expect(.lengthDelimited, wireType)
            result = try durationNs(bytes, data)
        }
        return result
    }

    private static func durationNs(
        _ bytes: RawSpan,
        _ range: Range<Int>
    ) throws(ProtoFault) -> UInt64? {
        var cursor = ProtoCursor(bytes, range: range)
        var (seconds, nanos): (UInt64, UInt64) = (0, 0)
        while !cursor.isAtEnd {
            let (number, wireType) = try cursor.readTag()
            guard number == 1 || number == 2 else {
                try cursor.skip(wireType)
                continue
            }
            try expect(.varint, wireType)
            let value = try cursor.readVarint()
            if number == 1 { seconds = value } else { nanos = value }
        }
        // Negative numbers are the largest ones here.
        guard nanos < nsPerSecond else { return nil }
        let (product, overflow) = seconds.multipliedReportingOverflow(by: nsPerSecond)
        guard !overflow, product <= UInt64(Int64.max) else { return nil }
        return product + nanos
    }
}

extension Status {
    /// In how many nanoseconds the call may be tried again; nil: that is not said.
    package var retryAfterNs: UInt64? {
        details.lazy.compactMap(\.retryNs).first
    }
}
