package import NIOCore

/// What a frame carries.
package enum FrameType: UInt8, Sendable {
    /// Client to server: a ``RequestEnvelope``.
    case request = 1
    /// Server to client: a ``ResponseEnvelope``.
    case response = 2
    /// Either way, within a stream: the bare message, without an envelope.
    case data = 3
}

/// The flag bits of a frame header.
package struct FrameFlags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The sender sends no more data on this stream.
    package static let remoteClosed = FrameFlags(rawValue: 0x01)
    /// The sender will send data frames on this stream.
    package static let remoteOpen = FrameFlags(rawValue: 0x02)
    /// A data frame of length 0 that is no message. Without this bit it is an empty message.
    /// On a request it says nothing about the length: some clients set it on a full envelope.
    package static let noData = FrameFlags(rawValue: 0x04)
}

/// The ten bytes before every frame's data, all integers big-endian:
///
///     0       4           8      9       10
///     | length | stream id | type | flags |
package struct FrameHeader: Sendable, Equatable {
    /// Encoded size of every header, in bytes.
    package static let byteCount = 10
    /// Largest length that can be declared: the first byte of the length is reserved and zero.
    package static let maxLength = (1 << 24) - 1
    /// Largest length that a peer accepts unless it said otherwise, in bytes.
    package static let defaultMaxLength = 4 << 20

    /// Bytes that follow the header.
    package var length: UInt32
    /// Chosen by the client, odd, growing on one connection.
    package var streamID: UInt32
    /// As received; see ``type``. Unknown values have to be read past, so they are kept.
    package var rawType: UInt8
    package var flags: FrameFlags

    /// The frame's type, nil for one that this version does not know.
    package var type: FrameType? { FrameType(rawValue: rawType) }

    package init(
        length: UInt32,
        streamID: UInt32,
        type: FrameType,
        flags: FrameFlags = []
    ) {
        self.init(length: length, streamID: streamID, rawType: type.rawValue, flags: flags)
    }

    package init(length: UInt32, streamID: UInt32, rawType: UInt8, flags: FrameFlags) {
        self.length = length
        self.streamID = streamID
        self.rawType = rawType
        self.flags = flags
    }

    /// Reads a header; nil, with nothing consumed, if fewer than ten bytes are readable.
    package init?(reading buffer: inout ByteBuffer) {
        guard
            let (length, streamID, rawType, flags) = buffer.readMultipleIntegers(
                endianness: .big,
                as: (UInt32, UInt32, UInt8, UInt8).self
            )
        else { return nil }
        self.init(
            length: length,
            streamID: streamID,
            rawType: rawType,
            flags: FrameFlags(rawValue: flags)
        )
    }

    /// Appends the ten bytes.
    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(length, streamID, rawType, flags.rawValue, endianness: .big)
    }
}
